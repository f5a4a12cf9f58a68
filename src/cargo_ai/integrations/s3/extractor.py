"""The extractor `rows`: the rows of an object of CSV or JSON Lines as records of a model, read part by part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, cast

from pydantic import Field

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.kit import (
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    InvalidConfig,
    ServiceError,
    SourceColumn,
    SourceShape,
)
from cargo_ai.integrations.s3.actions.get_object import Unreadable, csv_rows, json_rows
from cargo_ai.integrations.s3.fields import OfObject
from cargo_ai.integrations.s3.objects import read

Json = Any
PART = 256 * 1024
"""Bytes that are read by one call; more where a record is longer."""
MAX_PART = 4 * PART
_SAMPLE = 100
_EMPTY, _CHANGED = 416, 412


class Rows(OfObject):
    """Which rows."""

    format: Literal["csv", "jsonl"] = Field(
        default="csv", title="Format", description="csv: the first line names the columns. jsonl: one JSON object a line."
    )
    delimiter: str = Field(default=",", title="Delimiter of CSV", min_length=1, max_length=1)
    key_column: str = Field(
        title="Key", description="The column whose values tell rows apart. A row without one is left out.", min_length=1, max_length=1_000
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an object from a byte on: its text, whether it is the last one, and the tag of the object."""

    text: str
    is_last: bool
    etag: str


async def _part(request: ExtractRequest, form: Rows, start: int, size: int, etag: str = "") -> _Part:
    """A part. ServiceError with the status 412 where the object is another one by now, and for what is not text in UTF-8."""
    headers = {"range": f"bytes={start}-{start + size - 1}", **({"if-match": etag} if etag else {})}
    try:
        answer = await read(request.service, form.bucket, form.key, headers)
    except ServiceError as error:
        if error.status == _CHANGED:
            raise ServiceError(
                f"S3: {form.key} was replaced while it was read.", status=_CHANGED, transient=True, reason="changed"
            ) from None
        if error.status != _EMPTY:
            raise
        return _Part("", is_last=True, etag=etag)
    kind = answer.headers.get("content-type", "").lower()
    total = answer.headers.get("content-range", "").rpartition("/")[2]
    text = str(answer.body or "")
    is_last = answer.status != 206 or (total.isdigit() and start + size >= int(total))
    # What was cut in two at the end is read again with the next part.
    inner = text if is_last else text[: text.rfind("\n") + 1]
    if "\ufffd" in inner or ("charset=" in kind and not any(name in kind for name in ("utf-8", "utf8", "ascii"))):
        raise ServiceError(f"S3: {form.key} is not text in UTF-8.", reason="unreadable")
    return _Part(text, is_last, answer.headers["etag"])


def _complete(text: str, form: Rows) -> int:
    """How much of a text are complete records; in CSV, a line break in quotes ends none."""
    if form.format == "jsonl":
        return text.rfind("\n") + 1
    position = quotes = complete = 0
    for line in text.split("\n")[:-1]:
        quotes += line.count('"')
        position += len(line) + 1
        if quotes % 2 == 0:
            complete = position
    return complete


def _first(text: str) -> int:
    """Where the first record of CSV ends."""
    position = quotes = 0
    for line in text.split("\n"):
        quotes += line.count('"')
        position += len(line) + 1
        if quotes % 2 == 0:
            break
    return min(position, len(text))


def _parsed(form: Rows, header: str, text: str) -> Iterator[Mapping[str, Json]]:
    """The rows of a text; header: the first line of CSV, where the text does not begin with it."""
    rows = csv_rows(header + text, form.delimiter) if form.format == "csv" else json_rows(text)
    try:
        for row in rows:
            if not isinstance(row, dict):
                raise Unreadable("a line is not an object")
            yield cast("dict[str, Json]", row)
    except Unreadable as error:
        raise ServiceError(f"S3: {form.key} is not {form.format}: {error}.", reason="unreadable") from None


