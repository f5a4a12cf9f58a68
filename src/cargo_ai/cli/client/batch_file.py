"""The file of `batch create --file`: it is uploaded first, and becomes the data of the batch."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.client.api import Api, new_key
from cargo_ai.cli.client.upload import send_file
from cargo_ai.cli.failure import shell_line, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.run import Request
    from cargo_ai.cli.shapes import Row

CODE = (".ts", ".tsx", ".js", ".mjs")
"""Modules of projects, which other servers run."""


def send_batch_file(row: Row, parsed: Parsed, api: Api, request: Request) -> None:
    """Upload the file that `--file` names by this request and put it in place of the data. Failure (2) beside other data, or for code."""
    path, named = str(parsed.options["file"]), row.get("fileOf")
    assert named is not None
    if parsed.get(named["wire"]) is not None:
        raise usage("conflictingFlags", "Give --file or --data, not both.", shell_line([*row["words"], "--help"]))
    if path.endswith(CODE):
        sentence = "Plays and tools are not code here: --file takes a CSV file, whose rows become the records of the batch."
        raise usage("invalidValue", sentence, shell_line([*row["words"], "--help"]))
    sent = output.as_object(send_file(api, request, named["field"], path, {"Idempotency-Key": new_key()}))
    arg = next(arg for arg in row["args"] if arg["wire"] == named["wire"])
    parsed.values.append((arg, {"kind": "file", "s3Filename": sent.get("s3Filename")}))
