"""Action: what a node does. Pure ones decide at once from their config; the others act on the world and are told how by a Call."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Json = Any
Category = Literal["invisible", "logic", "storage", "ai", "sales", "code"]


@dataclass(frozen=True, slots=True)
class Done:
    """The node succeeded. `child` is the index of the child to go to (None: the walk ends here). `title`: a short line for people."""

    output: Json
    title: str = ""
    child: int | None = 0
    credits: float = 0.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The node failed. `transient`: another attempt may help. `retry_after`: seconds the service asked for; such a
    failure uses up no attempt. `credits`: what was spent all the same, by runs below it."""

    message: str
    transient: bool = False
    retry_after: float | None = None
    credits: float = 0.0


@dataclass(frozen=True, slots=True)
class Later:
    """Not finished: ask again after `seconds` with `meta`; waits above two seconds park the run. Uses up no attempt."""

    seconds: float
    meta: Json = None
    reason: str = ""


Outcome = Done | Failed | Later


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of one node of one run.

    `key` is the idempotency key `<run>:<node>:<visit>`, the same for all attempts. `attempt` counts from 1.
    `meta` is what an earlier `Later` left. `config` is resolved. `parent` is the context of the run that this one is a child of.
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


class NativeAction(Protocol):
    """A native action of the engine itself that needs no room and no I/O: it decides in the interpreter."""

    slug: str
    name: str
    description: str
    category: Category
    icon: str
    config_schema: dict[str, Json]
    output_schema: dict[str, Json] | None
    children_count: int | None
    """How many children a node of it has; None: as many as `children_of` says (switch)."""

    def children_of(self, config: Mapping[str, Json]) -> tuple[int, ...]:
        """The numbers of children that are right for this config."""
        ...

    def check(self, config: Mapping[str, Json]) -> str | None:
        """A sentence that says what is wrong with the unresolved config, or None."""
        ...

    def decide(self, config: dict[str, Json], scope: Scope) -> Outcome:
        """What the node yields. Pure: the same arguments give the same answer; raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pure action may look at besides its config: the input record, the ids that make `split` repeatable, and `resumed`:
    True when a node that answered `Later` is asked again after the wait."""

    record: Json
    run: str
    node: str
    visit: int
    resumed: bool = False


Perform = Callable[[Call], Awaitable[Outcome]]
"""How nodes of one kind (`connector`, `tool`, `agent`) or a native action with effects act. Raises only for bugs."""


@runtime_checkable
class Computes(Protocol):
    """A native action that computes outside of the interpreter and changes nothing: it may be done twice, so nothing waits until its
    outcome is durable."""

    async def perform(self, call: Call) -> Outcome:
        """What the node yields. Raises only for bugs."""
        ...


@dataclass(frozen=True, slots=True)
class ToolGraph:
    """What a tool node runs: the tool's workflow, the release (None for a template) and its nodes."""

    workflow: uuid.UUID
    release: uuid.UUID | None
    nodes: Sequence[Mapping[str, Any]]


class ToolMissing(Exception):
    """There is nothing that the tool node could run; the message is for the user."""


FindTool = Callable[[uuid.UUID, Mapping[str, Any]], Awaitable[ToolGraph]]
"""(workspace, tool node) → what the node runs. Raises ToolMissing."""


@dataclass(slots=True)
class Actions:
    """All actions a worker knows: native ones by slug, effects by kind (`connector`) or `native:<slug>`. Filled by the composition root.

    `repeatable`: the effects that only compute. `tools`: what tool nodes run; None where there are no tools.
    """

    native: dict[str, NativeAction] = field(default_factory=dict[str, NativeAction])
    effects: dict[str, Perform] = field(default_factory=dict[str, Perform])
    repeatable: set[str] = field(default_factory=set[str])
    tools: FindTool | None = None

    def add(self, action: NativeAction) -> None:
        """Register a native action; a second one under the same slug is a bug."""
        if action.slug in self.native:
            raise ValueError(f"native action declared twice: {action.slug}")
        self.native[action.slug] = action
        if isinstance(action, Computes):
            self.effects[f"native:{action.slug}"] = action.perform
            self.repeatable.add(f"native:{action.slug}")
