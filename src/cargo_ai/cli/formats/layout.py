"""Tables: rows as columns of text, cut at the edge of a terminal; and rows as CSV."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WIDEST = 40
"""Columns but the last are not wider."""
MAX_COLUMNS = 7
FIRST = (
    "uuid",
    "_id",
    "name",
    "_title",
    "title",
    "slug",
    "kind",
    "status",
    "email",
    "roleSlug",
    "version",
    "recordTitle",
    "recordId",
    "nodeSlug",
    "nodeUuid",
    "isEnabled",
    "runsCount",
    "failedRunsCount",
    "recordsCount",
    "errorMessage",
)
"""The columns that people look for, where nothing else is asked for."""
LAST = ("createdAt", "updatedAt", "description")
NO_EDGE = 1_000_000


def columns_of(rows: list[Any]) -> list[list[str]]:
    """The columns that a person sees: those most looked for, then the other plain values, then times; none that is empty in all rows."""
    merged = _merged(rows)
    names = [name for name, value in merged.items() if not isinstance(value, (dict, list)) and value is not None] or list(merged)
    known = [name for name in FIRST if name in names]
    others = [name for name in names if name not in (*FIRST, *LAST) and not name.startswith("_") and not _is_other(name)]
    return [[name] for name in [*known, *others, *(name for name in LAST if name in names)]][:MAX_COLUMNS]


def _is_other(name: str) -> bool:
    """Whether it names something else, as only programs do; the uuid of a workflow is what other commands take."""
    return name.endswith(("Uuid", "S3Filename", "Id")) and name != "workflowUuid"


def all_columns(rows: list[Any]) -> list[list[str]]:
    """Every column of the rows, in the order in which they first appear."""
    return [[name] for name in _merged(rows)]


def _merged(rows: list[Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for row in rows:
        for name, value in output.as_object(row).items():
            if merged.get(name) is None:
                merged[name] = value
    return merged


def widths_of(cells: list[list[str]]) -> list[int]:
    """How wide each column but the last has to be."""
    return [min(WIDEST, max(len(row[at]) for row in cells)) for at in range(len(cells[0]) - 1)]


def lines_of(cells: list[list[str]], widths: list[int], edge: int) -> list[str]:
    """One line for each row of texts."""
    lines = ["  ".join([*(cut(text, most).ljust(most) for text, most in zip(row, widths, strict=False)), row[-1]]) for row in cells]
    return [cut(line, edge).rstrip() for line in lines]


def text_of(value: Any) -> str:
    """A value in a table: no line breaks, no control characters."""
    import json

    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return output.clean(json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value))


def cut(text: str, most: int) -> str:
    """The text, shortened with an ellipsis to at most `most` characters."""
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…"


def width() -> int:
    """The columns of the terminal; elsewhere nothing is cut."""
    if not output.is_terminal(sys.stdout):
        return NO_EDGE
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80
