"""Graphs: the layout of a node diagram as SVG, each node a link, and how a run went on it in colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from cargo_ai.console.pictures.svg import element, together
from cargo_ai.kernel.wire import JsonObject

MARGIN = 16.0
LABEL_LETTERS, WHAT_LETTERS, WAY_LETTERS = 25, 29, 18
_MARKS = {"success": "✓", "error": "✕", "pending": "…"}


def graph(
    layout: JsonObject, href: Callable[[str], str], *, selected: str = "", about: str = "Graph", name: str = "graph", replaces: bool = False
) -> Markup:
    """The picture, in its own size: what shows it scrolls. `href`: the page of a node, by slug; nodes in groups have none of their own.
    `name`: the id of the picture. `replaces`: it takes the place of the one that is shown."""
    width, height = float(layout["width"]) + 2 * MARGIN, float(layout["height"]) + 2 * MARGIN
    boxes = {str(node["key"]): node for node in layout["nodes"]}
    ways = [_way(way, boxes) for way in layout["ways"]]
    nodes = [_node(node, href, selected) for node in layout["nodes"]]
    groups = [_group(node, href, selected) for node in layout["nodes"] if node["form"] == "group"]
    shifted = element("g", *groups, *ways, *[drawn for drawn in nodes if drawn], transform=f"translate({MARGIN:g} {MARGIN:g})")
    return element(
        "svg",
        element("defs", _arrow("arrow", "way"), _arrow("arrow-walked", "way walked")),
        shifted,
        id=name,
        class_="graph-picture",
        viewBox=f"0 0 {width:.1f} {height:.1f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="group",
        aria_label=about,
        hx_swap_oob="true" if replaces else None,
    )


def _arrow(name: str, kind: str) -> Markup:
    tip = element("path", d="M0 0L8 4L0 8z", class_=f"tip {kind}")
    return element(
        "marker", tip, id=name, viewBox="0 0 8 8", refX="7", refY="4", markerWidth="7", markerHeight="7", orient="auto-start-reverse"
    )


def _classes(node: JsonObject, selected: str) -> str:
    state = "current" if node["isCurrent"] else str(node["went"] or "")
    chosen = "selected" if node["group"] is None and node["slug"] == selected else ""
    lit = "highlighted" if node["isHighlighted"] else ""
    return " ".join(filter(None, ("node", str(node["form"]), state, chosen, lit)))


def _linked(node: JsonObject, href: Callable[[str], str], selected: str, inside: Sequence[Markup]) -> Markup:
    state = "here now" if node["isCurrent"] else str(node["went"] or "")
    name = ", ".join(filter(None, (str(node["label"]), str(node["what"]), state, str(node["note"]))))
    title = element("title", name)
    if node["group"] is not None:
        return element("g", title, *inside, class_=_classes(node, selected))
    chosen = "true" if node["slug"] == selected else None
    return element(
        "a", title, *inside, class_=_classes(node, selected), href=href(str(node["slug"])), data_part="node", aria_current=chosen
    )


def _group(node: JsonObject, href: Callable[[str], str], selected: str) -> Markup:
    x, y = float(node["x"]), float(node["y"])
    box = element("rect", x=x, y=y, width=float(node["width"]), height=float(node["height"]), rx="10", class_="box")
    name = element("text", _cut(str(node["label"]), 60), x=x + 14, y=y + 24, class_="label")
    return _linked(node, href, selected, [box, name, *_mark(node)])


def _node(node: JsonObject, href: Callable[[str], str], selected: str) -> Markup:
    if node["form"] == "group":
        return Markup("")
    x, y, width, height = (float(node[name]) for name in ("x", "y", "width", "height"))
    label, what = str(node["label"]), str(node["what"])
    second = str(node["note"]) or (what if label == node["slug"] else f"{node['slug']} · {what}")
    parts = [
        element("rect", x=x, y=y, width=width, height=height, rx="8", class_="box"),
        element("rect", x=x + 8, y=y + 12, width="3", height=height - 24, rx="1.5", class_="stripe"),
        element("text", _cut(label, LABEL_LETTERS), x=x + 20, y=y + 22, class_="label"),
        element("text", _cut(second, WHAT_LETTERS), x=x + 20, y=y + 39, class_="what"),
        *_mark(node),
    ]
    return _linked(node, href, selected, parts)


def _mark(node: JsonObject) -> list[Markup]:
    """A sign in the corner, so that colour is not all that says how it went."""
    sign = "●" if node["isCurrent"] else _MARKS.get(str(node["went"] or ""), "")
    if not sign:
        return []
    return [
        element("text", sign, x=float(node["x"]) + float(node["width"]) - 14, y=float(node["y"]) + 22, class_="mark", text_anchor="middle")
    ]


def _way(way: JsonObject, boxes: dict[str, Any]) -> Markup:
    points: list[list[float]] = way["points"]
    kind = " ".join(filter(None, ("way", "walked" if way["walked"] else "", "on-failure" if way["onFailure"] else "")))
    tip = "arrow-walked" if way["walked"] else "arrow"
    line = element("path", d=_path(points), class_=kind, marker_end=f"url(#{tip})")
    if not way["name"]:
        return line
    return together([line, *_name(str(way["name"]), points, kind)])


def _path(points: Sequence[Sequence[float]]) -> str:
    (x, y), *rest = points
    parts = [f"M{x:g} {y:g}"]
    for to_x, to_y in rest:
        if x == to_x and y < to_y:
            parts.append(f"L{to_x:g} {to_y:g}")
        else:
            bend = max(abs(to_y - y) / 2, 18)
            down = 1 if to_y > y else -1
            parts.append(f"C{x:g} {y + down * bend:g} {to_x:g} {to_y - down * bend:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return "".join(parts)


def _name(name: str, points: Sequence[Sequence[float]], kind: str) -> list[Markup]:
    """The name of a way, on it, nearer to where it leads."""
    (x1, y1), (x2, y2) = points[0], points[1]
    share = 0.62
    x, y = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
    text = _cut(name, WAY_LETTERS)
    width = 6.2 * len(text) + 10
    return [
        element("rect", x=x - width / 2, y=y - 9, width=width, height="17", rx="8", class_=f"way-box {kind}"),
        element("text", text, element("title", name) if text != name else "", x=x, y=y + 3.5, class_="way-name", text_anchor="middle"),
    ]


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
