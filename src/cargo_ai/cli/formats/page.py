"""Show a reply to a person on a terminal: a list as a table, a thing as the page that describes it. Elsewhere replies are JSON."""

from __future__ import annotations

import sys

from cargo_ai.cli import output
from cargo_ai.cli.formats.pager import show_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.client.api import Api
    from cargo_ai.cli.formats.reply import Form
    from cargo_ai.cli.shapes import Row


def show(row: Row, form: Form, api: Api, document: Any) -> bool:
    """Whether the reply was shown for a person: stdout is a terminal, and no other form was asked for."""
    if not form.is_plain or not output.is_terminal(sys.stdout):
        return False
    table, page = row.get("table"), row.get("page")
    if table:
        from cargo_ai.cli.formats.printers import Table

        bold = output.wants_bold(bool(form.options.get("no-color")))
        printer = Table([name.split(".") for name in table["columns"]], bold, lambda lines: show_lines(lines, form.options))
        entries = output.dig(document, table["field"])
        printer.add(entries if output.is_list(entries) else [])
        printer.end()
        return True
    path = output.dig(document, page) if page else None
    if not isinstance(path, str):
        return False
    text = api.call("GET", path).check().body.decode("utf-8", "replace")
    show_lines([output.clean(line) for line in text.splitlines()], form.options)
    return True
