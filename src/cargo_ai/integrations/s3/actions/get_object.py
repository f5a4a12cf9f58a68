"""The action `getObject`: the content of an object, as text, JSON, or rows of CSV or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Failed, Outcome, connector_action
from cargo_ai.integrations.s3.fields import OfObject
from cargo_ai.integrations.s3.objects import read

Json = Any
Format = Literal["text", "json", "csv", "jsonl"]
MAX_ROWS = 10_000
MAX_COLUMNS = 1_000
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "key": {"type": "string"},
        "contentType": {"type": ["string", "null"]},
        "lastModified": {"type": ["string", "null"]},
        "etag": {"type": "string"},
        "text": {"type": ["string", "null"], "description": "With the format text."},
        "json": {"description": "With the format json."},
        "rows": {"type": "array", "description": "With the formats csv and jsonl."},
        "rowsCount": {"type": "integer"},
        "hasMore": {"type": "boolean", "description": "Whether there are rows beyond `limit`."},
    },
    "required": ["key", "etag", "text", "json", "rows", "rowsCount", "hasMore"],
    "additionalProperties": False,
}


class Unreadable(ValueError):
    """The content is not of the format; the message says where."""


class GetObject(OfObject):
    """Which object, and how it is read."""

    format: Format = Field(default="text", title="Format", description="csv: the first line names the columns. jsonl: one JSON a line.")
    delimiter: str = Field(default=",", title="Delimiter of CSV", min_length=1, max_length=1)
    limit: int = Field(default=1_000, title="Most rows", ge=1, le=MAX_ROWS)


def csv_rows(text: str, delimiter: str) -> Iterator[dict[str, Json]]:
    """The rows of CSV by the names in its first line; cells beyond them are left out. Unreadable where it is not that."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names: list[str] | None = None
    try:
        for cells in reader:
            if names is None:
                names = cells
                if len(names) > MAX_COLUMNS or len(set(names)) < len(names):
                    raise Unreadable(f"its first line must name at most {MAX_COLUMNS} columns, each once")
            elif cells:
                yield dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=False))
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num}: {error}") from None


def json_rows(text: str) -> Iterator[Json]:
    """The values of JSON Lines. Unreadable where a line is not one."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line, parse_constant=_no_json)
            except (ValueError, RecursionError):
                raise Unreadable(f"line {number} is not JSON") from None


def _no_json(word: str) -> Json:
    raise ValueError(f"{word} is not JSON")


async def perform(request: ActionRequest) -> Outcome:
    """The content of an object of at most 4 MB."""
    form = request.form(GetObject)
    if form.delimiter in ('"', "\r", "\n"):
        return Failed("`delimiter` cannot be a quote or a line break.", reason="invalidConfig")
    answer = await read(request.service, form.bucket, form.key)
    text = str(answer.body or "").removeprefix("\ufeff")
    value: Json = None
    rows: list[Json] = []
    more = False
    try:
        if form.format == "json":
            value = json.loads(text, parse_constant=_no_json)
        elif form.format != "text":
            for row in csv_rows(text, form.delimiter) if form.format == "csv" else json_rows(text):
                if len(rows) == form.limit:
                    more = True
                    break
                rows.append(row)
    except Unreadable as error:
        return Failed(f"S3: {form.key} is not {form.format}: {error}.", reason="unreadable")
    except (ValueError, RecursionError):
        return Failed(f"S3: {form.key} is not JSON.", reason="unreadable")
    output = {
        "key": form.key,
        "contentType": answer.headers.get("content-type"),
        "lastModified": answer.headers.get("last-modified"),
        "etag": answer.headers["etag"].strip('"'),
        "text": text if form.format == "text" else None,
        "json": value,
        "rows": rows,
        "rowsCount": len(rows),
        "hasMore": more,
    }
    return Done(output, f"{form.key}: {len(rows)} rows" if form.format in ("csv", "jsonl") else form.key)


ACTION = connector_action(
    GetObject,
    slug="getObject",
    name="Read an object",
    description="Reads an object as text, JSON, or rows of CSV or JSON Lines.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
