"""The unwritten changes of one shard's runs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from cargo_ai.engine.graph.action import Usage
from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal.fanout import Fanout
from cargo_ai.ledger import charges
from cargo_ai.ledger.amounts import PLACES

NIL = uuid.UUID(int=0)
HOUR = 3_600_000
MILLION = 10**PLACES
FeeKey = tuple[str, date, str | None, str | None, str | None]
"""Status and day of executions, of those of connectors the integration and the connector, of agents the agent."""
ChargeKey = tuple[Usage, date]
"""What was used, and the day that used it."""


@dataclass(slots=True, eq=False)
class HeldShard:
    """One claim of a shard by this process. `lost` is true once it was claimed again, also here; what this one still writes is dropped."""

    uuid: uuid.UUID
    epoch: int
    workspace: uuid.UUID
    batch: uuid.UUID | None
    lane: str
    lost: bool = False
    signal: int = 0
    cancelling: bool = False
    suspect: str | None = None
    quiet: bool = False
    single: bool = False
    """It is one single run that was not begun before, and has nothing below it: it may end in one statement (see single_flush)."""
    ended: bool = False
    """It was ended together with its run."""
    begun: set[str] = field(default_factory=set[str])
    """The keys of effects that must not be repeated, from before they begin until their execution is written."""
    has_new_begun: bool = False


@dataclass(slots=True)
class RunUpdate:
    """What changes on a run's row: its end, or where it is parked and until when, or for which fan-out (`waiting`).

    `fanout`: the one that the run itself belongs to. Such a run counts neither for its shard nor for a batch: its credits reach them
    once, through the node of its parent that waits for it.
    """

    run: str
    status: str
    now: int
    error: str | None = None
    credits: float = 0.0
    position: str | None = None
    wake: int | None = None
    pending: dict[str, Any] | None = None
    waiting: uuid.UUID | None = None
    fanout: uuid.UUID | None = None

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self.status != "idle"


@dataclass(slots=True, eq=False)
class MetricScope:
    """Where executions count: workflow, release and batch of their run (or of its root run), and the hour in which it was created. `user`:
    for whom it runs; `trace`: what it belongs to. Compared by identity, which costs no hashes of ids: `scope_of` gives the same one."""

    workflow: uuid.UUID
    release: uuid.UUID | None
    batch: uuid.UUID | None
    hour: int
    user: uuid.UUID | None = None
    trace: uuid.UUID = NIL


@lru_cache(maxsize=1_000)
def scope_of(
    workflow: uuid.UUID, release: uuid.UUID | None, batch: uuid.UUID | None, hour: int, user: uuid.UUID | None, trace: uuid.UUID
) -> MetricScope:
    """The scope of a run: one object for the runs of a batch, so that their counts come together. Two that say the same only cost more."""
    return MetricScope(workflow, release, batch, hour, user, trace)


@dataclass(slots=True)
class ScopeCounts:
    """What the executions of one scope add up to in a flush."""

    nodes: dict[str, list[float]] = field(default_factory=dict[str, "list[float]"])
    """Of each node: total, success, error, idle, cancelled and credits."""
    charges: dict[ChargeKey, list[int]] = field(default_factory=dict[ChargeKey, "list[int]"])
    """What executions cost together, in millionths of a credit, which add up exactly; and how many they are."""
    fees: dict[FeeKey, int] = field(default_factory=dict[FeeKey, int])
    """How many executions there were, which is usage; where there is a fee, each costs it."""

    def row(self, node: str) -> list[float]:
        """The counts of a node."""
        row = self.nodes.get(node)
        if row is None:
            row = self.nodes[node] = [0, 0, 0, 0, 0, 0.0]
        return row

    def charge(self, usage: Usage, day: date, due: int) -> None:
        """Add an execution that used something and costs `due` millionths of a credit."""
        cost = self.charges.get((usage, day))
        if cost is None:
            cost = self.charges[usage, day] = [0, 0]
        cost[0] += due
        cost[1] += 1


@dataclass(slots=True)
class ShardFlush:
    """One shard's share of a flush."""

    shard: HeldShard
    executions: list[tuple[str, Execution, str | None]] = field(default_factory=list[tuple[str, Execution, str | None]])
    updates: list[RunUpdate] = field(default_factory=list[RunUpdate])
    counts: dict[MetricScope, ScopeCounts] = field(default_factory=dict[MetricScope, ScopeCounts])
    fanouts: list[Fanout] = field(default_factory=list[Fanout])
    spent: int = 0
    """What its executions cost, in millionths of a credit, with what was charged before."""
    begun: list[str] | None = None
    """What of the shard is begun when this flush has been written; None: the same as before."""

    @property
    def is_charged(self) -> bool:
        """Whether an execution of it has cost credits."""
        return any(counts.charges for counts in self.counts.values())

    @property
    def has_failed(self) -> bool:
        """Whether an execution or a run of it has failed."""
        if any(row[2] for counts in self.counts.values() for row in counts.nodes.values()):
            return True
        return any(update.status == "error" for update in self.updates)

    def failed_runs(self) -> set[str]:
        """The runs in which a node failed, and those that failed."""
        at_node = {run for run, execution, _ in self.executions if execution.status == "error"}
        return at_node | {update.run for update in self.updates if update.status == "error"}

    def seal(self) -> None:
        """Nothing more is added: note which effects are begun and not among these executions."""
        if self.shard.has_new_begun:
            self.begun, self.shard.has_new_begun = sorted(self.shard.begun), False

    def count(self, scope: MetricScope, execution: Execution) -> None:
        """Count one execution for its node, and what it costs."""
        counts = self._of(scope)
        row = counts.row(execution.node)
        success = execution.status == "success"
        row[0] += 1
        row[1 if success else 2] += 1
        day = charges.day_of(execution.finished)
        if execution.credits and not execution.below:
            row[5] += execution.credits
            self.spent += round(execution.charged * MILLION)
        if execution.usage is not None:
            due = round((execution.credits - execution.charged) * MILLION)
            counts.charge(execution.usage, day, due)
            self.spent += due
        integration, connector = (None, None) if execution.service is None else execution.service
        through = None if connector is None else str(connector)
        key = ("success" if success else "error", day, integration, through, execution.agent)
        counts.fees[key] = counts.fees.get(key, 0) + 1

    def count_parked(self, scope: MetricScope, node: str) -> None:
        """Count a run that is parked at a node; waking it subtracts it again (see dispatch.wake)."""
        self._of(scope).row(node)[3] += 1

    def _of(self, scope: MetricScope) -> ScopeCounts:
        counts = self.counts.get(scope)
        if counts is None:
            counts = self.counts[scope] = ScopeCounts()
        return counts
