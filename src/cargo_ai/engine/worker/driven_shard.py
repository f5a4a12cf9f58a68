"""The state of one shard while this process drives it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Literal, NotRequired

from cargo_ai.engine.dispatch.claim import ClaimedShard
from cargo_ai.engine.dispatch.concurrency import MAXIMUM_WIDTH
from cargo_ai.engine.graph.action import Json
from cargo_ai.engine.graph.graph import Graph
from cargo_ai.engine.graph.walk import Act, Evaluate, Pause, Walk
from cargo_ai.engine.journal.rows import ExecutionRow, FanoutRow, RunRow
from cargo_ai.engine.journal.shard_flush import HeldShard
from cargo_ai.kernel import clock

CONCURRENT_RUNS = MAXIMUM_WIDTH
CAREFUL_TRIES = 3
MAXIMUM_TRIES = 12
UNFINISHED = f"This run could not be finished in {MAXIMUM_TRIES} tries; the server's log says why."

Step = Act | Evaluate | Pause
RunExit = Literal["ended", "parked", "left"]
"""How a run leaves this process: `left` means unfinished on purpose (draining), so that the shard goes back to the queue."""


class DrivenRun(RunRow):
    """A run that this process drives: its row, and with it what walking it needs."""

    program: Graph | str
    """Its graph; a sentence when that cannot be walked."""
    fresh: bool
    """It was surely not begun before."""
    entries: NotRequired[list[ExecutionRow]]
    """Its journal, unless it is fresh."""
    fan: FanoutRow | None
    """Of a run below another one: its fan-out."""
    parent: Json
    """Of an item of a group: what its expressions know as `parentNodes`."""
    above: NotRequired[tuple[str, ...]]
    """Where its parent drives it: the runs above it."""


@dataclass(slots=True)
class DrivenShard:
    """A claimed shard: its cancelled runs, its running tasks, and the contexts of parents that its present runs read."""

    claimed: ClaimedShard
    shard: HeldShard
    seen_signal: int
    cancelled: set[str] = field(default_factory=set[str])
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    contexts: dict[uuid.UUID, Json] = field(default_factory=dict[uuid.UUID, Json])
    left: bool = False
    """Some run was left unfinished on purpose (draining): the shard goes back to the queue."""
    _gates: dict[int, asyncio.Semaphore] = field(default_factory=dict[int, asyncio.Semaphore])

    @property
    def is_quarantined(self) -> bool:
        """Whether workers of this shard keep dying, so that it is driven one step at a time."""
        return self.claimed.tries >= CAREFUL_TRIES

    @property
    def is_unreadable(self) -> bool:
        """Whether workers kept dying when its runs were to be given up: it must be reading them that does it."""
        return self.claimed.tries > MAXIMUM_TRIES + 2

    def gate(self, depth: int) -> asyncio.Semaphore:
        """How many runs of a depth may wait for something at once. Each depth has its own: a parent never keeps its children out."""
        gate = self._gates.get(depth)
        if gate is None:
            width = min(CONCURRENT_RUNS, self.claimed.width or CONCURRENT_RUNS)
            gate = self._gates[depth] = asyncio.Semaphore(1 if self.is_quarantined else width)
        return gate

    @property
    def is_flat(self) -> bool:
        """Whether it has driven nothing below its runs so far."""
        return all(depth == 0 for depth in self._gates)

    def is_cancelled(self, row: DrivenRun, walk: Walk) -> bool:
        """Whether the run, its batch, or a run above it is to be cancelled."""
        if self.shard.cancelling or row["status"] == "cancelling" or walk.run in self.cancelled:
            return True
        return bool(self.cancelled) and not self.cancelled.isdisjoint(row.get("above", ()))


def now() -> int:
    """Milliseconds since 1970."""
    return clock.now_ms()
