"""Print a reply in the form that was asked for: as JSON, lines, a table or CSV, whole or some fields of it."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.failure import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.formats.path import Query
    from cargo_ai.cli.formats.printers import Paths, Printer
    from cargo_ai.cli.shapes import Row


class Form:
    """What the flags ask for. Failure (2) for flags that exclude each other."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.output = "json" if options.get("json") else options.get("output")
        self.fields: Paths = None
        self.query: Query | None = None
        if options.get("fields"):
            from cargo_ai.cli.formats.path import fields

            self.fields = fields(options["fields"])
        if options.get("jq") is not None:
            if self.fields or self.output not in (None, "json"):
                raise usage("conflictingFlags", "--jq prints what its expression gives: leave out --fields and --output.")
            from cargo_ai.cli.formats.path import Query

            self.query = Query(options["jq"])

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for: a person sees what is made for people, a program the document."""
        return self.output is None and self.fields is None and self.query is None

    def print(self, row: Row | None, document: Any) -> None:
        """Print a whole reply."""
        if self.query is not None:
            output.write(self.query.texts(document))
            return
        self._look_inside(document)
        self._say_what_is_missing(row, document)
        if self.output in (None, "json"):
            output.print_document(self._chosen(row, document) if self.fields else document)
            return
        key = list_of(row, document)
        rows: list[Any] = output.as_object(document)[key] if key else [thing_in(document)]
        printer = self.printer(row, key or "", {})
        printer.add(rows)
        printer.end()

    def _look_inside(self, document: Any) -> None:
        """Paths that begin with the name of the one thing in the reply, such as `message.parts`, are meant from the reply on. Where more
        stands beside the thing, such as warnings, `uuid` is meant as that of the thing."""
        thing, reply = thing_in(document), output.as_object(document)
        if self.fields and thing is not document:
            name = next(iter(reply))
            self.fields = [path[1:] if len(path) > 1 and path[0] == name and name not in thing else path for path in self.fields]
        elif self.fields:
            name = next((name for name, value in reply.items() if output.is_object(value)), None)
            if name is not None:
                self.fields = [[name, *path] if path[0] not in reply and path[0] in reply[name] else path for path in self.fields]

    def _say_what_is_missing(self, row: Row | None, document: Any) -> None:
        """Warn of fields that nothing in the reply has: they are printed as empty, which looks like an answer."""
        key = list_of(row, document)
        rows: list[Any] = output.as_object(document)[key] if key else [thing_in(document)]
        known = dict.fromkeys(name for entry in rows for name in output.as_object(entry))
        unknown = [path[0] for path in self.fields or [] if path[0] not in known] if known else []
        if unknown and not self.options.get("quiet"):
            shown = ", ".join(name for name in known if not name.startswith("__"))
            output.say(f"warning: Nothing here has a field {' or '.join(unknown)}. There are: {shown}.")

    def printer(self, row: Row | None, key: str, first: dict[str, Any]) -> Printer:
        """What prints the rows; `first`: the first page, whose other fields stand after the list in a JSON document."""
        from cargo_ai.cli.formats import printers

        if self.output == "jsonl":
            return printers.Lines(self.fields)
        if self.output == "csv":
            return printers.Csv(self.fields, bool(self.options.get("quiet")))
        if self.output == "table":
            from cargo_ai.cli.formats.pager import show_lines

            declared = (row or {}).get("table")
            columns = [name.split(".") for name in declared["columns"]] if declared and declared["field"] == key else None
            bold = output.wants_bold(bool(self.options.get("no-color")))
            return printers.Table(self.fields or columns, bold, lambda lines: show_lines(lines, self.options))
        return printers.Document(key, first, self.fields)

    def _chosen(self, row: Row | None, document: Any) -> Any:
        from cargo_ai.cli.formats.path import pick

        paths = self.fields or []
        key = list_of(row, document)
        if key:
            return {**document, key: [pick(entry, paths) for entry in document[key]]}
        thing = thing_in(document)
        if thing is document:
            return pick(document, paths)
        return {next(iter(document)): pick(thing, paths)}


def list_of(row: Row | None, document: Any) -> str | None:
    """The key of the list that a reply consists of, None when it is about one thing."""
    reply = output.as_object(document)
    declared = (row or {}).get("rows")
    return declared if declared and output.is_list(reply.get(declared)) else None


def thing_in(document: Any) -> Any:
    """The one thing of a reply such as `{"tool": {…}}`; the reply itself when there is more in it."""
    reply = output.as_object(document)
    only = next(iter(reply.values())) if len(reply) == 1 else None
    return only if output.is_object(only) else document


def need_no_form(options: dict[str, Any], why: str) -> None:
    """Failure (2) for a command whose output is not a JSON document."""
    given = next((name for name in ("fields", "jq", "all") if options.get(name)), None)
    if given:
        raise usage("conflictingFlags", f"--{given} shapes JSON documents: {why}.")
