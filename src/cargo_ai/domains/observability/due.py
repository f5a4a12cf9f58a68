"""Due alerts: measure one, store what was found as an event, and start its actions where it is unhealthy."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Caller, Context
from cargo_ai.context.process import Services
from cargo_ai.contract.observability.condition import Threshold
from cargo_ai.contract.orchestration.nodes.action import Action
from cargo_ai.domains.observability import evaluation, event
from cargo_ai.domains.observability.alert import scope_of
from cargo_ai.domains.observability.evaluation import Measured
from cargo_ai.domains.observability.tables import Alert, AlertEvent
from cargo_ai.domains.orchestration import public as orchestration
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available

LONGEST_WINDOW = timedelta(days=31)
WINDOWED = frozenset({"spans", "runs", "records"})
"""The scopes of which each window has other rows: each unhealthy window starts the actions. Of the others only becoming unhealthy does."""

_ACTION: TypeAdapter[Action] = TypeAdapter(Action)
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class DueJob:
    """The job: one alert that is due. Repeated after a crash, it stores one event and starts its actions once."""

    services: Services

    async def evaluate(self, workspace: str, alert: str, due: str) -> None:
        """Measure, and store the event together with the runs that it starts."""
        when = datetime.fromisoformat(due)
        await retry_until_available("evaluating an alert", lambda: self._evaluate(uuid.UUID(workspace), uuid.UUID(alert), when))

    async def _evaluate(self, workspace: uuid.UUID, alert: uuid.UUID, due: datetime) -> None:
        async with self.services.database.session(workspace) as db:
            row = await db.scalar(select(Alert).where(Alert.uuid == alert))
            if row is None or not _is_due(row, due):
                return
            scope, threshold = scope_of(row.scope), Threshold.model_validate(row.threshold)
            ends = clock.now()
            window = max(row.watched_from, ends - LONGEST_WINDOW), ends
        # In another session, so that none is held while a query runs.
        async with self.services.database.session(workspace) as db:
            ctx = self._context(db, row)
            try:
                measured, problem = await evaluation.measure(ctx, scope, threshold, window), None
            except evaluation.NotComputed as error:
                measured, problem = None, str(error)
        async with self.services.database.session(workspace) as db:
            row = await db.scalar(select(Alert).where(Alert.uuid == alert).with_for_update())
            if row is not None and _is_due(row, due):
                await self._store(db, row, (threshold, measured, problem), window)
                await db.commit()

    async def _store(
        self,
        db: AsyncSession,
        row: Alert,
        result: tuple[Threshold, Measured | None, str | None],
        window: tuple[datetime, datetime],
    ) -> None:
        threshold, measured, problem = result
        value = measured.value if measured is not None else None
        unhealthy = value is not None and evaluation.is_breached(threshold, value)
        former = (await event.newest(db, [row.uuid])).get(row.uuid)
        stored = AlertEvent(
            uuid=ids.new(),
            workspace_uuid=row.workspace_uuid,
            alert_uuid=row.uuid,
            status="error" if problem is not None else "unhealthy" if unhealthy else "healthy",
            value=value,
            error_message=problem,
            scope=row.scope,
            threshold=row.threshold,
            actions=row.actions,
            run_uuids=[],
            window_started_at=window[0],
            window_ended_at=window[1],
        )
        if unhealthy and (row.scope["kind"] in WINDOWED or former is None or former.status != "unhealthy"):
            await self._act(db, row, stored)
        db.add(stored)
        row.watched_from = row.last_evaluated_at = window[1]

    async def _act(self, db: AsyncSession, row: Alert, stored: AlertEvent) -> None:
        """Start the actions. One that cannot be started does not keep the others from it, and the event says why."""
        ctx, problems, started = self._context(db, row), list[str](), list[str]()
        for number, action in enumerate(row.actions, 1):
            try:
                async with db.begin_nested():
                    started.append(await orchestration.execute_action(ctx, _ACTION.validate_python(action), _record(row, stored)))
            except DATABASE_UNAVAILABLE:
                raise
            except Refusal as refusal:
                problems.append(f"Action {number} was not started: {refusal.message}")
            except Exception:
                # Whatever is wrong with one action, the event is stored and the others are started.
                _log.exception("an action of an alert broke", alert=str(row.uuid))
                problems.append(f"Action {number} was not started: it broke, see the log of the worker.")
        stored.run_uuids = started
        stored.error_message = " ".join(problems) or None

    def _context(self, db: AsyncSession, row: Alert) -> Context:
        caller = Caller(row.user_uuid, uuid.UUID(int=0), row.workspace_uuid, "alert", ())
        return Context(caller, db, self.services, base_url=self.services.settings.public_url, request_id=str(ids.new()))


def _is_due(row: Alert, due: datetime) -> bool:
    """Whether this due time was not evaluated yet, by this job before it was repeated, or by a later one."""
    return row.is_enabled and (row.last_evaluated_at is None or row.last_evaluated_at < due)


def _record(row: Alert, stored: AlertEvent) -> JsonObject:
    """What the actions get."""
    threshold = Threshold.model_validate(row.threshold)
    bound = f"at {'least' if threshold.operator == 'gte' else 'most'} {threshold.value:g}"
    title = f"{row.name}: {threshold.metric} is {stored.value:g} ({bound})"
    return {
        "_id": str(stored.uuid),
        "_title": title,
        "alert": {
            "uuid": str(row.uuid),
            "name": row.name,
            "title": title,
            "status": stored.status,
            "value": stored.value,
            "scope": row.scope,
            "threshold": row.threshold,
            "eventUuid": str(stored.uuid),
            "windowStartedAt": clock.to_iso(stored.window_started_at),
            "windowEndedAt": clock.to_iso(stored.window_ended_at),
        },
    }
