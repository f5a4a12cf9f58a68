"""Inline child runs: drive the runs of one fan-out in the shard of their parent, next to everything else in it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cargo_ai.engine.graph.group import ItemResult
from cargo_ai.engine.graph.walk import Walk
from cargo_ai.engine.journal.rows import FanoutRow
from cargo_ai.engine.journal.shard_flush import MetricScope
from cargo_ai.engine.journal.writer import ShardLost
from cargo_ai.engine.worker.driven_shard import DrivenRun, DrivenShard, Step
from cargo_ai.engine.worker.load import restore_walk
from cargo_ai.engine.worker.run_driver import RunDriver
from cargo_ai.kernel import clock

SLICE_SECONDS = 0.002


class InlineChildren:
    """Drives child runs and collects the results of those that ended here. With `fail_fast`, the first that fails cancels the others."""

    def __init__(self, runner: RunDriver, drive: DrivenShard, fan: FanoutRow, rows: Sequence[DrivenRun], *, fail_fast: bool) -> None:
        self._runner, self._drive, self._fan, self._rows, self._fail_fast = runner, drive, fan, rows, fail_fast
        self.results: dict[int, ItemResult] = {}
        self.parked = False
        """Some run waits for its time, or for runs below it."""
        self.left = False
        """Some run was left unfinished because this process drains."""

    @property
    def failed(self) -> bool:
        """Whether some run ended otherwise than in success."""
        return any(result.status != "success" for result in self.results.values())

    def give_up(self) -> None:
        """Cancel what has not ended."""
        self._drive.cancelled |= {str(row["uuid"]) for row in self._rows if row["item"] not in self.results}

    async def drive(self) -> None:
        """Walk all runs until each has ended, is parked or left."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._start(tasks)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        slice_end = clock.seconds() + SLICE_SECONDS
        for row in self._rows:
            if self._drive.shard.lost:
                raise ShardLost
            if self._runner.draining.is_set():
                self.left = self._drive.left = True
                return
            walk, origin = restore_walk(row)
            step = self._runner.start(self._drive, row, walk)
            if step is None and self._runner.end_at_once(self._drive, row, walk, origin):
                self._ended(row, walk)
                if clock.seconds() > slice_end:
                    await self._runner.yield_to_others(self._drive)
                    slice_end = clock.seconds() + SLICE_SECONDS
                continue
            gate = self._drive.gate(self._fan["depth"])
            await gate.acquire()
            tasks.create_task(self._drive_run(row, walk, origin, step, gate))

    async def _drive_run(self, row: DrivenRun, walk: Walk, origin: MetricScope, step: Step | None, gate: asyncio.Semaphore) -> None:
        try:
            run_exit = await self._runner.drive_run(self._drive, row, walk, origin, step)
        finally:
            gate.release()
        if run_exit == "ended":
            self._ended(row, walk)
        else:
            self.parked = self.parked or run_exit == "parked"
            self.left = self.left or run_exit == "left"

    def _ended(self, row: DrivenRun, walk: Walk) -> None:
        self.results[row["item"] or 0] = ItemResult(walk.status or "error", walk.output(), walk.error, walk.credits, walk.is_unknown)
        if self._fail_fast and walk.status != "success":
            self.give_up()
