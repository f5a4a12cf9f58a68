"""Printers of rows: a JSON document, lines of JSON, a table or CSV, written as the rows come, so that a million of them need no memory."""

from __future__ import annotations

import json

from cargo_ai.cli import output
from cargo_ai.cli.formats import layout
from cargo_ai.cli.formats.path import at, pick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    Paths = list[list[str]] | None

    class Printer(Protocol):
        """Prints rows page by page."""

        def add(self, rows: list[Any]) -> None:
            """Print a page of rows."""
            ...

        def end(self) -> None:
            """Print what comes after the last page."""
            ...


def _encoded(text: str, value: Any) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair somewhere: only the escaped form is valid
        return json.dumps(value, separators=(",", ":")).encode() + b"\n"


class Document:
    """One JSON document whose list `key` is written as it comes; what else was in the first page stands after it."""

    def __init__(self, key: str, first: dict[str, Any], paths: Paths) -> None:
        self.key = key
        self.before = {name: value for name, value in first.items() if name != key}
        self.paths = paths
        self._started = False

    def add(self, rows: list[Any]) -> None:
        """Entries of the list."""
        pieces: list[str] = []
        for row in rows:
            entry = pick(row, self.paths) if self.paths else row
            text = json.dumps(entry, indent=2).replace("\n", "\n    ")
            pieces.append(f"{',' if self._started else '{' + chr(10) + '  ' + json.dumps(self.key) + ': ['}\n    {text}")
            self._started = True
        output.write("".join(pieces).encode())

    def end(self) -> None:
        """The end of the list, and the other fields."""
        opened = "" if self._started else f"{{\n  {json.dumps(self.key)}: ["
        closed = "\n  ]" if self._started else "]"
        rest = "".join(f",\n  {json.dumps(name)}: {json.dumps(value)}" for name, value in self.before.items())
        output.write(f"{opened}{closed}{rest}\n}}\n".encode())


class Lines:
    """A line of JSON for each row."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def add(self, rows: list[Any]) -> None:
        """Rows."""
        dump: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        chosen = [pick(row, self.paths) for row in rows] if self.paths else rows
        output.write(_encoded("".join(f"{dump(row)}\n" for row in chosen), chosen))

    def end(self) -> None:
        """Nothing to do."""


class Csv:
    """A heading and a line for each row. Without fields the columns are those of the first page."""

    def __init__(self, paths: Paths, quiet: bool) -> None:
        self.paths = paths
        self._names: set[str] = set()
        self._warns = paths is None and not quiet

    def add(self, rows: list[Any]) -> None:
        """Rows; a column that only later pages have is left out, with a warning."""
        import csv
        import io

        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        paths = self.paths = self.paths or layout.all_columns(rows)
        if not self._names and paths:
            writer.writerow([".".join(path) for path in paths])
            self._names = {path[0] for path in paths}
        elif self._warns and (more := {name for row in rows for name in output.as_object(row)} - self._names):
            self._warns = False
            names = output.clean(", ".join(sorted(more)))
            output.say(f"warning: Later rows have columns that the first page lacks: {names}. --fields names which to print.")
        writer.writerows([_cell(at(row, path)) for path in paths] for row in rows)
        output.write(text.getvalue().encode("utf-8", "backslashreplace"))

    def end(self) -> None:
        """Nothing to do."""


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


class Table:
    """Columns of text with a heading, as wide as the first page needs."""

    def __init__(self, paths: Paths, bold: bool, show: Callable[[list[str]], None]) -> None:
        self.paths = paths
        self.bold = bold
        self.show = show
        self._widths: list[int] | None = None

    def add(self, rows: list[Any]) -> None:
        """Rows."""
        if not rows:
            return
        paths = self.paths = self.paths or layout.columns_of(rows) or [["(value)"]]
        cells = [[layout.text_of(at(row, path)) for path in paths] for row in rows]
        heading = [".".join(path).upper() for path in paths] if self._widths is None else None
        if heading:
            self._widths = layout.widths_of([heading, *cells])
            cells.insert(0, heading)
        lines = layout.lines_of(cells, self._widths or [], layout.width())
        if heading and self.bold:
            lines[0] = f"\x1b[1m{lines[0]}\x1b[0m"
        self.show(lines)

    def end(self) -> None:
        """A word where there was nothing."""
        if self._widths is None:
            self.show(["(none)"])
