"""Actions: what a node can do, declared once for graphs, validation, diagrams, dry runs, catalogs and workers."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from cargo_ai.contract.orchestration.fields import NodeKind
from cargo_ai.engine.graph.check.finding import Finding
from cargo_ai.expression.sandbox.host import Language
from cargo_ai.records.catalog import Relation

Json = Any
Config = Mapping[str, Json]
Schema = Mapping[str, Json]
Doing = Literal["decides", "computes", "acts", "runs children"]
Models = Mapping[str, Relation]
"""The models of a workspace, by uuid."""
Idempotency = Literal["reads", "key", "upsert", "readback", "none"]
Hint = Literal["reads", "writes", "deletes"]
OUTCOME_UNKNOWN = "outcomeUnknown"
"""The reason of a failure after which no one knows whether the service has done it: no answer came, or the worker died."""


class Spent(NamedTuple):
    """Credits, and the connector whose calls they are for."""

    credits: float = 0.0
    connector: uuid.UUID | None = None


class Usage(NamedTuple):
    """What an execution used: its slug in the usage of a workspace, the integration, and the connector."""

    slug: str
    integration: str | None = None
    connector: uuid.UUID | None = None


@lru_cache(maxsize=10_000)
def _usage(kind: str, integration: str, slug: str, connector: uuid.UUID | None) -> Usage:
    return Usage(f"integration.{integration}.action.{slug}" if integration else f"{kind}.{slug}", integration or None, connector)


@dataclass(frozen=True, slots=True)
class Done:
    """The node succeeded. `child` is the index of the child to go to (None: the run ends here). `title`: a short line for people.
    `credits`: what it cost. `connector`: whose account was called. `charged`: what it cost besides, and was charged when it was used.
    `log`: what the code of the node printed."""

    output: Json
    title: str = ""
    child: int | None = 0
    credits: float = 0.0
    warnings: tuple[str, ...] = ()
    connector: uuid.UUID | None = None
    log: str = ""
    charged: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """The node failed. `transient`: another attempt may help. `retry_after`: seconds the service asked for; such a
    failure uses up no attempt. `credits`, `charged`: what was spent (see Done). `reason`: a code, such as `rateLimited`. `sent`: the
    service may have done it all the same (see unknown_outcome). `log`: what the code of the node printed."""

    message: str
    transient: bool = False
    retry_after: float | None = None
    credits: float = 0.0
    reason: str | None = None
    sent: bool = False
    connector: uuid.UUID | None = None
    log: str = ""
    charged: float = 0.0


@dataclass(frozen=True, slots=True)
class Later:
    """Not finished: ask again after `seconds` with `meta`; waits above two seconds park the run. Uses up no attempt.

    waits_for: what ends the wait earlier (`connector:<uuid>`, see resume_early); `reason` is then a code that is kept with the run.
    """

    seconds: float
    meta: Json = None
    reason: str = ""
    waits_for: str = ""


Outcome = Done | Failed | Later


class InvalidConfig(Exception):
    """The node cannot be executed with this config; the message is for the user. Raised in `perform`, it fails the node."""


async def _always_stands() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of one node of one run.

    `key` is the idempotency key `<run>:<node>:<visit>`, the same for all attempts. `attempt` counts from 1.
    `meta` is what an earlier `Later` left. `config` is resolved. `parent` is the context of the run that this one is a child of.
    `repeated`: this may have been done before, by an earlier attempt, a worker that died, or the run that this one repeats.
    `stands`: whether the run still wants it: neither was it cancelled nor has another worker taken it over.
    """

    workspace: uuid.UUID
    workflow: uuid.UUID | None
    run: uuid.UUID
    batch: uuid.UUID | None
    trace: uuid.UUID
    node: Mapping[str, Any]
    config: dict[str, Json]
    context: Mapping[str, Json]
    key: str
    attempt: int
    meta: Json = None
    parent: Json = None
    repeated: bool = False
    stands: Callable[[], Awaitable[bool]] = field(default=_always_stands, compare=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an action that decides may look at besides its config: the input record, the ids that make `split` repeatable, and `resumed`:
    True when a node that answered `Later` is asked again after the wait."""

    record: Json
    run: str
    node: str
    visit: int
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Routes:
    """The ways on from a node.

    labels: one per child, in order; "" where there is only one way.
    default: the label of one more child, which a graph may leave out; then the run ends where no other route fits.
    fewest: how many of `labels` need a child, when not all do.
    may_end: the run may end here although every route has a child.
    """

    labels: tuple[str, ...] = ("",)
    default: str = ""
    fewest: int | None = None
    may_end: bool = False

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of children that a node may have, the usual one first."""
        count = len(self.labels)
        fewer = range(count - 1, (count if self.fewest is None else self.fewest) - 1, -1)
        return (count, *fewer, *([count + 1] if self.default else []))

    @property
    def choose(self) -> bool:
        """Whether there is more than one way on."""
        return len(self.labels) > 1 or bool(self.default) or self.may_end

    def names(self, children: int) -> list[str]:
        """A label for each of the children; those that have none are called by their number."""
        labels = [*self.labels, self.default] if self.default else list(self.labels)
        if labels in ([], [""]):
            labels = [""] if children == 1 else []
        return [*labels, *map(str, range(len(labels), children))][:children]

    def choices(self, children: int) -> list[int | None]:
        """Where a node with this many children may go: their indexes, and None where the run may end."""
        ends = self.may_end or (bool(self.default) and children <= len(self.labels))
        return [*range(children), None] if ends or not children else [*range(children)]


ONE_ROUTE = Routes()
CallT = TypeVar("CallT")


def _accept(_config: Config) -> str | None:
    return None


def _no_findings(_config: Config, _models: Models) -> Iterable[Finding]:
    return ()


def _unchanged(config: Config) -> Config:
    return config


@dataclass(frozen=True, slots=True)
class RowBatch(Generic[CallT]):
    """How an action acts for many runs at once.

    perform: (calls) → an outcome for each, in the same order; what it raises concerns all of them.
    max, most_bytes: how many calls, and how large configs, go together. group_by: config keys in which the calls of a batch are equal.
    linger: seconds for which a call waits for others. unique: a key that no two calls of a batch may share, of a service that refuses
        those: the later ones go in a later batch, when the earlier one is done.
    """

    perform: Callable[[Sequence[CallT]], Awaitable[Sequence[Outcome]]]
    max: int
    group_by: tuple[str, ...] = ()
    linger: float = 0.05
    most_bytes: int | None = None
    unique: Callable[[CallT], Hashable] | None = None
    alike: Callable[[CallT], Hashable] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[CallT]):
    """What nodes with this slug do.

    does: `decides` in the interpreter (`decide`: pure, so it is evaluated again in a replay); `computes` outside of it and changes nothing,
        so it may happen twice; `acts` on the world, so that everything before it is made durable first; `runs children`: the engine itself
        starts runs below this one.
    perform: what computes or acts. Everything expected is an Outcome; InvalidConfig fails the node, all else is a bug. The actions of
        integrations are called with the account that they act for (`integrations.kit`).
    rows: acts for many runs at once, instead of `perform`; alone, a call is a batch of one.
    performer: makes `perform` from the services of a process (`context.process`), once per process, for actions that need some.
    routes: the ways on, or how they follow from an unresolved config.
    check: a sentence that says what is wrong with an unresolved config whatever a run brings, or None.
    inspect: what is wrong with an unresolved config that has passed `check` and its schema, in a workspace that has these models.
    outputs: the JSON Schema of the output where it follows from the config and the models; else it is `output_schema`.
    verbatim: config keys whose values are not templates. code: those of them that hold code, with its language.
    needs_run: it cannot be tried without a run. only_in_graphs: it means nothing by itself.
    shares: how likely each route is, of a resolved config, for an action that leaves the way to chance.
    preview: a resolved config as people see it before the node is executed.
    costs: what an execution costs, as the catalog shows it (see price). Native actions are charged by the interpreter, the others say what
        they cost. spent: of such a one, what an attempt counts as whose outcome no one knows; `assessor` makes it from the services.
    idempotency: what makes a repeated attempt harmless: it only `reads`; the
        execution's `key` is honoured; it is an `upsert`; it looks first (`readback`, where `call.repeated`); or nothing does (`none`),
        so that one whose outcome is unknown is never repeated.
    awaits: what it begins, the service ends later: once it has left something for later (`Later.meta`), it only asks for the result, which
        may be repeated whatever its idempotency.
    hint: what it does to the service: it only `reads`, it `writes`, or it `deletes`; for agents and approvals. None for native actions.
    cacheable: whether a connector with a cache may give this outcome again; by default where the action only reads.
    alias_of: the slug of the action of which this is another name; who looks for actions is shown that one.
    """

    slug: str
    integration: str = ""
    name: str
    description: str
    does: Doing
    kind: NodeKind = "native"
    category: str = "logic"
    icon: str = ""
    config_schema: Schema
    ui_schema: Schema | None = None
    output_schema: Schema | None = None
    routes: Routes | Callable[[Config], Routes] = ONE_ROUTE
    check: Callable[[Config], str | None] = _accept
    inspect: Callable[[Config, Models], Iterable[Finding]] = _no_findings
    outputs: Callable[[Config, Models], Schema | None] | None = None
    decide: Callable[[dict[str, Json], Scope], Outcome] | None = None
    perform: Callable[[CallT], Awaitable[Outcome]] | None = None
    rows: RowBatch[CallT] | None = None
    performer: Callable[[Any], Callable[[CallT], Awaitable[Outcome]]] | None = None
    verbatim: frozenset[str] = frozenset()
    code: Mapping[str, Language] = field(default_factory=dict[str, Language])
    needs_run: bool = False
    only_in_graphs: bool = False
    shares: Callable[[Config], Sequence[float]] | None = None
    preview: Callable[[Config], Config] = _unchanged
    costs: Sequence[Schema] = ()
    spent: Callable[[CallT], Awaitable[Spent]] | None = None
    assessor: Callable[[Any], Callable[[CallT], Awaitable[Spent]]] | None = None
    idempotency: Idempotency = "none"
    awaits: bool = False
    hint: Hint | None = None
    cacheable: Callable[[Done], bool] | None = None
    alias_of: str = ""

    def __post_init__(self) -> None:
        if (self.does == "decides") is not (self.decide is not None):
            raise ValueError(f"{self.slug}: exactly the actions that decide have `decide`")
        if self.rows is not None and self.perform is not None:
            raise ValueError(f"{self.slug}: an action acts for one run at a time or for many, not both")

    @property
    def has_effects(self) -> bool:
        """Whether more happens than a computation, so that it must not happen twice."""
        return self.does in ("acts", "runs children")

    def is_unrepeatable(self, meta: Json) -> bool:
        """Whether nothing makes a second time harmless: what was begun and has no outcome has failed. `meta`: what it left for later."""
        return self.does == "acts" and self.idempotency == "none" and not (self.awaits and meta is not None)

    @property
    def writes_back(self) -> bool:
        """Whether its output says what it did to which record of the service (`integrations.kit.writes`)."""
        return self.hint in ("writes", "deletes") and "operation" in (self.output_schema or {}).get("properties", {})

    @property
    def has_cache(self) -> bool:
        """Whether a connector with a cache may give outcomes again. What is written has to be written again: it may have been changed."""
        return self.cacheable is not None or self.hint in (None, "reads")

    def may_repeat(self, done: Done) -> bool:
        """Whether a connector with a cache may give this outcome again."""
        return self.has_cache and (self.cacheable is None or self.cacheable(done))

    @property
    def runs_children(self) -> bool:
        """Whether nodes of it start runs below their own run."""
        return self.does == "runs children"

    @property
    def is_priced(self) -> bool:
        """Whether what it costs follows from `costs` alone."""
        return self.kind == "native" and bool(self.costs)

    def usage(self, connector: uuid.UUID | None) -> Usage:
        """What an execution of it uses that acts for this connector."""
        return _usage(self.kind, self.integration, self.slug, connector)

    @property
    def chooses(self) -> bool:
        """Whether it only picks the way through a graph."""
        return self.does == "decides" and self.routes_of({}).choose

    def routes_of(self, config: Config) -> Routes:
        """The ways on from a node with this unresolved config."""
        return self.routes if isinstance(self.routes, Routes) else self.routes(config)

    def output_of(self, config: Config, models: Models) -> Schema | None:
        """The JSON Schema of what a node with this unresolved config gives; None where it gives nothing."""
        return self.output_schema if self.outputs is None else self.outputs(config, models)

    def bind(self, services: Any) -> Action[CallT]:
        """The action with what it needs to be executed in a process that has these services."""
        if self.performer is None:
            return self
        spent = self.spent if self.assessor is None else self.assessor(services)
        return replace(self, perform=self.performer(services), performer=None, spent=spent, assessor=None)

    async def execute(self, call: CallT) -> Outcome:
        """Compute or act once. RuntimeError where this process has not bound it to its services."""
        try:
            if self.perform is not None:
                return await self.perform(call)
            if self.rows is not None:
                (outcome,) = await self.rows.perform((call,))
                return outcome
        except InvalidConfig as error:
            return Failed(str(error))
        raise RuntimeError(f"this process cannot execute {self.slug}")


Perform = Callable[[Call], Awaitable[Outcome]]
