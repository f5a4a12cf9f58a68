"""Row actions: hand the rows of runs to the collector of their connector, action and group."""

from __future__ import annotations

import hashlib
import traceback
import uuid
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from typing import NamedTuple

from pydantic_core import to_json

from cargo_ai.domains.connection.rows.collector import Collector, Row, Shipment
from cargo_ai.domains.connection.rows.halving import Refused, act_in_halves
from cargo_ai.engine.graph.action import Failed, InvalidConfig, Json, Later, Outcome, RowBatch
from cargo_ai.engine.worker.in_flight import InFlight
from cargo_ai.integrations.kit import AccountHalted, ActionRequest, ConnectorAction, ServiceError, Throttled, outcome_of, scrub
from cargo_ai.kernel import log
from cargo_ai.outbound.exchange import ExchangeFailed
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.store.availability import DATABASE_UNAVAILABLE

_log = log.get(__name__)

MAX_COLLECTORS = 2_000


class Destination(NamedTuple):
    """What the rows of a call have in common besides their group."""

    workspace: uuid.UUID
    connector: uuid.UUID | None
    integration: str
    action: str


class RowActions:
    """The collectors of one process."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._collectors: dict[tuple[Hashable, ...], Collector] = {}
        in_flight.watch(self._when_quiet)

    async def perform(
        self,
        destination: Destination,
        batch: RowBatch[ActionRequest],
        request: ActionRequest,
        send: Callable[[Shipment], Awaitable[Sequence[Outcome]]],
    ) -> Outcome:
        """What became of the row of this run. `send`: acts for the rows of a call, the same for all of a destination."""
        group = [_distinct(request.config.get(name)) for name in batch.group_by]
        alike = None if batch.alike is None else batch.alike(request)
        return await self._collector((*destination, *group, alike), batch, send).hand_in(request)

    def _collector(
        self, key: tuple[Hashable, ...], batch: RowBatch[ActionRequest], send: Callable[[Shipment], Awaitable[Sequence[Outcome]]]
    ) -> Collector:
        collector = self._collectors.get(key)
        if collector is None:
            if len(self._collectors) >= MAX_COLLECTORS:
                self._collectors = {key: collector for key, collector in self._collectors.items() if not collector.is_idle}
            collector = self._collectors[key] = Collector(batch, send, self._in_flight)
        return collector

    def _when_quiet(self) -> None:
        for collector in self._collectors.values():
            collector.when_quiet()


def _distinct(value: Json) -> Hashable:
    """A value that is equal exactly where the JSON is: `1` and `true` are not."""
    return value if value is None or isinstance(value, str) else to_json(value)


async def ship(action: ConnectorAction, name: str, shipment: Shipment) -> Sequence[Outcome]:
    """Act for the rows of a call: signed in and counted once, by the service of the first of them. `name`: the integration's."""
    assert action.rows is not None
    perform = action.rows.perform

    async def act(rows: Sequence[Row]) -> Sequence[Outcome]:
        service = rows[0].request.service
        service.admitted = shipment.admitted
        if len(rows) > 1:
            keys = "\n".join(row.request.call.key for row in rows)
            service.key = f"rows:{hashlib.sha256(keys.encode()).hexdigest()}"
        requests = [replace(row.request, service=service) for row in rows]
        try:
            outcomes = await perform(requests)
            if len(outcomes) != len(rows):
                raise ValueError(f"{len(outcomes)} outcomes for {len(rows)} rows")
            return outcomes
        except ServiceError as error:
            raise Refused(error, changed=service.changed) from None
        except InvalidConfig as error:
            # The service was not asked yet, so that looking for the row at fault costs no call.
            raise Refused(ServiceError(str(error), status=400, reason="invalidConfig"), changed=service.changed) from None
        except (Throttled, AccountHalted, OutboundRefused, ExchangeFailed) as error:
            return [outcome_of(error, request) for request in requests]
        except Exception as error:
            return [after_bug(error, action, name, request) for request in requests]

    return await act_in_halves(shipment.rows, act)


def after_bug(error: Exception, action: ConnectorAction, name: str, request: ActionRequest) -> Outcome:
    """The outcome of an attempt that broke off: a bug of one integration must not take the other runs of this worker along. The database's
    faults are raised, unless nothing was done before: then the call may begin again."""
    if isinstance(error, DATABASE_UNAVAILABLE):
        if request.service.changed:
            raise error
        return Later(1.0, request.call.meta, "the database is unavailable")
    trace = scrub("".join(traceback.format_exception(error)), request.sensitive)
    _log.error("integration failed", integration=name, action=action.slug, run=str(request.call.run), trace=trace)
    return Failed(f"The integration {name} failed unexpectedly ({type(error).__name__}).", sent=request.service.changed)
