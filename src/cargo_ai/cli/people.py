"""Show a reply to a person on a terminal: a list as a table, a thing as the page that describes it. Elsewhere replies are JSON."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.client.api import Api
    from cargo_ai.cli.parse import Parsed
    from cargo_ai.cli.shapes import Row

WIDEST = 40
"""Columns but the last are not wider."""


def show(row: Row, parsed: Parsed, api: Api, document: Any) -> bool:
    """Whether the reply was shown for a person: stdout is a terminal, and JSON was not asked for."""
    if parsed.options.get("json") or not output.is_terminal(sys.stdout):
        return False
    table, page = row.get("table"), row.get("page")
    if table:
        output.print_text("\n".join(_table(output.dig(document, table["field"]), table["columns"], _width())))
        return True
    path = output.dig(document, page) if page else None
    if not isinstance(path, str):
        return False
    text = api.call("GET", path).check().body.decode("utf-8", "replace")
    output.print_text("\n".join(output.clean(line) for line in text.splitlines()))
    return True


def _table(entries: Any, columns: list[str], width: int) -> list[str]:
    """The lines of a table with a heading; the last column is cut at the edge of the terminal."""
    rows = [[_text(output.as_object(entry).get(name)) for name in columns] for entry in (entries if output.is_list(entries) else [])]
    if not rows:
        return ["(none)"]
    rows.insert(0, [name.upper() for name in columns])
    widths = [min(WIDEST, max(len(row[at]) for row in rows)) for at in range(len(columns) - 1)]
    lines = ["  ".join([*(_cut(text, most).ljust(most) for text, most in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    return [_cut(line, width).rstrip() for line in lines]


def _text(value: Any) -> str:
    return "" if value is None else output.clean(str(value))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…"


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80
