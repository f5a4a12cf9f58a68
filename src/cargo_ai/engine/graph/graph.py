"""Graph: the nodes of a workflow, made ready to walk once per release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.engine.graph.action import Actions, Json, NativeAction
from cargo_ai.expression import Resolver, compile_config

MAXIMUM_NODES = 500
MAXIMUM_VISITS = 1_000
LONGEST_RETRY = 3600.0

SCOPE = frozenset({"nodes", "parentNodes", "now"})
NO_TEMPLATES = frozenset({"_nodes", "script"})
GROUP, TOOL = "native:group", "tool"
STARTS_CHILDREN = frozenset({GROUP, TOOL})
"""The effects of nodes that start runs below their own run: the engine itself carries them out."""


class InvalidGraph(ValueError):
    """The graph cannot be walked; the message says why."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a failed node is tried again: attempts count the first try; milliseconds."""

    maximum_attempts: int = 1
    initial_interval: float = 1_000
    backoff: float = 2.0

    def seconds_before(self, attempt: int) -> float:
        """How long to wait before this attempt (2 is the first repetition); at most an hour."""
        try:
            return min(self.initial_interval * self.backoff ** max(0, attempt - 2) / 1000, LONGEST_RETRY)
        except OverflowError:
            return LONGEST_RETRY


@dataclass(slots=True)
class Node:
    """One node, ready to walk. `action` is None for nodes with effects, which `effect` names (`connector`, `native:modelUpsert`);
    `repeatable`: the effect only computes; `starts_children`: it starts runs below this one."""

    uuid: str
    slug: str
    kind: str
    children: tuple[str | None, ...]
    fallback_on_failure: bool
    fallback_child: str | None
    retry: Retry
    raw: Mapping[str, Json]
    resolver: Resolver
    action: NativeAction | None
    effect: str
    repeatable: bool = False
    starts_children: bool = False

    def child(self, index: int | None) -> str | None:
        """The uuid of a child, or None where the walk ends."""
        return self.children[index] if index is not None and 0 <= index < len(self.children) else None


@dataclass(slots=True)
class Graph:
    """A graph that can be walked: nodes by uuid, and where the walk begins. `has_effects`: some node does more than compute."""

    nodes: dict[str, Node]
    start: Node
    has_effects: bool = field(default=False)


def compile_graph(nodes: Sequence[Mapping[str, Json]], actions: Actions) -> Graph:
    """Make a graph walkable; GraphInvalid when it has no start or names what this server does not know. O(nodes)."""
    found: dict[str, Node] = {}
    for raw in nodes:
        node = _node(raw, actions)
        found[node.uuid] = node
    start = next((node for node in found.values() if is_start(node.raw)), None)
    if start is None:
        raise InvalidGraph("The graph has no node with slug and actionSlug `start`.")
    return Graph(found, start, any(node.action is None and not node.repeatable for node in found.values()))


def is_start(raw: Mapping[str, Json]) -> bool:
    """Whether the walk begins at this node."""
    return raw.get("kind") == "native" and raw.get("actionSlug") == "start" and raw.get("slug") == "start"


def is_end(raw: Mapping[str, Json]) -> bool:
    """Whether the node is an `end`, whose output is the run's. A graph may have several."""
    return raw.get("kind") == "native" and raw.get("actionSlug") == "end"


def _node(raw: Mapping[str, Json], actions: Actions) -> Node:
    kind, slug = str(raw.get("kind")), str(raw.get("slug"))
    action: NativeAction | None = None
    effect = kind
    if kind == "native":
        name = str(raw.get("actionSlug"))
        effect = f"native:{name}"
        action = actions.native.get(name) if effect not in actions.effects and effect not in STARTS_CHILDREN else None
    known = effect in actions.effects or (actions.tools is not None if effect == TOOL else effect in STARTS_CHILDREN)
    if action is None and not known:
        raise InvalidGraph(f"Node {slug!r} is of a kind that this server cannot run ({effect}).")
    return Node(
        uuid=str(raw["uuid"]),
        slug=slug,
        kind=kind,
        children=tuple(cast("Sequence[str | None]", raw.get("childrenUuids") or ())),
        fallback_on_failure=bool(raw.get("fallbackOnFailure")),
        fallback_child=cast("str | None", raw.get("fallbackChildUuid")),
        retry=parse_retry(cast("Mapping[str, Any] | None", raw.get("retry"))),
        raw=raw,
        resolver=compile_resolver(raw),
        action=action,
        effect=effect,
        repeatable=effect in actions.repeatable,
        starts_children=effect in STARTS_CHILDREN,
    )


def compile_resolver(raw: Mapping[str, Json]) -> Resolver:
    """The node's config made ready to resolve: code and nested graphs are no templates, and a connector is not told what is undefined."""
    config = cast("Json", raw.get("config") or {})
    return compile_config(config, names=SCOPE, skip=NO_TEMPLATES, omit_undefined=raw.get("kind") == "connector")


def parse_retry(raw: Mapping[str, Any] | None) -> Retry:
    """The retry rule that a node declares; what is absent or out of bounds takes the nearest sensible value."""
    if not raw:
        return Retry()
    interval = raw.get("initialInterval")
    return Retry(
        maximum_attempts=int(max(1, min(raw.get("maximumAttempts") or 1, 100))),
        initial_interval=1_000 if interval is None else max(0.0, float(interval)),
        backoff=max(1.0, float(raw.get("backoffCoefficient") or 2.0)),
    )
