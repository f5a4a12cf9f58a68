"""What happened to the runs of one shard and is not written yet."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cargo_ai.engine.graph.action import Usage
from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal.fanout import Fanout
from cargo_ai.ledger import charges
from cargo_ai.ledger.amounts import PLACES

NIL = uuid.UUID(int=0)
HOUR = 3_600_000
MILLION = 10**PLACES
FeeKey = tuple[str, uuid.UUID, uuid.UUID | None, uuid.UUID | None, date, str | None, str | None, str | None]
"""Status, workflow, batch, user and day of executions, of those of connectors the integration and the connector, of agents the agent."""
ChargeKey = tuple[Usage, uuid.UUID, uuid.UUID | None, uuid.UUID | None, uuid.UUID, date]
"""What was used, and the workflow, batch, user, trace and day that used it."""


@dataclass(slots=True)
class HeldShard:
    """A shard that this process holds. `lost` turns true when another worker has claimed it; what this one still writes is dropped."""

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


@dataclass(slots=True)
class MetricScope:
    """Where executions count: workflow, release and batch of their run (or of its root run), and the hour in which it was created. `user`:
    for whom it runs; `trace`: what it belongs to."""

    workflow: uuid.UUID
    release: uuid.UUID | None
    batch: uuid.UUID | None
    hour: int
    user: uuid.UUID | None = None
    trace: uuid.UUID = NIL


@dataclass(slots=True)
class ShardFlush:
    """One shard's share of a flush."""

    shard: HeldShard
    executions: list[tuple[str, Execution, str | None]] = field(default_factory=list[tuple[str, Execution, str | None]])
    updates: list[RunUpdate] = field(default_factory=list[RunUpdate])
    metrics: dict[tuple[Any, ...], list[float]] = field(default_factory=dict[tuple[Any, ...], list[float]])
    fanouts: list[Fanout] = field(default_factory=list[Fanout])
    charges: dict[ChargeKey, list[int]] = field(default_factory=dict[ChargeKey, list[int]])
    """What executions cost together, in millionths of a credit, which add up exactly; and how many they are."""
    fees: Counter[FeeKey] = field(default_factory=Counter[FeeKey])
    """How many executions there were, which is usage; where there is a fee, each costs it."""
    spent: int = 0
    """What its executions cost, in millionths of a credit, with what was charged before."""
    begun: list[str] | None = None
    """What of the shard is begun when this flush has been written; None: the same as before."""

    def seal(self) -> None:
        """Nothing more is added: note which effects are begun and not among these executions."""
        if self.shard.has_new_begun:
            self.begun, self.shard.has_new_begun = sorted(self.shard.begun), False

    def count(self, scope: MetricScope, execution: Execution) -> None:
        """Count one execution for its node, and what it costs."""
        row = self._row(scope, execution.node)
        row[0] += 1
        row[1 if execution.status == "success" else 2] += 1
        if execution.credits and not execution.below:
            row[5] += execution.credits
            self.spent += round(execution.charged * MILLION)
        if execution.usage is not None:
            self.charge(scope, execution, execution.usage)
        status = "success" if execution.status == "success" else "error"
        integration, connector = (None, None) if execution.service is None else execution.service
        day = charges.day_of(execution.finished)
        through, agent = None if connector is None else str(connector), execution.agent
        self.fees[(status, scope.workflow, scope.batch, scope.user, day, integration, through, agent)] += 1

    def charge(self, scope: MetricScope, execution: Execution, usage: Usage) -> None:
        """Charge one execution that cost credits, but for what was charged before."""
        key = (usage, scope.workflow, scope.batch, scope.user, scope.trace, charges.day_of(execution.finished))
        cost = self.charges.get(key)
        if cost is None:
            cost = self.charges[key] = [0, 0]
        due = round((execution.credits - execution.charged) * MILLION)
        cost[0] += due
        cost[1] += 1
        self.spent += due

    def count_parked(self, scope: MetricScope, node: str) -> None:
        """Count a run that is parked at a node; waking it subtracts it again (see dispatch.wake)."""
        self._row(scope, node)[3] += 1

    def _row(self, scope: MetricScope, node: str) -> list[float]:
        key = (scope.workflow, scope.release or NIL, scope.batch or NIL, scope.hour, node)
        row = self.metrics.get(key)
        if row is None:
            row = self.metrics[key] = [0, 0, 0, 0, 0, 0.0]
        return row
