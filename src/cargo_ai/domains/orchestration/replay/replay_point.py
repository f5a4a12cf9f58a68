"""Replay points: decide where a repeated run goes on, from the executions of the original and the graph it walks now. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from cargo_ai.domains.orchestration.workflows import validation
from cargo_ai.engine.graph.action import OUTCOME_UNKNOWN
from cargo_ai.engine.journal.replay import ReplayPoint
from cargo_ai.kernel.wire import JsonObject

From = Literal["firstNode", "lastNode", "nextNode", "node"]


class Visited(NamedTuple):
    """One execution of the earlier run, without what it gave."""

    seq: int
    node: str
    slug: str
    status: str
    next: str | None
    reason: str | None = None
    is_dropped: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Where runs begin again; with `node`, at the node of this uuid, or of this path of slugs (`group.node`: in what group has started).
    `repeat_unknown`: also where that repeats a node of which it is unknown whether it took effect."""

    start: From
    node_uuid: str | None = None
    path: str | None = None
    repeat_unknown: bool = False

    @property
    def name(self) -> str:
        """What people call the node."""
        return self.path or self.node_uuid or self.start

    def to_stored(self) -> JsonObject:
        """As the data of a batch has it."""
        start: JsonObject = {"from": self.start}
        start |= ({"nodeUuid": self.node_uuid} if self.node_uuid else {}) | ({"nodePath": self.path} if self.path else {})
        return start | ({"repeatUnknown": True} if self.repeat_unknown else {})


def reset_of(data: Mapping[str, Any]) -> Reset:
    """The reset in the stored data of a batch."""
    return Reset(cast("From", data["from"]), data.get("nodeUuid"), data.get("nodePath"), data.get("repeatUnknown") is True)


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes that the new runs walk, by uuid and by slug (of several with one slug the first)."""

    by_uuid: Mapping[str, JsonObject]
    by_slug: Mapping[str, JsonObject]

    @staticmethod
    def of(nodes: Sequence[JsonObject]) -> Graph:
        """The graph of these nodes."""
        return Graph({str(node["uuid"]): node for node in nodes}, {str(node["slug"]): node for node in reversed(nodes)})

    def same(self, node: str, slug: str) -> str | None:
        """The node of this graph that was once called so; its uuid."""
        match = self.by_uuid.get(node) or self.by_slug.get(slug)
        return str(match["uuid"]) if match else None


class OriginalRun(NamedTuple):
    """The earlier run, and the first of all that repeat each other."""

    uuid: uuid.UUID
    root: uuid.UUID


def find(reset: Reset, run: OriginalRun, visits: Sequence[Visited], graph: Graph) -> ReplayPoint | str:
    """What the new run takes over and where it goes on; a sentence when it cannot. `visits` are in order."""
    seed = _find(reset, run, visits, graph)
    if isinstance(seed, str) or reset.repeat_unknown:
        return seed
    unknown = next((visit.slug for visit in visits[seed.taken :] if visit.reason == OUTCOME_UNKNOWN), None)
    if unknown is None:
        return seed
    return f"Whether {unknown} took effect is unknown: look at the service, then repeat this run by itself, or all with repeatUnknown."


def _find(reset: Reset, run: OriginalRun, visits: Sequence[Visited], graph: Graph) -> ReplayPoint | str:
    if reset.start == "firstNode":
        return ReplayPoint(run.uuid, run.root)
    if reset.start == "node":
        return _at_node(reset, run, visits, graph)
    if not visits:
        return ReplayPoint(run.uuid, run.root)
    last = visits[-1]
    if reset.start == "lastNode":
        return _seed(run, last.seq, graph.same(last.node, last.slug), last.slug)
    following = last.next or (_first_child(graph, last) if last.status == "error" else None)
    if following is None:
        return f"The run ended at {last.slug}: there is no next node to continue with."
    return _seed(run, last.seq + 1, following if following in graph.by_uuid else None, following)


def _at_node(reset: Reset, run: OriginalRun, visits: Sequence[Visited], graph: Graph) -> ReplayPoint | str:
    slug, _, rest = (reset.path or "").partition(".")
    target = graph.by_slug.get(slug) if slug else graph.by_uuid.get(reset.node_uuid or "")
    target_uuids = {str(target["uuid"])} if target else set[str]()
    for visit in visits:
        if (visit.slug == slug if slug else visit.node == reset.node_uuid) or visit.node in target_uuids:
            return _seed(run, visit.seq, graph.same(visit.node, visit.slug), reset.name, rest or None)
    if visits and visits[-1].next is not None and visits[-1].next in target_uuids:
        # It was cancelled right before this node, or while runs below it went on.
        return _seed(run, visits[-1].seq + 1, visits[-1].next, reset.name, rest or None)
    return f"The run never came to {slug or reset.name}."


def _seed(run: OriginalRun, taken: int, node: str | None, name: str, path: str | None = None) -> ReplayPoint | str:
    if node is None:
        return f"The node {name} is not in the graph that the runs walk now."
    return ReplayPoint(run.uuid, run.root, taken, node if taken else None, path if taken else None)


def _first_child(graph: Graph, visit: Visited) -> str | None:
    node = graph.by_uuid.get(visit.node) or graph.by_slug.get(visit.slug) or {}
    children = cast("list[str | None]", node.get("childrenUuids") or [])
    return children[0] if children else None


def path_problem(path: str, nodes: Sequence[JsonObject]) -> str | None:
    """What is wrong with a path of slugs in a graph: the end of a sentence; None when nothing is. What a tool holds is not known here."""
    slug, dot, rest = path.partition(".")
    if dot and not rest:
        return f"nothing follows the dot. Write {slug}, or {slug}.NODE."
    target = next((node for node in nodes if node.get("slug") == slug), None)
    if target is None:
        return f"there is no node {slug!r}. There are: {', '.join(str(node.get('slug')) for node in nodes)}."
    if not rest:
        return None
    if target.get("kind") == "native" and target.get("actionSlug") == "group":
        inside = path_problem(rest, validation.group_nodes(target))
        return f"in {slug}, {inside}" if inside else None
    if target.get("kind") != "tool":
        return f"{slug} starts no runs of its own, so there is nothing in it. Write {slug}."
    return None
