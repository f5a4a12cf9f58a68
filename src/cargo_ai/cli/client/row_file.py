"""The `--file` option: upload the file first, and name it in the request."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.client.api import Api, new_key
from cargo_ai.cli.client.upload import send_file
from cargo_ai.cli.failure import shell_line, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.run import Request
    from cargo_ai.cli.shapes import FileOf, Row

CODE = (".ts", ".tsx", ".js", ".mjs")
"""Modules of projects, which other servers run."""


def send_row_file(row: Row, file_of: FileOf, parsed: Parsed, api: Api, request: Request) -> None:
    """Upload the file that `--file` names by this request and name it in the request. Failure (2) beside other data, or for code."""
    path, named = str(parsed.options["file"]), {**file_of["beside"], file_of["wire"]: None}
    for wire, value in named.items():
        flag = _given_otherwise(parsed, wire, value)
        if flag is not None:
            raise usage("conflictingFlags", f"Give --file or {flag}, not both.", shell_line([*row["words"], "--help"]))
    if path.endswith(CODE):
        sentence = "Plays and tools are not code here: --file takes a CSV file, each of whose rows is a record."
        raise usage("invalidValue", sentence, shell_line([*row["words"], "--help"]))
    sent = output.as_object(send_file(api, request, file_of["field"], path, {"Idempotency-Key": new_key()}))
    for wire, value in {**named, file_of["wire"]: sent.get("s3Filename")}.items():
        first, _, rest = wire.partition(".")
        arg = next(arg for arg in row["args"] if arg["wire"] == first)
        parsed.values.append((arg, {rest: value} if rest else value))


def _given_otherwise(parsed: Parsed, wire: str, value: Any) -> str | None:
    """The flag that gives another value for a wire field, such as `--data` for `data.kind`."""
    first, _, rest = wire.partition(".")
    arg = next((arg for arg, _ in parsed.values if arg["wire"] == first), None)
    given = parsed.get(first)
    if arg is None or (rest and isinstance(given, dict) and output.dig(given, rest) == value) or (not rest and given == value):
        return None
    return arg["flags"][0]
