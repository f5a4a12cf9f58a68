"""Rows for the tests of collectors: requests without a service, and a batch that notes what went together."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.domains.connection.rows.collector import Collector, Shipment
from cargo_ai.engine.graph.action import Call, Done, Outcome, RowBatch
from cargo_ai.engine.worker.in_flight import InFlight
from cargo_ai.integrations.kit import ActionRequest
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings

BATCH = ids.new()


def request(name: str, *, batch: uuid.UUID | None = BATCH, stands: bool = True, **config: Any) -> ActionRequest:
    """A row of this name; `batch`: None for a single run."""

    async def still() -> bool:
        return stands

    run = ids.new()
    call = Call(run, None, run, batch, run, {}, {"name": name, **config}, {}, f"{run}:n:1", 1, stands=still)
    nothing = cast("Any", None)
    return ActionRequest(call.config, {}, call, nothing, Settings({}), nothing)


@dataclass
class Line:
    """A collector in a process where `others` more runs move; `calls` are the names that went together. A call waits at `gate`, if any."""

    max: int = 3
    linger: float = 0.05
    others: int = 1
    most_bytes: int | None = None
    unique: Callable[[ActionRequest], Any] | None = None
    limit: asyncio.Event | None = None
    gate: asyncio.Event | None = None
    calls: list[list[str]] = field(default_factory=list[list[str]])
    in_flight: InFlight = field(default_factory=InFlight)

    def __post_init__(self) -> None:
        async def perform(_rows: Sequence[ActionRequest]) -> Sequence[Outcome]:
            raise AssertionError

        batch = RowBatch(perform, self.max, linger=self.linger, most_bytes=self.most_bytes, unique=self.unique)
        self.collector = Collector(batch, self._send, self.in_flight)
        self.in_flight.watch(self.collector.when_quiet)
        for _ in range(self.others):
            self.in_flight.go()

    async def _send(self, shipment: Shipment) -> Sequence[Outcome]:
        if self.limit is not None:
            await self.limit.wait()
        shipment.admitted()
        names = [str(row.request.config["name"]) for row in shipment.rows]
        self.calls.append(names)
        if self.gate is not None:
            await self.gate.wait()
        return [Done(name) for name in names]

    async def run(self, of: ActionRequest) -> Outcome:
        """A run that comes to the node."""
        with self.in_flight.moving():
            return await self.collector.hand_in(of)

    def start(self, *names: str, **config: Any) -> list[asyncio.Task[Outcome]]:
        """Runs that come to the node one after another."""
        return [asyncio.create_task(self.run(request(name, **config))) for name in names]
