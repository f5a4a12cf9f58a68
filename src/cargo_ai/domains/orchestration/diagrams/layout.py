"""Layout: where the boxes and lines of a picture go, in layers from its start down, with few crossings and short lines.

Layers come from the longest way to each node; lines that pass a layer get an empty place in it. The order in a layer follows the mean of
the neighbours, a few times down and up; positions are then the closest to the neighbours that keep the gaps. O(sweeps x (nodes + ways)).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cargo_ai.contract.orchestration import diagram as contract
from cargo_ai.domains.orchestration.diagrams.diagram_graph import Drawing, Drawn, Picture, Way

WIDTH, HEIGHT = 208.0, 52.0
GAP_X, GAP_Y = 28.0, 52.0
PLACE = 14.0
"""The width of a place that only a line passes."""
PADDING, HEAD = 16.0, 40.0
"""Around the nodes of a group, and above them its name."""
ORDER_SWEEPS, PLACE_SWEEPS = 4, 6
MAX_PLACES = 1_500
"""Empty places of one picture; beyond them long lines go straight, so that no graph takes long."""


@dataclass(slots=True)
class _Place:
    """What a layer holds: a node, or a line that passes (node None). `above`, `below`: its neighbours in the layers beside it."""

    node: Drawn | None
    width: float
    height: float
    layer: int = 0
    centre: float = 0.0
    top: float = 0.0
    above: list[_Place] = field(default_factory=list["_Place"])
    below: list[_Place] = field(default_factory=list["_Place"])
    inner: _Level | None = None


@dataclass(slots=True)
class _Level:
    """The nodes of one picture, laid out from its own origin. `lines`: the places that each way passes, its ends included."""

    places: dict[str, _Place]
    lines: list[tuple[Drawn, Way, list[_Place]]]
    width: float = 0.0
    height: float = 0.0


def lay_out(drawing: Drawing) -> contract.DiagramLayout:
    """Boxes and lines, groups around what they hold, in units of a pixel."""
    level = _level(drawing.picture)
    nodes: list[contract.DiagramNode] = []
    ways: list[contract.DiagramWay] = []
    _collect(drawing, drawing.picture, level, (0.0, 0.0), nodes, ways, None)
    return contract.DiagramLayout(width=_round(level.width), height=_round(level.height), nodes=nodes, ways=ways)


def _level(picture: Picture) -> _Level:
    places: dict[str, _Place] = {}
    for uid, node in picture.nodes.items():
        place = places[uid] = _Place(node, WIDTH, HEIGHT)
        if node.inner is not None:
            place.inner = _level(node.inner)
            place.width = max(WIDTH, place.inner.width + 2 * PADDING)
            place.height = HEAD + place.inner.height + PADDING
    forward = _forward_ways(picture)
    _assign_layers(picture, places, forward)
    lines: list[tuple[Drawn, Way, list[_Place]]] = []
    layers: defaultdict[int, list[_Place]] = defaultdict(list)
    for place in places.values():
        layers[place.layer].append(place)
    left = MAX_PLACES
    for node, way in sorted(forward, key=lambda line: places[line[1].to].layer - places[line[0].uuid].layer):
        start, end = places[node.uuid], places[way.to]
        passed = end.layer - start.layer - 1
        left -= passed
        lines.append((node, way, _passing(start, end, layers) if left >= 0 else [start, end]))
    backward = {(id(node), id(way)) for node, way in forward}
    for node in picture.nodes.values():
        lines += [(node, way, [places[node.uuid], places[way.to]]) for way in node.ways if (id(node), id(way)) not in backward]
    rows = [layers[at] for at in sorted(layers)]
    _order(rows)
    _place(rows)
    level = _Level(places, lines)
    _settle(rows, level)
    return level


def _forward_ways(picture: Picture) -> list[tuple[Drawn, Way]]:
    """All ways but those that close a circle. Iterative: a graph may be one long chain."""
    forward: list[tuple[Drawn, Way]] = []
    open_nodes: set[str] = set()
    done: set[str] = set()
    for head in [*picture.first(), *picture.nodes.values()]:
        if head.uuid in done:
            continue
        stack = [(head, iter(head.ways))]
        open_nodes.add(head.uuid)
        while stack:
            node, ways = stack[-1]
            way = next(ways, None)
            if way is None:
                stack.pop()
                open_nodes.discard(node.uuid)
                done.add(node.uuid)
                continue
            if way.to in open_nodes:
                continue
            forward.append((node, way))
            if way.to not in done:
                target = picture.nodes[way.to]
                open_nodes.add(target.uuid)
                stack.append((target, iter(target.ways)))
    return forward


def _assign_layers(picture: Picture, places: Mapping[str, _Place], forward: Sequence[tuple[Drawn, Way]]) -> None:
    """The longest way from a head: each node below all that lead to it."""
    incoming: defaultdict[str, int] = defaultdict(int)
    following: defaultdict[str, list[str]] = defaultdict(list)
    for node, way in forward:
        incoming[way.to] += 1
        following[node.uuid].append(way.to)
    ready = [uid for uid in picture.nodes if not incoming[uid]]
    while ready:
        uid = ready.pop()
        for target in following[uid]:
            places[target].layer = max(places[target].layer, places[uid].layer + 1)
            incoming[target] -= 1
            if not incoming[target]:
                ready.append(target)
    # What nothing leads to stands beside what it leads to, and not in one wide row at the top.
    led_to = {way.to for _, way in forward}
    for head in picture.first()[1:]:
        if head.uuid not in led_to and following[head.uuid]:
            places[head.uuid].layer = min(places[target].layer for target in following[head.uuid]) - 1


def _passing(start: _Place, end: _Place, layers: Mapping[int, list[_Place]]) -> list[_Place]:
    chain = [start]
    for layer in range(start.layer + 1, end.layer):
        place = _Place(None, PLACE, 0.0, layer)
        layers[layer].append(place)
        chain.append(place)
    chain.append(end)
    for upper, lower in pairwise(chain):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def _order(rows: Sequence[list[_Place]]) -> None:
    for sweep in range(ORDER_SWEEPS):
        down = sweep % 2 == 0
        at: dict[int, int] = {}
        for row in rows if down else reversed(rows):
            if at:
                row.sort(key=_mean_of(at, down))
            at = {id(place): index for index, place in enumerate(row)}


def _mean_of(at: Mapping[int, int], down: bool) -> Callable[[_Place], float]:
    def mean(place: _Place) -> float:
        neighbours = place.above if down else place.below
        return sum(at[id(other)] for other in neighbours) / len(neighbours) if neighbours else len(at) / 2

    return mean


def _place(rows: Sequence[list[_Place]]) -> None:
    for row in rows:
        _spread(row, [0.0] * len(row))
    for sweep in range(PLACE_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            _spread(row, [_wish(place, down) for place in row])


def _wish(place: _Place, down: bool) -> float:
    neighbours = (place.above if down else place.below) or place.above or place.below
    return sum(other.centre for other in neighbours) / len(neighbours) if neighbours else place.centre


def _spread(row: Sequence[_Place], wishes: Sequence[float]) -> None:
    """The centres closest to the wishes that keep order and gaps (pool adjacent violators, exact for squares)."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + GAP_X)
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before, number = blocks.pop()
            total, count = total + before, count + number
        blocks.append((total, count))
    index = 0
    for total, count in blocks:
        for _ in range(count):
            row[index].centre = total / count + offsets[index]
            index += 1