@dataclass(frozen=True, slots=True)
class _Head:
    """The first part, what its first line is, and the columns of the rows."""

    part: _Part
    header: str
    columns: tuple[SourceColumn, ...]


async def _head(request: ExtractRequest) -> tuple[Rows, _Head]:
    form = request.form(Rows)
    if form.delimiter in ('"', "\r", "\n"):
        raise InvalidConfig("`delimiter` cannot be a quote or a line break.")
    part = await _part(request, form, 0, PART)
    text = part.text.removeprefix("\ufeff")
    whole = text if part.is_last else text[: _complete(text, form)]
    end = _first(whole)
    header = whole[:end] if form.format == "csv" else ""
    sample = list(islice(_parsed(form, "", whole), _SAMPLE))
    if form.format == "csv":
        # A file without rows has its columns all the same.
        names = list(next(_parsed(form, "", f"{header.rstrip()}\n-\n"), dict[str, Json]())) if header.strip() else []
    else:
        names = list(dict.fromkeys(name for row in sample for name in row))
    columns = tuple(SourceColumn(name, "string" if form.format == "csv" else _type_of(sample, name), name) for name in names if name)
    return form, _Head(part, header, columns)


_TYPES: tuple[tuple[type | tuple[type, ...], ColumnType], ...] = (
    (bool, "boolean"),
    ((int, float), "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def _type_of(sample: list[Mapping[str, Json]], name: str) -> ColumnType:
    values = [row[name] for row in sample if row.get(name) is not None]
    kinds: set[ColumnType] = {next(kind for of, kind in _TYPES if isinstance(value, of)) for value in values}
    if not kinds:
        return "string"
    return kinds.pop() if len(kinds) == 1 else "any"


async def shape(request: ExtractRequest) -> SourceShape:
    """The columns that the first line names; of JSON Lines, those of the first rows."""
    form, head = await _head(request)
    columns = head.columns
    if form.format == "jsonl" and form.key_column not in {column.name for column in columns}:
        columns = (SourceColumn(form.key_column, label=form.key_column), *columns)
    return SourceShape(columns, id=form.key_column)


async def pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    """The rows, part by part. A cursor is the byte at which the next part begins, and the tag of the object; one that was replaced
    meanwhile is read from its beginning."""
    form, head = await _head(request)
    names = {column.name for column in head.columns} | {form.key_column}
    start = int(cursor["start"]) if cursor and cursor.get("etag") == head.part.etag else 0
    size = PART
    part = head.part if start == 0 else None
    while True:
        if part is None:
            part = await _part(request, form, start, size, head.part.etag)
        end = len(part.text) if part.is_last else _complete(part.text, form)
        if end == 0 and not part.is_last:
            size, part = size * 2, None
            if size > MAX_PART:
                raise ServiceError(f"S3: {form.key} has a row of more than {MAX_PART} bytes.", reason="unreadable")
            continue
        text = part.text[:end]
        rows = _parsed(form, head.header if start else "", text.removeprefix("\ufeff") if start == 0 else text)
        records: dict[str, Mapping[str, Json]] = {}
        for row in rows:
            key = str(row.get(form.key_column) if row.get(form.key_column) is not None else "").strip()
            if key:
                values = {name: None if value == "" else value for name, value in row.items() if name in names}
                records[key] = {**values, form.key_column: key}
        start += len(text.encode())
        following = None if part.is_last else {"start": start, "etag": part.etag}
        yield ExtractedPage([*records.values()], following, more=not part.is_last)
        if part.is_last:
            return
        size, part = PART, None


ROWS = Extractor(
    slug="rows",
    name="Rows of an object",
    description="The rows of an object of CSV or JSON Lines, named by a column. Each sync reads all of them.",
    form=Rows,
    shape=shape,
    pages=pages,
    is_incremental=False,
    min_interval=300,
    kind="file",
)
