"""Validate a graph before it runs, node by node, with the documented reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.engine.graph.action import ONE_ROUTE, Actions, Json
from cargo_ai.engine.graph.graph import MAXIMUM_NODES, compile_resolver, is_group, is_start
from cargo_ai.engine.graph.group import MAXIMUM_DEPTH
from cargo_ai.expression import EngineExpression, ExpressionError

_SLUG = re.compile(r"[a-zA-Z0-9_]+\Z")
_KINDS = frozenset({"native", "connector", "tool", "agent"})


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the workspace has: connectors and tools by uuid, and releases of tools by (tool, release). `template_fault` says why a template
    cannot stand for a tool."""

    actions: Actions
    connectors: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    tool_releases: frozenset[tuple[str, str]] = frozenset()
    template_fault: Callable[[str], str | None] = lambda slug: f"There is no tool template {slug!r}."
    wrong: Mapping[EngineExpression, ExpressionError] = field(default_factory=dict[EngineExpression, ExpressionError])
    """What the JavaScript engine says of expressions that only it can read (see `questions`)."""


@dataclass(frozen=True, slots=True)
class InvalidNode:
    """One node and why it cannot be. `nodes` are the faults inside a group."""

    uuid: str
    slug: str
    reason: str
    message: str
    nodes: tuple[InvalidNode, ...] = field(default=())

    def to_wire(self) -> dict[str, Any]:
        """The wire's shape, with a sentence of ours."""
        body: dict[str, Any] = {"node": {"uuid": self.uuid, "slug": self.slug}, "reason": self.reason, "message": self.message}
        return body | ({"invalidNodes": [node.to_wire() for node in self.nodes]} if self.nodes else {})


def questions(nodes: Sequence[Mapping[str, Json]], actions: Actions) -> list[EngineExpression]:
    """The expressions of the nodes that only the JavaScript engine can read, each once."""
    return list(dict.fromkeys(question for node in nodes for question in compile_resolver(node, actions.find(node)).engine))


def validate(nodes: Sequence[Mapping[str, Json]], known: Inventory, depth: int = 0) -> list[InvalidNode]:
    """Every fault of a graph, in the order of its nodes; [] when it can be deployed. O(nodes + edges) where there is no circle.

    `depth`: how many groups the graph is nested in.
    """
    if len(nodes) > MAXIMUM_NODES:
        return [InvalidNode("", "", "nodesNotFound", f"A graph has at most {MAXIMUM_NODES} nodes; this one has {len(nodes)}.")]
    faults: list[InvalidNode] = []
    if not any(is_start(node) for node in nodes):
        faults.append(InvalidNode("", "start", "startNodeNotFound", "Add a native node with slug and actionSlug `start`."))
    uuids = [str(node.get("uuid")) for node in nodes]
    present = set(uuids)
    circular = _circular(nodes)
    seen: set[str] = set()
    for node in nodes:
        fault = _fault(node, known, present, circular, twice=str(node.get("uuid")) in seen) or _group_fault(node, known, depth)
        seen.add(str(node.get("uuid")))
        if fault:
            faults.append(fault)
    return faults


def _fault(node: Mapping[str, Json], known: Inventory, present: set[str], circular: set[str], *, twice: bool) -> InvalidNode | None:
    uuid, slug = str(node.get("uuid")), str(node.get("slug"))

    def no(reason: str, message: str) -> InvalidNode:
        return InvalidNode(uuid, slug, reason, message)

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
        return no("childrenUuidsInvalid", f"It needs {wanted} {'child' if wanted == '1' else 'children'} and has {len(children)}.")
    if uuid in circular:
        return no("childrenUuidsInvalid", "It leads back to itself; a graph has no circles.")
    return _config_fault(node, known, no)


def _group_fault(node: Mapping[str, Json], known: Inventory, depth: int) -> InvalidNode | None:
    """What is wrong inside a group, at any depth: its nodes obey every rule that those around it obey."""
    if not is_group(node):
        return None

    def no(message: str, inside: Sequence[InvalidNode] = ()) -> InvalidNode:
        return InvalidNode(str(node.get("uuid")), str(node.get("slug")), "subNodesInvalid", message, tuple(inside))

    if depth >= MAXIMUM_DEPTH:
        return no(f"Groups can be nested {MAXIMUM_DEPTH} deep, and this one is deeper.")
    held = cast("Mapping[str, Json]", node.get("config") or {}).get("_nodes")
    if not isinstance(held, list) or not held:
        return no("A group needs `_nodes`: a graph of its own with `start` and `end`.")
    listed = cast("list[Any]", held)
    misshapen = next(
        (fault for at, one in enumerate(listed) if (fault := _shape_fault(one)) and (fault := f"`_nodes[{at}]` {fault}")), None
    )
    if misshapen:
        return no(misshapen)
    inside = validate(listed, known, depth + 1)
    problems = " ".join(f"{fault.slug or 'The graph'}: {fault.message}" for fault in inside[:3])
    return no(f"Its `_nodes` are not right. {problems}", inside) if inside else None


