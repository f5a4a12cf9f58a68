"""Bar charts: one bar a label, or bars stacked by group; with a legend and a table of the same numbers beside the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cargo_ai.console.pictures.scale import exact, finite, short, some_of, ticks
from cargo_ai.console.pictures.svg import element, picture, together

MAX_GROUPS = 8
"""Colours that can be kept apart; smaller groups become one, named OTHERS."""
OTHERS = "others"
WIDTH, HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 10, 26


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart is about. unit: what its numbers count. line: a height to compare with, such as a budget."""

    title: str
    unit: str = ""
    line: float | None = None
    line_label: str = ""


def bars(labels: Sequence[str], values: Sequence[float], chart: Chart) -> Markup:
    """A bar for each label. Numbers below zero have no height."""
    return stacked_bars(labels, {chart.unit or "value": values}, chart)


def stacked_bars(labels: Sequence[str], groups: Mapping[str, Sequence[float]], chart: Chart) -> Markup:
    """A bar for each label, made of one part for each group: the greatest group lowest. A group has a value for each label."""
    kept = _greatest(groups, len(labels))
    totals = [sum(values[place] for values in kept.values()) for place in range(len(labels))]
    heights = ticks([*totals, chart.line or 0])
    inside = [_axis(heights), _below(labels), *_columns(labels, kept, chart, heights[-1]), *_line(chart, heights[-1])]
    drawn = picture(WIDTH, HEIGHT, *inside, title=chart.title, description=_described(labels, totals, chart), kind="bars")
    legend = _legend(list(kept)) if len(kept) > 1 else Markup("")
    return element("figure", element("div", drawn, class_="chart-scroll", tabindex=0), legend, _table(labels, kept, chart), class_="chart")


def _greatest(groups: Mapping[str, Sequence[float]], length: int) -> dict[str, list[float]]:
    """The groups by their sums, the least of too many in one."""
    rows = {name: [finite(value) for value in [*values, *[0.0] * length][:length]] for name, values in groups.items()}
    names = sorted(rows, key=lambda name: (-sum(rows[name]), name))
    if len(names) <= MAX_GROUPS:
        return {name: rows[name] for name in names}
    shown, rest = names[: MAX_GROUPS - 1], names[MAX_GROUPS - 1 :]
    summed = [sum(rows[name][place] for name in rest) for place in range(length)]
    return {**{name: rows[name] for name in shown}, f"{len(rest)} {OTHERS}": summed}


def _axis(heights: Sequence[float]) -> Markup:
    parts: list[Markup] = []
    for height in heights:
        y = _y(height, heights[-1])
        parts.append(element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(element("text", short(height), x=_LEFT - 6, y=y + 4, text_anchor="end"))
    return element("g", *parts, class_="axis", aria_hidden="true")


def _below(labels: Sequence[str]) -> Markup:
    wide = _wide(len(labels))
    texts = (
        element("text", label, x=_LEFT + wide * (place + 0.5), y=HEIGHT - 8, text_anchor="middle")
        for place, label in some_of([label[:24] for label in labels])
    )
    return element("g", *texts, class_="axis", aria_hidden="true")


def _columns(labels: Sequence[str], groups: Mapping[str, Sequence[float]], chart: Chart, top: float) -> list[Markup]:
    """The bars; what a pointer rests on says its numbers."""
    wide = _wide(len(labels))
    columns: list[Markup] = []
    for place, label in enumerate(labels):
        parts: list[Markup] = []
        below = 0.0
        for number, (name, values) in enumerate(groups.items(), start=1):
            value = values[place]
            if value <= 0:
                continue
            y, bottom = _y(below + value, top), _y(below, top)
            says = element("title", f"{label} · {name}: {exact(value)} {chart.unit if name != chart.unit else ''}".strip())
            x = _LEFT + wide * place + wide * 0.1
            parts.append(element("rect", says, x=x, y=y, width=wide * 0.8, height=max(bottom - y, 0.5), class_=f"series-{number}"))
            below += value
        columns.append(together(parts))
    return columns


def _line(chart: Chart, top: float) -> list[Markup]:
    if chart.line is None:
        return []
    y = _y(finite(chart.line), top)
    return [
        element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="mark"),
        element("text", chart.line_label, x=WIDTH - _RIGHT, y=y - 4, text_anchor="end", class_="mark-label"),
    ]


def _legend(names: Sequence[str]) -> Markup:
    entries = (
        element("li", element("span", class_=f"swatch series-{number}", aria_hidden="true"), name)
        for number, name in enumerate(names, start=1)
    )
    return element("ul", *entries, class_="legend")


def _table(labels: Sequence[str], groups: Mapping[str, Sequence[float]], chart: Chart) -> Markup:
    head = element("tr", element("th", "", scope="col"), *(element("th", name, scope="col", class_="number") for name in groups))
    rows = (
        element(
            "tr",
            element("th", label, scope="row"),
            *(element("td", exact(values[place]), class_="number") for values in groups.values()),
        )
        for place, label in enumerate(labels)
    )
    table = element("table", element("caption", chart.title), element("thead", head), element("tbody", *rows), class_="plain")
    return element("details", element("summary", "As a table"), element("div", table, class_="table-scroll", tabindex=0), class_="numbers")


def _described(labels: Sequence[str], totals: Sequence[float], chart: Chart) -> str:
    if not labels:
        return "No data."
    most = max(range(len(labels)), key=totals.__getitem__)
    unit = f" {chart.unit}" if chart.unit else ""
    return f"{labels[0]} to {labels[-1]}: {exact(sum(totals))}{unit} in all, most {labels[most]} with {exact(totals[most])}."


def _y(value: float, top: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - min(value / top, 1.0))


def _wide(count: int) -> float:
    return (WIDTH - _LEFT - _RIGHT) / max(count, 1)
