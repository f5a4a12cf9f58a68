"""Diagram graphs: the nodes, labelled edges and groups that a diagram shows of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from cargo_ai.domains.orchestration.workflows.validation import group_nodes
from cargo_ai.engine.graph.action import ONE_ROUTE
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import is_group
from cargo_ai.kernel.wire import JsonObject

Form = Literal["end", "choice", "group", "service", "step"]


@dataclass(frozen=True, slots=True)
class Way:
    """From a node to its next one. `name`: when it is taken; '' where it is the only one."""

    to: str
    name: str
    on_failure: bool = False


@dataclass(slots=True)
class Drawn:
    """A node. `key` is unique in the picture: slugs repeat, and groups may hold the same uuids."""

    key: str
    uuid: str
    slug: str
    label: str
    what: str
    form: Form
    ways: list[Way] = field(default_factory=list[Way])
    inner: Picture | None = None


@dataclass(slots=True)
class Picture:
    """The nodes of one level by uuid, in their order. `lost`: sentences about ways that lead nowhere."""

    nodes: dict[str, Drawn]
    lost: list[str]

    def every(self) -> Iterator[Drawn]:
        """All nodes, those inside groups included."""
        for node in self.nodes.values():
            yield node
            if node.inner is not None:
                yield from node.inner.every()

    def first(self) -> list[Drawn]:
        """The nodes that no other leads to, the start before them."""
        reached = {way.to for node in self.nodes.values() for way in node.ways}
        heads = [node for node in self.nodes.values() if node.uuid not in reached]
        return sorted(heads or list(self.nodes.values())[:1], key=lambda node: node.what != "start")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and how it is to look. `walked`: how each node went in a run, by uuid; `at`: the node that the run is at, `note`: what
    it waits for there."""

    picture: Picture
    title: str | None = None
    direction: str = "TD"
    highlight: Sequence[str] = ()
    paid: Sequence[str] = ()
    walked: Mapping[str, str] = field(default_factory=dict[str, str])
    at: str | None = None
    note: str = ""

    def is_paid(self, node: Drawn) -> bool:
        """Whether a cost in credits is set for it."""
        return bool({node.slug, node.uuid} & set(self.paid))

    def is_highlighted(self, node: Drawn) -> bool:
        """Whether it stands out."""
        return bool({node.slug, node.uuid} & set(self.highlight))

    def went(self, node: Drawn) -> str:
        """How it went in the run; '' where the run never came. What groups hold are nodes of other runs, whatever their uuids are."""
        return self.walked.get(node.uuid, "") if self.picture.nodes.get(node.uuid) is node else ""

    def is_current(self, node: Drawn) -> bool:
        """Whether the run is there right now."""
        return node.uuid == self.at and self.picture.nodes.get(node.uuid) is node

    def warnings(self) -> list[str]:
        """What is odd: ways that lead nowhere, names that no node has, nodes that nothing leads to."""
        every = list(self.picture.every())
        names = {name for node in every for name in (node.slug, node.uuid)}
        unknown = [name for name in (*self.highlight, *self.paid) if name not in names]
        lonely = [node.slug for node in self.picture.first() if node.what != "start"]
        lost = [*self.picture.lost, *(text for node in every if node.inner for text in node.inner.lost)]
        return [
            *lost,
            *(f"No node has the slug or uuid {name}." for name in dict.fromkeys(unknown)),
            *(f"Nothing leads to {slug}." for slug in lonely),
        ]


def picture(nodes: Sequence[JsonObject], actions: Actions, key: str = "n") -> Picture:
    """What there is to draw of a graph, however unfinished. O(nodes + ways)."""
    drawn: dict[str, Drawn] = {}
    for at, raw in enumerate(nodes):
        uuid = str(raw.get("uuid"))
        if uuid not in drawn:
            drawn[uuid] = _drawn(raw, actions, f"{key}{at}")
    lost: list[str] = []
    for raw in nodes:
        node = drawn[str(raw.get("uuid"))]
        if node.ways:
            continue
        for way in _ways(raw, actions):
            if way.to in drawn:
                node.ways.append(way)
            else:
                lost.append(f"{node.slug} leads to {way.to}, which is not among the nodes.")
    return Picture(drawn, lost)


def _drawn(raw: JsonObject, actions: Actions, key: str) -> Drawn:
    kind, slug = str(raw.get("kind")), str(raw.get("slug"))
    action = str(raw.get("actionSlug") or "")
    what = action if kind == "native" else f"{raw.get('integrationSlug')}.{action}" if kind == "connector" else kind
    held = group_nodes(raw)
    inner = picture(held, actions, f"{key}_") if held else None
    return Drawn(key, str(raw.get("uuid")), slug, str(raw.get("name") or slug), what, _form(raw, actions, bool(held)), inner=inner)


def _form(raw: JsonObject, actions: Actions, holds_nodes: bool) -> Form:
    action = actions.find(raw)
    if holds_nodes or is_group(raw):
        return "group"
    if raw.get("kind") != "native":
        return "service"
    if action is None:
        return "step"
    return "end" if action.only_in_graphs else "choice" if action.chooses else "step"


def _ways(raw: JsonObject, actions: Actions) -> Iterator[Way]:
    given: object = raw.get("childrenUuids")
    children = cast("list[Any]", given) if isinstance(given, list) else []
    action = actions.find(raw)
    routes = ONE_ROUTE if action is None else action.routes_of(cast("JsonObject", raw.get("config") or {}))
    for child, name in zip(children, routes.names(len(children)), strict=True):
        if child is not None:
            yield Way(str(child), name)
    fallback = raw.get("fallbackChildUuid")
    if fallback:
        yield Way(str(fallback), "on failure", on_failure=True)