def _shape_fault(node: object) -> str | None:
    """A sentence when something is no node. Those outside of groups have passed the contract; those inside are checked here first."""
    if not isinstance(node, Mapping):
        return "is no node: it must be an object."
    fields = cast("Mapping[str, Any]", node)
    for name in ("uuid", "slug"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            return f"has no `{name}`."
    if fields.get("kind") not in _KINDS:
        return f"has the kind {fields.get('kind')!r}; the kinds are {', '.join(sorted(_KINDS))}."
    if not isinstance(fields.get("config") or {}, Mapping) or not isinstance(fields.get("retry") or {}, Mapping):
        return "has a `config` or `retry` that is no object."
    children: object = fields.get("childrenUuids") or []
    if not isinstance(children, list) or not all(one is None or isinstance(one, str) for one in cast("list[Any]", children)):
        return "has `childrenUuids` that are no list of uuids."
    if not isinstance(fields.get("fallbackChildUuid"), str | None):
        return "has a `fallbackChildUuid` that is no uuid."
    retry = cast("Mapping[str, Any]", fields.get("retry") or {})
    if not all(isinstance(retry.get(name), int | float | None) for name in ("maximumAttempts", "initialInterval", "backoffCoefficient")):
        return "has a `retry` whose settings are no numbers."
    return None


def _config_fault(node: Mapping[str, Json], known: Inventory, no: Callable[[str, str], InvalidNode]) -> InvalidNode | None:
    config = cast("dict[str, Json]", node.get("config") or {})
    action = known.actions.find(node)
    resolver = compile_resolver(node, action)
    problems = [*resolver.problems, *(known.wrong[question] for question in resolver.engine if question in known.wrong)]
    if problems:
        return no("expressionInvalid", " ".join(str(problem) for problem in problems[:3]))
    message = action.check(config) if action is not None and action.kind == "native" else None
    return no("nativeInvalid", message) if message else None


def _unknown(node: Mapping[str, Json], known: Inventory) -> tuple[str, str] | None:
    kind = node.get("kind")
    if kind == "native":
        slug = str(node.get("actionSlug"))
        if known.actions.native(slug) is None:
            names = ", ".join(action.slug for action in known.actions.natives())
            return "nativeInvalid", f"There is no native action {slug!r} on this server. It has: {names}."
        return None
    if kind == "connector":
        connector, integration = node.get("connectorUuid"), str(node.get("integrationSlug"))
        if connector is not None and connector not in known.connectors:
            return "connectorNotFound", f"There is no connector {connector}: see `cargo-ai connection connector list`."
        if known.actions.find(node) is None:
            return "actionNotFound", f"Integration {integration!r} has no action {node.get('actionSlug')!r} on this server."
        return None
    if kind == "tool":
        fault = _tool_fault(node, known)
        return ("toolInvalid", fault) if fault else None
    return "agentInvalid", "This server cannot run agent nodes."


def _tool_fault(node: Mapping[str, Json], known: Inventory) -> str | None:
    tool, release = node.get("toolUuid"), node.get("releaseUuid")
    if tool is None:
        if node.get("templateSlug") is None:
            return "It names no tool: set toolUuid (see `cargo-ai orchestration tool list`)."
        return "A releaseUuid needs the toolUuid that it belongs to." if release else known.template_fault(str(node["templateSlug"]))
    if tool not in known.tools:
        return f"There is no tool {tool}: see `cargo-ai orchestration tool list`."
    if release is not None and (str(tool), str(release)) not in known.tool_releases:
        return f"The tool {tool} has no release {release}."
    return None


def _children_allowed(node: Mapping[str, Json], known: Inventory) -> tuple[int, ...]:
    action = known.actions.find(node)
    routes = action.routes_of(cast("Mapping[str, Json]", node.get("config") or {})) if action else ONE_ROUTE
    return routes.counts


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
