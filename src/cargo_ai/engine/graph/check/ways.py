"""Reachability in a graph: which nodes a run may, or must, have visited before it comes to a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from cargo_ai.engine.graph.graph import is_start

Json = Any


class Ways:
    """The ways through a graph without circles. Sets of nodes are bits of a number, so that one step over an edge is one operation.

    O(nodes + edges) such operations."""

    def __init__(self, nodes: Sequence[Mapping[str, Json]]) -> None:
        self._positions = {str(node.get("uuid")): at for at, node in enumerate(nodes)}
        self._slugs: dict[str, int] = {}
        for at in self._positions.values():
            slug = str(nodes[at].get("slug"))
            self._slugs[slug] = self._slugs.get(slug, 0) | 1 << at
        self._before: dict[int, int] = {}
        self._always: dict[int, int] = {}
        start = next((str(node.get("uuid")) for node in nodes if is_start(node)), None)
        if start is not None:
            self._walk(nodes, self._positions[start])

    def _walk(self, nodes: Sequence[Mapping[str, Json]], start: int) -> None:
        targets = {start: self._targets(nodes[start])}
        ahead, arriving = [start], {start: 0}
        while ahead:  # what can be reached, and by how many edges
            for target in targets[ahead.pop()]:
                arriving[target] = arriving.get(target, 0) + 1
                if target not in targets:
                    targets[target] = self._targets(nodes[target])
                    ahead.append(target)
        self._before[start] = self._always[start] = 0
        ready = [start]
        while ready:
            at = ready.pop()
            before, always = self._before[at] | 1 << at, self._always[at] | 1 << at
            for target in targets[at]:
                self._before[target] = self._before.get(target, 0) | before
                self._always[target] = self._always.get(target, always) & always
                arriving[target] -= 1
                if not arriving[target]:
                    ready.append(target)

    def _targets(self, node: Mapping[str, Json]) -> list[int]:
        return list(dict.fromkeys(self._positions[target] for target in targets_of(node) if target in self._positions))

    def reaches(self, uuid: str) -> bool:
        """Whether there is a way from the start to this node."""
        return self._positions[uuid] in self._before

    def slugs(self) -> list[str]:
        """The slugs of all nodes."""
        return list(self._slugs)

    def before(self, uuid: str, slug: str) -> list[int]:
        """The positions of the nodes with this slug that a run may have visited before this one."""
        return list(_positions_of(self._before.get(self._positions[uuid], 0) & self._slugs.get(slug, 0)))

    def is_always_before(self, uuid: str, position: int) -> bool:
        """Whether every path to the node goes through that position."""
        return bool(self._always.get(self._positions[uuid], 0) >> position & 1)

    def comes_later(self, uuid: str, slug: str) -> bool:
        """Whether a node with this slug can be visited after this one."""
        own = self._positions[uuid]
        return any(self._before.get(at, 0) >> own & 1 for at in _positions_of(self._slugs.get(slug, 0)))


def _positions_of(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def targets_of(node: Mapping[str, Json]) -> Iterator[str]:
    """The uuids that a node leads to, also when it fails."""
    children = cast("Sequence[str | None]", node.get("childrenUuids") or ())
    return (target for target in (*children, cast("str | None", node.get("fallbackChildUuid"))) if target is not None)
