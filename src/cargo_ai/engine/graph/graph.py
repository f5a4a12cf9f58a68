"""Graph: the nodes of a workflow, made ready to walk once per release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.engine.graph.action import Action, Call, Json
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.expression import Resolver, compile_config

MAXIMUM_NODES = 500
MAXIMUM_VISITS = 1_000
LONGEST_RETRY = 3600.0
MAX_ATTEMPTS = 100

SCOPE = frozenset({"nodes", "parentNodes", "now"})


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
    """One node, ready to walk."""

    uuid: str
    slug: str
    kind: str
    children: tuple[str | None, ...]
    fallback_on_failure: bool
    fallback_child: str | None
    retry: Retry
    raw: Mapping[str, Json]
    resolver: Resolver
    action: Action[Call]

    def child(self, index: int | None) -> str | None:
        """The uuid of a child, or None where the walk ends."""
        return self.children[index] if index is not None and 0 <= index < len(self.children) else None


@dataclass(slots=True)
class Graph:
    """A graph that can be walked: nodes by uuid, and where the walk begins. `has_effects`: some node does more than compute. `is_light`: no
    node does more than decide, and none asks JavaScript or a language model."""

    nodes: dict[str, Node]
    start: Node
    has_effects: bool = field(default=False)
    is_light: bool = field(default=False)


def compile_graph(nodes: Sequence[Mapping[str, Json]], actions: Actions) -> Graph:
    """Make a graph walkable; InvalidGraph when it has no start or names what this server does not know. O(nodes)."""
    compiled: dict[str, Node] = {}
    for raw in nodes:
        node = _node(raw, actions)
        compiled[node.uuid] = node
    start = next((node for node in compiled.values() if is_start(node.raw)), None)
    if start is None:
        raise InvalidGraph("The graph has no node with slug and actionSlug `start`.")
    is_light = all(node.action.does == "decides" and not (node.resolver.engine or node.resolver.asks_model) for node in compiled.values())
    return Graph(compiled, start, any(node.action.has_effects for node in compiled.values()), is_light)


def is_start(raw: Mapping[str, Json]) -> bool:
    """Whether the walk begins at this node."""
    return raw.get("kind") == "native" and raw.get("actionSlug") == "start" and raw.get("slug") == "start"


def is_end(raw: Mapping[str, Json]) -> bool:
    """Whether the node is an `end`, whose output is the run's. A graph may have several."""
    return raw.get("kind") == "native" and raw.get("actionSlug") == "end"


def _node(raw: Mapping[str, Json], actions: Actions) -> Node:
    kind, slug = str(raw.get("kind")), str(raw.get("slug"))
    action = actions.executable(raw)
    if action is None:
        named = f"native:{raw.get('actionSlug')}" if kind == "native" else kind
        raise InvalidGraph(f"Node {slug!r} is of a kind that this server cannot run ({named}).")
    return Node(
        uuid=str(raw["uuid"]),
        slug=slug,
        kind=kind,
        children=tuple(cast("Sequence[str | None]", raw.get("childrenUuids") or ())),
        fallback_on_failure=bool(raw.get("fallbackOnFailure")),
        fallback_child=cast("str | None", raw.get("fallbackChildUuid")),
        retry=parse_retry(cast("Mapping[str, Any] | None", raw.get("retry"))),
        raw=raw,
        resolver=compile_resolver(raw, action),
        action=action,
    )


def is_group(raw: Mapping[str, Json]) -> bool:
    """Whether the node holds a graph of its own, which it runs once per item."""
    return raw.get("kind") == "native" and raw.get("actionSlug") == "group"


def compile_resolver(raw: Mapping[str, Json], action: Action[Call] | None) -> Resolver:
    """The node's config made ready to resolve: what is verbatim is not a template, and a connector is not given what is undefined."""
    config = cast("Json", raw.get("config") or {})
    verbatim = action.verbatim if action is not None else frozenset[str]()
    schema: Mapping[str, Json] = action.config_schema if action is not None else {}
    return compile_config(config, names=SCOPE, skip=verbatim, omit_undefined=raw.get("kind") == "connector", schema=schema)


def parse_retry(raw: Mapping[str, Any] | None) -> Retry:
    """The retry rule that a node declares; what is absent or out of bounds takes the nearest sensible value."""
    if not raw:
        return Retry()
    interval = raw.get("initialInterval")
    return Retry(
        maximum_attempts=int(max(1, min(raw.get("maximumAttempts") or 1, MAX_ATTEMPTS))),
        initial_interval=1_000 if interval is None else max(0.0, float(interval)),
        backoff=max(1.0, float(raw.get("backoffCoefficient") or 2.0)),
    )
