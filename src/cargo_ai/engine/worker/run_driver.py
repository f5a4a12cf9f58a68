"""The interface of the runner for the code of child runs, so that the two do not import each other."""

from __future__ import annotations

import asyncio
from typing import Protocol

from cargo_ai.engine.graph.walk import Walk
from cargo_ai.engine.journal.shard_flush import MetricScope
from cargo_ai.engine.worker.driven_shard import DrivenRun, DrivenShard, RunExit, Step


class RunDriver(Protocol):
    """Drives single runs of a shard; `runner.Runner` is the one that does."""

    draining: asyncio.Event

    def start(self, drive: DrivenShard, row: DrivenRun, walk: Walk) -> Step | None:
        """Walk a run as far as it goes without waiting; None when it reached its end."""
        ...

    def end_at_once(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope) -> bool:
        """Journal a run that `start` brought to its end; False when that takes waiting."""
        ...

    async def drive_run(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope, step: Step | None) -> RunExit:
        """Continue from a step until the run ends, is parked, or is left."""
        ...

    async def refresh(self, drive: DrivenShard) -> None:
        """Read which runs were cancelled."""
        ...

    async def yield_to_others(self, drive: DrivenShard) -> None:
        """Let other shards of this process use the event loop."""
        ...
