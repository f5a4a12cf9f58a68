"""Cells: values of records shortened to one line of a table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

MAX_CELL = 120
"""Characters of a value in a table."""
MAX_ITEMS = 20
"""Elements of a list, and properties of an object, that a table looks at."""
MAX_LEVELS = 3
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is shown. `tone`: number, blank, code or text. `is_cut`: there is more of it."""

    text: str
    tone: str = "text"
    is_cut: bool = False


def cell(value: object) -> Cell:
    """The cell of a value."""
    if value is None:
        return Cell("–", "blank")
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, (int, float)):
        # As it is stored: what looks like an amount may be a year or an id, and no digit is rounded away.
        return Cell(json.dumps(value), "number")
    if isinstance(value, str):
        if _TIMESTAMP.match(value):
            return Cell(value[:10] if value[11:19] == "00:00:00" else f"{value[:10]} {value[11:19]}")
        return _cut(value, "text") if value else Cell("empty text", "blank")
    return _cut(json.dumps(_shallow(value, MAX_LEVELS), ensure_ascii=False), "code")


def _cut(text: str, tone: str) -> Cell:
    line = " ".join(text[: MAX_CELL * 4].split())
    is_cut = len(text) > MAX_CELL * 4 or len(line) > MAX_CELL
    return Cell(line[:MAX_CELL] + ("…" if is_cut else ""), tone, is_cut)


def _shallow(value: object, levels: int) -> object:
    """The value without what is deep in it or far down, since no cell shows that."""
    if isinstance(value, str):
        return value[: MAX_CELL + 1]
    if not isinstance(value, (dict, list)):
        return value
    if levels == 0:
        return "…"
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [_shallow(item, levels - 1) for item in items[:MAX_ITEMS]] + (["…"] if len(items) > MAX_ITEMS else [])
    pairs = islice(cast("Mapping[str, object]", value).items(), MAX_ITEMS)
    return {name[:MAX_CELL]: _shallow(item, levels - 1) for name, item in pairs}


def row(record: Mapping[str, Any], slugs: list[str]) -> list[Cell]:
    """The cells of a record under these columns."""
    return [cell(record.get(slug)) for slug in slugs]
