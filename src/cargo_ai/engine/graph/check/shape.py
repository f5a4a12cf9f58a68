"""The shape of graphs: what is not a node, and which nodes lead back to themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from cargo_ai.contract.orchestration.fields import NodeKind
from cargo_ai.engine.graph.check.ways import targets_of

Json = Any
KINDS = frozenset(get_args(NodeKind))


def shape_fault(node: object) -> str | None:
    """A sentence when something is not a node. Those outside of groups have passed the contract; those inside are checked here first."""
    if not isinstance(node, Mapping):
        return "is not a node: it must be an object."
    fields = cast("Mapping[str, Any]", node)
    for name in ("uuid", "slug"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            return f"has no `{name}`."
    if fields.get("kind") not in KINDS:
        return f"has the kind {fields.get('kind')!r}; the kinds are {', '.join(sorted(KINDS))}."
    if not isinstance(fields.get("config") or {}, Mapping) or not isinstance(fields.get("retry") or {}, Mapping):
        return "has a `config` or `retry` that is not an object."
    children: object = fields.get("childrenUuids") or []
    if not isinstance(children, list) or not all(child is None or isinstance(child, str) for child in cast("list[Any]", children)):
        return "has `childrenUuids` that are not a list of uuids."
    if not isinstance(fields.get("fallbackChildUuid"), str | None):
        return "has a `fallbackChildUuid` that is not a uuid."
    retry = cast("Mapping[str, Any]", fields.get("retry") or {})
    if not all(isinstance(retry.get(name), int | float | None) for name in ("maximumAttempts", "initialInterval", "backoffCoefficient")):
        return "has a `retry` whose settings are not numbers."
    return None


def circular_nodes(nodes: Sequence[Mapping[str, Json]]) -> set[str]:
    """The uuids of nodes that lead back to themselves: Tarjan's strongly connected components. O(nodes + edges)."""
    edges: dict[str, set[str]] = {str(node.get("uuid")): set() for node in nodes}
    for node in nodes:
        edges[str(node.get("uuid"))] |= {target for target in targets_of(node) if target in edges}
    circular = {uuid for uuid, targets in edges.items() if uuid in targets}
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    component: list[str] = []
    settled: set[str] = set()
    for root in edges:
        if root in number:
            continue
        ahead = [(root, iter(edges[root]))]
        number[root] = lowest[root] = len(number)
        component.append(root)
        while ahead:
            uuid, targets = ahead[-1]
            target = next(targets, None)
            if target is None:
                ahead.pop()
                if ahead:
                    lowest[ahead[-1][0]] = min(lowest[ahead[-1][0]], lowest[uuid])
                if lowest[uuid] == number[uuid]:
                    members = component[component.index(uuid) :] if component[-1] != uuid else [uuid]
                    del component[-len(members) :]
                    settled.update(members)
                    circular.update(members if len(members) > 1 else ())
            elif target not in number:
                number[target] = lowest[target] = len(number)
                component.append(target)
                ahead.append((target, iter(edges[target])))
            elif target not in settled:
                lowest[uuid] = min(lowest[uuid], number[target])
    return circular