def _settle(rows: Sequence[list[_Place]], level: _Level) -> None:
    """Move everything to a corner of its own, and give each layer its height."""
    left = min((place.centre - place.width / 2 for row in rows for place in row), default=0.0)
    top = 0.0
    for row in rows:
        for place in row:
            place.centre -= left
            place.top = top
            level.width = max(level.width, place.centre + place.width / 2)
        top += max(place.height for place in row) + GAP_Y
    level.height = max(0.0, top - GAP_Y)


def _collect(
    drawing: Drawing,
    picture: Picture,
    level: _Level,
    origin: tuple[float, float],
    nodes: list[contract.DiagramNode],
    ways: list[contract.DiagramWay],
    group: str | None,
) -> None:
    x, y = origin
    for node in picture.nodes.values():
        place = level.places[node.uuid]
        left, top = x + place.centre - place.width / 2, y + place.top
        nodes.append(_box(drawing, node, place, (left, top), group))
        if node.inner is not None and place.inner is not None:
            inside = left + (place.width - place.inner.width) / 2, top + HEAD
            _collect(drawing, node.inner, place.inner, inside, nodes, ways, node.key)
    for node, way, chain in level.lines:
        target = picture.nodes[way.to]
        walked = bool(drawing.went(node)) and bool(drawing.went(target) or drawing.is_current(target))
        ways.append(
            contract.DiagramWay(
                source=node.key, target=target.key, name=way.name, on_failure=way.on_failure, walked=walked, points=_points(chain, x, y)
            )
        )


def _box(drawing: Drawing, node: Drawn, place: _Place, corner: tuple[float, float], group: str | None) -> contract.DiagramNode:
    return contract.DiagramNode(
        key=node.key,
        group=group,
        uuid=node.uuid,
        slug=node.slug,
        label=node.label,
        what=node.what,
        form=node.form,
        x=_round(corner[0]),
        y=_round(corner[1]),
        width=_round(place.width),
        height=_round(place.height),
        went=drawing.went(node) or None,
        is_current=drawing.is_current(node),
        note=drawing.note if drawing.is_current(node) else "",
        is_paid=drawing.is_paid(node),
        is_highlighted=drawing.is_highlighted(node),
    )


def _points(chain: Sequence[_Place], x: float, y: float) -> list[list[float]]:
    """From the bottom of the first box to the top of the last one; a way back goes from the top of its box to the bottom of the other."""
    first, last = chain[0], chain[-1]
    if len(chain) == 2 and last.layer <= first.layer:
        ends: Iterable[tuple[float, float]] = ((first.centre, first.top), (last.centre, last.top + last.height))
    else:
        between = [(place.centre, place.top) for place in chain[1:-1]]
        ends = [(first.centre, first.top + first.height), *between, (last.centre, last.top)]
    return [[_round(x + across), _round(y + down)] for across, down in ends]


def _round(number: float) -> float:
    return round(number, 1)
