"""Check: what is wrong with a graph before anybody walks it, node by node, with the documented reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.engine.action import Actions, Json
from cargo_ai.engine.graph import MAXIMUM_NODES, is_start, resolver_of
from cargo_ai.expression import ExpressionError, Question

_SLUG = re.compile(r"[a-zA-Z0-9_]+\Z")


@dataclass(frozen=True, slots=True)
class Known:
    """What the workspace has: connectors and tools by uuid, and how many children a connector action has (None: no such action)."""

    actions: Actions
    connectors: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    action_children: Callable[[str, str], int | None] = lambda _integration, _action: None
    wrong: Mapping[Question, ExpressionError] = field(default_factory=dict[Question, ExpressionError])
    """What the JavaScript engine says of expressions that only it can read (see `questions`)."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """One node and why it cannot be. `nodes` are the faults inside a group."""

    uuid: str
    slug: str
    reason: str
    message: str
    nodes: tuple[Invalid, ...] = field(default=())

    def to_wire(self) -> dict[str, Any]:
        """The wire's shape, with a sentence of ours."""
        body: dict[str, Any] = {"node": {"uuid": self.uuid, "slug": self.slug}, "reason": self.reason, "message": self.message}
        return body | ({"invalidNodes": [node.to_wire() for node in self.nodes]} if self.nodes else {})


def questions(nodes: Sequence[Mapping[str, Json]]) -> list[Question]:
    """The expressions of the nodes that only the JavaScript engine can read, each once."""
    return list(dict.fromkeys(question for node in nodes for question in resolver_of(node).engine))


def check(nodes: Sequence[Mapping[str, Json]], known: Known) -> list[Invalid]:
    """Every fault of a graph, in the order of its nodes; [] when it can be deployed. O(nodes + edges) where there is no circle."""
    if len(nodes) > MAXIMUM_NODES:
        return [Invalid("", "", "nodesNotFound", f"A graph has at most {MAXIMUM_NODES} nodes; this one has {len(nodes)}.")]
    faults: list[Invalid] = []
    if not any(is_start(node) for node in nodes):
        faults.append(Invalid("", "start", "startNodeNotFound", "Add a native node with slug and actionSlug `start`."))
    uuids = [str(node.get("uuid")) for node in nodes]
    present = set(uuids)
    circular = _circular(nodes)
    seen: set[str] = set()
    for node in nodes:
        fault = _fault(node, known, present, circular, twice=str(node.get("uuid")) in seen)
        seen.add(str(node.get("uuid")))
        if fault:
            faults.append(fault)
    return faults


def _fault(node: Mapping[str, Json], known: Known, present: set[str], circular: set[str], *, twice: bool) -> Invalid | None:
    uuid, slug = str(node.get("uuid")), str(node.get("slug"))

    def no(reason: str, message: str) -> Invalid:
        return Invalid(uuid, slug, reason, message)

    if twice:
        return no("childrenUuidsInvalid", f"The uuid {uuid} stands on two nodes; give each node its own.")
    if not _SLUG.match(slug):
        return no("slugInvalid", "A slug has letters, digits and underscores only.")
    unknown = _unknown(node, known)
    if unknown:
        return no(*unknown)
    children = cast("Sequence[str | None]", node.get("childrenUuids") or ())
    fallback = node.get("fallbackChildUuid")
    for child in [*children, fallback]:
        if child is not None and child not in present:
            return no("nodesNotFound", f"It leads to {child}, which is not among the nodes.")
    allowed = _children_allowed(node, known)
    if len(children) not in allowed:
        wanted = " or ".join(str(count) for count in allowed)
        return no("childrenUuidsInvalid", f"It needs {wanted} children and has {len(children)}.")
    if uuid in circular:
        return no("childrenUuidsInvalid", "It leads back to itself; a graph has no circles.")
    return _config_fault(node, known, no)


def _config_fault(node: Mapping[str, Json], known: Known, no: Callable[[str, str], Invalid]) -> Invalid | None:
    config = cast("dict[str, Json]", node.get("config") or {})
    resolver = resolver_of(node)
    problems = [*resolver.problems, *(known.wrong[question] for question in resolver.engine if question in known.wrong)]
    if problems:
        return no("expressionInvalid", " ".join(str(problem) for problem in problems[:3]))
    if node.get("kind") == "native":
        action = known.actions.native.get(str(node.get("actionSlug")))
        message = action.check(config) if action else None
        if message:
            return no("nativeInvalid", message)
    return None


def _unknown(node: Mapping[str, Json], known: Known) -> tuple[str, str] | None:
    kind = node.get("kind")
    if kind == "native":
        slug = str(node.get("actionSlug"))
        if slug not in known.actions.native and f"native:{slug}" not in known.actions.effects:
            names = ", ".join(sorted(known.actions.native))
            return "nativeInvalid", f"There is no native action {slug!r} on this server. It has: {names}."
        return None
    if kind == "connector":
        connector, integration = node.get("connectorUuid"), str(node.get("integrationSlug"))
        if connector is not None and connector not in known.connectors:
            return "connectorNotFound", f"There is no connector {connector}: see `cargo-ai connection connector list`."
        if known.action_children(integration, str(node.get("actionSlug"))) is None:
            return "actionNotFound", f"Integration {integration!r} has no action {node.get('actionSlug')!r} on this server."
        return None
    if kind == "tool" and "tool" in known.actions.effects:
        return None if node.get("toolUuid") in known.tools else ("toolInvalid", f"There is no tool {node.get('toolUuid')}.")
    return "toolInvalid", f"This server cannot run {kind} nodes yet."


def _children_allowed(node: Mapping[str, Json], known: Known) -> tuple[int, ...]:
    if node.get("kind") == "native":
        action = known.actions.native.get(str(node.get("actionSlug")))
        return action.children_of(cast("Mapping[str, Json]", node.get("config") or {})) if action else (1,)
    if node.get("kind") == "connector":
        return (known.action_children(str(node.get("integrationSlug")), str(node.get("actionSlug"))) or 1,)
    return (1,)


def _circular(nodes: Sequence[Mapping[str, Json]]) -> set[str]:
    """The uuids of nodes on a circle: of what Kahn's elimination from both ends leaves over, those that lead back to themselves."""
    edges: dict[str, set[str]] = {str(node.get("uuid")): set() for node in nodes}
    for node in nodes:
        targets = [*cast("Sequence[str | None]", node.get("childrenUuids") or ()), cast("str | None", node.get("fallbackChildUuid"))]
        edges[str(node.get("uuid"))] |= {target for target in targets if target in edges}
    back: dict[str, set[str]] = {uuid: set() for uuid in edges}
    for uuid, targets in edges.items():
        for target in targets:
            back[target].add(uuid)
    alive = _eliminate(_eliminate(set(edges), edges, back), back, edges)
    return {uuid for uuid in alive if _returns(uuid, edges)}


def _returns(uuid: str, edges: Mapping[str, set[str]]) -> bool:
    seen, ahead = set[str](), list(edges[uuid])
    while ahead and uuid not in seen:
        step = ahead.pop()
        if step not in seen:
            seen.add(step)
            ahead += edges[step]
    return uuid in seen


def _eliminate(alive: set[str], forward: Mapping[str, set[str]], back: Mapping[str, set[str]]) -> set[str]:
    alive = set(alive)
    leaves = [uuid for uuid in alive if not forward[uuid] & alive]
    while leaves:
        leaf = leaves.pop()
        alive.discard(leaf)
        leaves += [uuid for uuid in back[leaf] & alive if not forward[uuid] & alive and uuid not in leaves]
    return alive
