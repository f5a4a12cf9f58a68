"""Flowcharts of pages, drawn while the site is built: the part of Mermaid's language that the pages use, as SVG without a script."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN, LETTER = 190, 44, 96, 34, 10, 7.2
MAX_SIDEWAYS = 4
"""Steps that fit beside each other on a page; a longer chart goes down."""
_EDGE = re.compile(r"^(?P<left>.+?)\s*(?P<line>-->|-\.->)(?:\|(?P<label>[^|]*)\|)?\s*(?P<right>.+)$")
_NODE = re.compile(r"^(?P<name>\w+)(?:\[(?P<label>.*)\])?$")
STYLE = (
    "<style>.flow rect{fill:var(--md-code-bg-color);stroke:var(--md-primary-fg-color)}.flow .store{rx:16px}"
    ".flow text{fill:var(--md-default-fg-color);font-size:12px;text-anchor:middle;dominant-baseline:middle}"
    ".flow .says{font-size:10.5px;paint-order:stroke;stroke:var(--md-default-bg-color);stroke-width:4px}"
    ".flow path{fill:none;stroke:var(--md-default-fg-color--light)}.flow .dotted{stroke-dasharray:4 4}</style>"
)


@dataclass(slots=True)
class Chart:
    """Nodes by name with their labels, and the edges between them."""

    sideways: bool = True
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    edges: list[tuple[str, str, str, bool]] = field(default_factory=list[tuple[str, str, str, bool]])


def picture(text: str) -> str:
    """The drawing of a flowchart, as a block of HTML. ValueError for a line that is not understood."""
    chart = _read(text)
    ranks = _ranks(chart)
    chart.sideways = chart.sideways and max(ranks.values()) < MAX_SIDEWAYS
    places: dict[str, tuple[float, float]] = {}
    for rank in range(max(ranks.values()) + 1):
        names = [name for name in chart.nodes if ranks[name] == rank]
        for row, name in enumerate(names):
            at = (rank * (WIDTH + ACROSS), row * (HEIGHT + DOWN)) if chart.sideways else (row * (WIDTH + 24), rank * (HEIGHT + DOWN + 20))
            places[name] = (at[0] + MARGIN, at[1] + MARGIN)
    width = max(x for x, _ in places.values()) + WIDTH + MARGIN
    height = max(y for _, y in places.values()) + HEIGHT + MARGIN
    lines = [_line(chart, places, edge) for edge in chart.edges]
    boxes = [_box(label, *places[name]) for name, label in chart.nodes.items()]
    arrow = (
        '<defs><marker id="flow-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" style="fill:var(--md-default-fg-color--light);stroke:none"/></marker></defs>'
    )
    inside = "".join([STYLE, arrow, *lines, *boxes])
    return f'<svg class="flow" role="img" viewBox="0 0 {width:g} {height:g}" style="max-width:{width:g}px">{inside}</svg>\n'


def _read(text: str) -> Chart:
    first, *lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if first not in ("flowchart LR", "flowchart TB"):
        raise ValueError(f"{first}: only flowchart LR and flowchart TB are drawn")
    chart = Chart(sideways=first.endswith("LR"))
    for line in lines:
        edge = _EDGE.match(line)
        if edge is None:
            _add(chart, line)
            continue
        left, right = _add(chart, edge["left"]), _add(chart, edge["right"])
        chart.edges.append((left, right, edge["label"] or "", edge["line"] == "-.->"))
    return chart


def _add(chart: Chart, text: str) -> str:
    node = _NODE.match(text.strip())
    if node is None:
        raise ValueError(f"{text}: not a node of a flowchart")
    if node["label"] is not None or node["name"] not in chart.nodes:
        chart.nodes[node["name"]] = node["label"] or node["name"]
    return node["name"]


def _ranks(chart: Chart) -> dict[str, int]:
    """How many steps each node is from a beginning; a way back to an earlier node does not count."""
    ranks = dict.fromkeys(chart.nodes, 0)
    ahead: dict[str, set[str]] = {name: set() for name in chart.nodes}
    for left, right, _, _ in chart.edges:
        if left not in _reached(ahead, right):
            ahead[left].add(right)
    for _ in chart.nodes:
        for left, rights in ahead.items():
            for right in rights:
                ranks[right] = max(ranks[right], ranks[left] + 1)
    return ranks


def _reached(ahead: dict[str, set[str]], start: str) -> set[str]:
    reached, left = set[str](), [start]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += ahead[name]
    return reached


def _box(label: str, x: float, y: float) -> str:
    store = label.startswith("(") and label.endswith(")")
    words = html.escape(label.strip("()") if store else label)
    fits = WIDTH - 16
    squeezed = f' textLength="{fits}" lengthAdjust="spacingAndGlyphs"' if len(label) * LETTER > fits else ""
    kind = ' class="store" rx="16"' if store else ' rx="5"'
    return (
        f'<rect{kind} x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<text x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2:g}"{squeezed}>{words}</text>'
    )


def _line(chart: Chart, places: dict[str, tuple[float, float]], edge: tuple[str, str, str, bool]) -> str:
    left, right, label, dotted = edge
    (x1, y1), (x2, y2) = places[left], places[right]
    if chart.sideways:
        back = x2 <= x1
        start = (x1 + (WIDTH / 2 if back else WIDTH), y1 + (HEIGHT if back else HEIGHT / 2))
        end = (x2 + (WIDTH / 2 if back else 0), y2 + (HEIGHT if back else HEIGHT / 2))
        bend = (0.0, DOWN * 1.6) if back else (ACROSS / 2, 0.0)
    else:
        back = y2 <= y1
        start = (x1 + WIDTH / 2, y1 + (0 if back else HEIGHT))
        end = (x2 + WIDTH / 2, y2 + (HEIGHT if back else 0))
        bend = (0.0, -DOWN / 2 if back else DOWN / 2)
    turn = -1 if not (chart.sideways and back) else 1
    first, second = (start[0] + bend[0], start[1] + bend[1]), (end[0] + turn * bend[0], end[1] + turn * bend[1])
    way = f"M{start[0]:g} {start[1]:g}C{first[0]:g} {first[1]:g} {second[0]:g} {second[1]:g} {end[0]:g} {end[1]:g}"
    kind = "dotted" if dotted else "line"
    drawn = f'<path class="{kind}" d="{way}" marker-end="url(#flow-tip)"/>'
    if not label:
        return drawn
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + (DOWN if chart.sideways and back else 0))
    return f'{drawn}<text class="says" x="{middle[0]:g}" y="{middle[1] - 7:g}">{html.escape(label)}</text>'
