"""`--all`: print every page of a list, one after the other, holding one at a time."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.client.query_string import encode
from cargo_ai.cli.failure import Failure, failure, usage
from cargo_ai.cli.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.client.api import Api
    from cargo_ai.cli.formats.reply import Form
    from cargo_ai.cli.run import Request
    from cargo_ai.cli.shapes import Pages, Row

FIRST_ROWS = 100
"""Of the first page, where no limit was asked for: a person sees rows before a large page is there."""


def print_all(api: Api, row: Row, request: Request, form: Form) -> None:
    """Print all pages. Failure (2) for a list that has none; what fails after the first page is reported on stderr alone."""
    key, pages = row.get("rows"), row.get("pages")
    if key is None:
        raise usage("conflictingFlags", "--all goes through the pages of a list: this command does not reply with one.")
    asked = _Asked(api, request, pages)
    document = asked.first()
    rows: list[Any] = output.as_object(document).get(key) or []
    printer = form.printer(row, key, document) if form.query is None else None
    progress = Progress(api.settings, beside_output=True)
    total = document.get("count")
    printed = 0
    try:
        while True:
            if form.query is not None:
                output.write(form.query.texts(document))
            elif printer is not None:
                printer.add(rows)
            output.flush()
            printed += len(rows)
            progress.rows(printed, total if isinstance(total, int) else None, key)
            if pages is None or len(rows) < asked.size:
                break
            document = asked.next(rows)
            rows = output.as_object(document).get(key) or []
    except Failure as refusal:
        progress.clear()
        if not printed:  # nothing is on stdout yet: the document that says why is
            raise
        sentence = f"After {printed:,} rows: {refusal.document.get('errorMessage')}"
        output.say(f"error: {sentence}")  # stdout already holds part of the rows: no document after it
        raise failure(refusal.code, str(refusal.document.get("reason")), "") from None
    finally:
        progress.clear()
    if printer is not None:
        printer.end()


class _Asked:
    """The request of a list, page after page: by the last row where the list can go on after one, else by how many were seen."""

    def __init__(self, api: Api, request: Request, pages: Pages | None) -> None:
        self.api = api
        self.request = request
        self.pages = pages
        self.values: dict[str, Any] = request.body if request.body is not None else dict(request.sent)
        self.size = 0
        self.grows = False
        if pages is not None:
            self.grows = pages["limit"] not in self.values
            self.values.setdefault(pages["limit"], min(FIRST_ROWS, pages["most"]))
            self.size = int(self.values[pages["limit"]])
            self.after = None if pages["offset"] in self.values else pages.get("after")
            if self.after:
                for name, value in pages.get("start", {}).items():
                    if self.values.setdefault(name, value) != value:
                        self.after = None
            self.seen = int(self.values.get(pages["offset"], 0))

    def first(self) -> dict[str, Any]:
        """The first page."""
        return self._send()

    def next(self, rows: list[Any]) -> dict[str, Any]:
        """The page after these rows."""
        pages = self.pages
        if pages is None:
            raise AssertionError("there is one page only")
        self.seen += len(rows)
        if self.grows:
            self.values[pages["limit"]] = self.size = pages["most"]
        if self.after:
            self.values[self.after["field"]] = output.as_object(rows[-1]).get(self.after["key"])
        else:
            self.values[pages["offset"]] = self.seen
        return self._send()

    def _send(self) -> dict[str, Any]:
        request = self.request
        if request.body is None:
            answer = self.api.call(request.verb, request.path, query=encode(self.values), persistent=True)
        else:
            answer = self.api.call(request.verb, request.path, query=request.query, document=self.values, persistent=True)
        return output.as_object(answer.check().document())
