"""The state of a run in its graph: its journal entries, and the next requests to the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from cargo_ai.engine.graph.action import Json, Usage
from cargo_ai.engine.graph.graph import Graph, Node, is_end
from cargo_ai.engine.graph.row_result import NO_RESULT, RowResult
from cargo_ai.expression import EngineExpression, EngineResult

Status = Literal["success", "error", "cancelled"]


class Attempt(NamedTuple):
    """An attempt that failed, after which there was another one. Times are milliseconds since 1970."""

    started: int
    finished: int
    error: str


class Execution(NamedTuple):
    """One execution: what the journal keeps of a visited node. Times are milliseconds since 1970; `output`, `config` are JSON."""

    seq: int
    node: str
    slug: str
    visit: int
    status: str
    child: int | None
    next: str | None
    title: str
    error: str | None
    warnings: tuple[str, ...]
    output: bytes
    config: bytes
    credits: float
    started: int
    finished: int
    effect: bool
    below: bool = False
    """The credits are those of runs below this one, whose own executions have counted them for their nodes."""
    reason: str | None = None
    """Of a failure, for programs."""
    result: RowResult = NO_RESULT
    usage: Usage | None = None
    """Of one that cost credits by itself: what for."""
    service: tuple[str, Json] | None = None
    """Of an action of an integration: its slug, and the connector as the node names it."""
    agent: str | None = None
    """Of a node that asks an agent: which."""
    attempts: int = 1
    earlier: tuple[Attempt, ...] = ()
    """The last of the attempts before the one that counts, as far as is known."""
    log: str = ""
    """What the code of the node printed."""
    charged: float = 0.0
    """Of the credits those that were charged before, when they were used."""


class Act(NamedTuple):
    """Perform the effect of this node, then `settle` its outcome."""

    node: Node
    config: dict[str, Json]
    key: str
    attempt: int
    meta: Json
    warnings: list[str]
    started: int


class Evaluate(NamedTuple):
    """Have the JavaScript engine answer these questions over this scope, put them into `walk.answered`, then `advance` again."""

    node: Node
    scope: Mapping[str, Json]
    questions: tuple[EngineExpression, ...]
    now: int
    before: Mapping[EngineExpression, EngineResult]


class EngineAnswers(NamedTuple):
    """What the engine answered about the config of the present node, and the time that was `now` when it was asked."""

    answers: Mapping[EngineExpression, EngineResult]
    now: int


class Pause(NamedTuple):
    """Nothing to do for this many seconds; then `advance` again."""

    seconds: float
    reason: str


@dataclass(slots=True)
class Walk:
    """One run on its way. `entries` holds what the journal does not have yet; the driver takes them out. `last`: the node visited last;
    `stopped_at`: the node at which the run was stopped from outside; `split_seed`: the run that it repeats: where nodes leave the way
    to chance, it goes as that one did; `is_unsure`: an earlier worker may have begun the present node; `is_unknown`:
    some node failed that may have taken effect. `waits`: what the present wait is
    for, and why, where something else can end it; `says`: the same for people; `began`: when the present node was first asked, in
    milliseconds since 1970, if it has waited since; `earlier`: its attempts that failed."""

    run: str
    program: Graph
    record: Json
    node: Node | None
    parent: Json = None
    context: dict[str, Json] = field(default_factory=dict[str, Json])
    visits: dict[str, int] = field(default_factory=dict[str, int])
    entries: list[Execution] = field(default_factory=list[Execution])
    seq: int = 0
    size: int = 0
    credits: float = 0.0
    attempt: int = 1
    throttled: int = 0
    meta: Json = None
    resumed: bool = False
    waits: dict[str, str] | None = None
    says: str = ""
    began: int | None = None
    answered: EngineAnswers | None = None
    status: Status | None = None
    error: str | None = None
    last: Node | None = None
    stopped_at: Node | None = None
    split_seed: str = ""
    is_unsure: bool = False
    is_unknown: bool = False
    earlier: list[Attempt] = field(default_factory=list[Attempt])

    def output(self) -> Json:
        """What the run gives: the output of the `end` that it came to; None when it came to none."""
        return self.context.get(self.last.slug) if self.status == "success" and self.last and is_end(self.last.raw) else None

    def pending(self) -> dict[str, Any] | None:
        """What must be kept beside the entries while the run is parked; None where the present node has not been asked. `seq`: it is about
        the execution of this number; once that is in the journal, it means nothing."""
        if self.began is None and self.attempt == 1 and not self.resumed and not self.throttled:
            return None
        kept = {"attempt": self.attempt, "throttled": self.throttled, "meta": self.meta, "resumed": self.resumed}
        kept |= {"seq": self.seq, "began": self.began}
        if self.earlier:
            kept["earlier"] = self.earlier
        return kept | ({} if self.waits is None else {"waits": self.waits}) | ({"says": self.says} if self.says else {})
