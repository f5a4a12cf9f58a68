"""Counts by date: print them as rows, or draw them as bars on stderr."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.formats.reply import Form
    from cargo_ai.cli.shapes import Series

MAX_BARS = 62
"""More dates than this are drawn by month; of more groups, the largest are drawn."""
WIDEST_LABEL = 44
WIDEST_BAR = 60
CREDITS = "billing.credits"
COLUMNS = ("date", "unit", "slug", "groupBy", "count")
NAME = "groupName"
"""A further column where what is counted apart has names."""


def show(series: Series, parsed: Parsed, form: Form, document: Any) -> bool:
    """Draw the bars that `--chart` asks for. Whether the reply was printed: as rows, by other forms than JSON."""
    counts = flatten(document, series)
    if parsed.options.get("chart"):
        for line in chart(counts, _width()):
            output.say(line)
    if form.output in (None, "json"):
        return False
    named = (NAME,) if any(count.get(NAME) for count in counts) else ()
    form.fields = form.fields or [[name] for name in (*COLUMNS, *named)]
    printer = form.printer(None, "", {})
    printer.add(counts)
    printer.end()
    return True


def flatten(document: Any, series: Series) -> list[dict[str, Any]]:
    """One object for each count, with its date."""
    counts: list[dict[str, Any]] = []
    dates = output.dig(document, series["field"])
    for entry in dates if output.is_list(dates) else []:
        outer = output.as_object(entry)
        inner = outer.get(series["inner"])
        date = str(outer.get("date", "")).removesuffix("T00:00:00.000Z")
        counts += [{"date": date, **output.as_object(item)} for item in (inner if output.is_list(inner) else [])]
    return counts


def chart(counts: list[dict[str, Any]], width: int) -> list[str]:
    """Bars by date, and by group or slug. Numbers of different units are not comparable: of several, credits are drawn."""
    units = {str(count.get("unit")) for count in counts}
    unit = CREDITS if CREDITS in units else min(units, default=CREDITS)
    drawn = [count for count in counts if str(count.get("unit")) == unit]
    if not drawn:
        return ["Nothing was used."]
    is_grouped = any(count.get("groupBy") is not None for count in drawn)
    by_group = _sum([{**count, "groupBy": count.get(NAME) or count.get("groupBy")} for count in drawn], "groupBy" if is_grouped else "slug")
    by_date = _sum(drawn, "date")
    if len(by_date) > MAX_BARS:
        by_date = _sum([{**count, "date": str(count["date"])[:7]} for count in drawn], "date")
    largest = sorted(by_group.items(), key=lambda pair: -pair[1])[:MAX_BARS]
    return [f"{unit} by day", *_bars(sorted(by_date.items()), width), "", f"by {'group' if is_grouped else 'slug'}", *_bars(largest, width)]


def _sum(counts: list[dict[str, Any]], key: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for count in counts:
        label = output.clean(str(count.get(key) or "(none)"))
        sums[label] = sums.get(label, 0) + float(count.get("count") or 0)
    return sums


def _bars(rows: list[tuple[str, float]], width: int) -> list[str]:
    labels = [label if len(label) <= WIDEST_LABEL else label[: WIDEST_LABEL - 1] + "…" for label, _ in rows]
    numbers = [f"{value:,.6f}".rstrip("0").rstrip(".") for _, value in rows]
    left, right = max(map(len, labels)), max(map(len, numbers))
    room = max(1, min(WIDEST_BAR, width - left - right - 4))
    largest = max((value for _, value in rows), default=0)
    mark = _mark()
    return [
        f"{label.ljust(left)}  {number.rjust(right)}  {mark * _length(value, largest, room)}".rstrip()
        for label, number, (_, value) in zip(labels, numbers, rows, strict=True)
    ]


def _length(value: float, largest: float, room: int) -> int:
    """What is not nothing has at least a short bar."""
    return max(1, round(room * value / largest)) if value > 0 and largest > 0 else 0


def _mark() -> str:
    try:
        "█".encode(getattr(sys.stderr, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "█"


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
