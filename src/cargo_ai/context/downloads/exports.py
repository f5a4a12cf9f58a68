"""Exports: sign URLs of downloads, and stream their rows as JSON, NDJSON, CSV or Parquet."""

from __future__ import annotations

import base64
import csv
import io
import json
import uuid
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import signed_urls
from cargo_ai.context.process import Services
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.files import parquet
from cargo_ai.files.json_files import json_chunks
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.store.files import FileMissing, FileStore, safe_name
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.store.tables import IdempotencyKey

Format = Literal["json", "ndjson", "csv", "parquet"]
CopyFormat = Literal["csv", "ndjson", "table"]
"""How the database encodes rows itself: CSV without a header for users, JSON lines, or CSV as `parquet.encode` reads it."""
Record = Mapping[str, Any]

_TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
_GZIP_LEVEL = 5
_MAX_URL_PARAMS = 1_500  # bytes of parameters that are put into a URL
_MAX_CELL_BYTES = 4 * 1024 * 1024  # bytes read from stored files before the rows are handed on


@dataclass(frozen=True, slots=True)
class StoredCell:
    """A cell whose JSON is in the file store, and is read only when its row is written."""

    key: str


@dataclass(frozen=True, slots=True)
class Export:
    """Rows in pages. `columns`: those of a CSV file; None: the keys of all rows, which are then read twice. `filename`: without ending.
    `stored`: the columns that may hold a `Stored` cell. `types`: those of the columns, for Parquet; without them they are found out from
    all rows. `file`: the key of a stored file of JSON lines that has the rows instead. `copied`: the same rows as the database writes
    them, in pieces of whole lines; needs `columns` and `types`.

    A producer fetches each page in a short session of its own, so that no connection is held while a client reads slowly.
    """

    rows: AsyncIterator[list[Record]]
    columns: list[str] | None
    filename: str
    stored: tuple[str, ...] = ()
    types: Mapping[str, ColumnType] | None = None
    file: str | None = None
    copied: Callable[[CopyFormat], AsyncGenerator[bytes]] | None = None


Producer = Callable[[Services, uuid.UUID, dict[str, Any]], Awaitable[Export]]
"""(services, workspace, params) → the rows. May raise a Refusal."""

producers: dict[str, Producer] = {}


def register(kind: str, producer: Producer) -> None:
    """Have `producer` produce the rows of one kind of download. Another one for the same kind is a bug (ValueError)."""
    if producers.setdefault(kind, producer) is not producer:
        raise ValueError(f"two producers for downloads of {kind}")


def download_path(kind: str) -> str:
    """The path of downloads of this kind."""
    return f"/v1/downloads/{kind}"


def sign(ctx: Context, kind: str, params: Mapping[str, Any], format: str | None = None, *, gzip: bool | None = None) -> str:
    """The URL of a download, good for an hour. `params` is JSON for the kind's producer; it is signed, not secret.

    `format` None is CSV, gzipped; a named one comes as it is unless `gzip` says otherwise (CSV only). Refusal (400) for an unknown one.
    """
    if kind not in producers:
        raise ValueError(f"nothing produces downloads of {kind}")
    if format is not None and format not in _TYPES:
        message = f"{format} files are not made by this server; take {', '.join(_TYPES)}"
        raise invalid_input([{"path": "format", "message": message}])
    packed = format is None if gzip is None else gzip and format in {None, "csv"}
    encoded = json.dumps(params, default=_json_default, separators=(",", ":")).encode()
    in_url = base64.urlsafe_b64encode(encoded).rstrip(b"=").decode() if len(encoded) <= _MAX_URL_PARAMS else None
    params_in_url = {"params": in_url} if in_url is not None else {"kept": _store_params(ctx, encoded)}
    values = {**params_in_url, "format": format or "csv", **({"gzip": "1"} if packed else {})}
    return signed_urls.sign(ctx.secrets, ctx.base_url, "GET", download_path(kind), ctx.workspace, values)


def _store_params(ctx: Context, encoded: bytes) -> str:
    """Store parameters that would make a URL too long, for a day, as replies to idempotency keys are. Returns their name."""
    name = ids.new().hex
    ctx.db.add(IdempotencyKey(token_uuid=ctx.workspace, key=f"download:{name}", request_hash="", reply=encoded, at=clock.now()))
    return name


@dataclass(frozen=True, slots=True)
class Download:
    """A download that a valid URL requests. `kept`: the name of its stored parameters, if they are not in the URL."""

    workspace: uuid.UUID
    kind: str
    params: dict[str, Any]
    format: Format
    gzip: bool
    kept: str | None = None

    @property
    def media_type(self) -> str:
        """The content type."""
        return "application/gzip" if self.gzip else _TYPES[self.format]

    def filename(self, name: str) -> str:
        """The name of the file that a browser would save."""
        return f"{safe_name(name)}.{self.format}{'.gz' if self.gzip else ''}"


def verify_download(secrets: SecretKey, kind: str, query: list[tuple[str, str]]) -> Download:
    """The download that a URL's query requests. Refusal: 403 when it was changed or has expired, 404 for an unknown kind."""
    link = signed_urls.verify(secrets, "GET", download_path(kind), query)
    if kind not in producers:
        raise Refusal(404, "downloadNotFound", "There is nothing to download here any more.")
    text = link.params.get("params", "e30")
    params: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    form = cast("Format", link.params["format"])
    return Download(link.workspace, kind, params, form, "gzip" in link.params, link.params.get("kept"))


async def open_export(services: Services, download: Download) -> Export:
    """The rows of a download, and its columns where it is CSV. Refusal as the producer says."""
    produce = producers[download.kind]
    if download.kept is not None:
        download = replace(download, params=await _load_params(services.database, download.workspace, download.kept))
    export = await produce(services, download.workspace, download.params)
    if export.file is not None:
        try:
            await services.files.size(export.file)
        except FileMissing:
            raise Refusal(404, "downloadNotFound", "What was to be downloaded has been removed.") from None
        return replace(export, rows=json_chunks(services.files.stream(export.file)))
    if download.format == "csv" and export.columns is None:
        columns: dict[str, None] = {}
        async for page in export.rows:
            for row in page:
                columns.update(dict.fromkeys(row))
        export = replace(await produce(services, download.workspace, download.params), columns=list(columns))
    return replace(export, rows=_read_stored_cells(export, services.files)) if export.stored else export


async def _load_params(database: Database, workspace: uuid.UUID, name: str) -> dict[str, Any]:
    where = (IdempotencyKey.token_uuid == workspace, IdempotencyKey.key == f"download:{name}")
    async with database.session(ALL_WORKSPACES) as db:
        stored = await db.scalar(select(IdempotencyKey.reply).where(*where))
    if stored is None:
        raise Refusal(404, "downloadNotFound", "This download is no longer known: request it again.")
    params: dict[str, Any] = json.loads(stored)
    return params


async def _read_stored_cells(export: Export, files: FileStore) -> AsyncGenerator[list[Record]]:
    """The rows with their stored cells read; pages are split where cells are large, so that memory stays flat."""
    rows = export.rows
    try:
        async for page in rows:
            page_rows: list[Record] = []
            weight = 0
            for row in page:
                cells = {name: cell for name in export.stored if isinstance(cell := row.get(name), StoredCell)}
                texts = {name: await _read_cell(files, cell.key) for name, cell in cells.items()}
                page_rows.append({**row, **{name: json.loads(text) for name, text in texts.items()}} if cells else row)
                weight += sum(map(len, texts.values()))
                if weight >= _MAX_CELL_BYTES:
                    yield page_rows
                    page_rows, weight = [], 0
            if page_rows:
                yield page_rows
    finally:
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()


async def _read_cell(files: FileStore, key: str) -> bytes:
    try:
        return await files.read(key)
    except FileMissing:
        return b'{"errorMessage":"The file with this value no longer exists."}'


async def encode(export: Export, download: Download) -> AsyncGenerator[bytes]:
    """The bytes of the file, page by page. An error on the way must break the connection, so that no partial file looks complete."""
    forms = {"csv": _csv, "json": _json_array, "ndjson": _ndjson, "parquet": _parquet}
    plain = forms[download.format](export)
    async with aclosing(_close_after(export.rows, plain)) as parts:
        if not download.gzip:
            async for part in parts:
                yield part
            return
        packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        async for part in parts:
            if packed := packer.compress(part):
                yield packed
        yield packer.flush()


async def _close_after(rows: AsyncIterator[list[Record]], parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The parts; when they end or are abandoned, the rows that they are read from are closed at once, not by the garbage collector."""
    try:
        async with aclosing(parts):
            async for part in parts:
                yield part
    finally:
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()


async def _parquet(export: Export) -> AsyncGenerator[bytes]:
    copied = export.copied is not None and export.columns is not None and export.types is not None
    parts = export.copied("table") if export.copied is not None and copied else _ndjson(export)
    async with aclosing(parts), aclosing(parquet.encode(parts, "csv" if copied else "lines", export.columns, export.types)) as pieces:
        async for piece in pieces:
            yield piece


async def _json_array(export: Export) -> AsyncGenerator[bytes]:
    if export.copied is not None:
        async for part in _lines_to_array(export.copied("ndjson")):
            yield part
        return
    separator = "["
    async for page in export.rows:
        if page:
            yield (separator + ",\n".join([_to_json(row) for row in page])).encode()
            separator = ",\n"
    yield b"[]\n" if separator == "[" else b"]\n"


async def _lines_to_array(lines: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Chunks of JSON lines as one array. No line contains a line feed."""
    separator = b"["
    async with aclosing(lines):
        async for part in lines:
            if part:
                yield separator + part.removesuffix(b"\n").replace(b"\n", b",\n")
                separator = b",\n"
    yield b"[]\n" if separator == b"[" else b"]\n"


async def _ndjson(export: Export) -> AsyncGenerator[bytes]:
    if export.copied is not None:
        async with aclosing(export.copied("ndjson")) as parts:
            async for part in parts:
                yield part
        return
    async for page in export.rows:
        if page:
            yield "".join(f"{_to_json(row)}\n" for row in page).encode()


async def _csv(export: Export) -> AsyncGenerator[bytes]:
    """RFC 4180. Texts are written as they are, even if a spreadsheet would take one for a formula: a file that is read back is the same."""
    columns = export.columns or []
    known = frozenset(columns)
    header = _csv_lines([columns])
    if export.copied is not None:
        yield header
        async with aclosing(export.copied("csv")) as parts:
            async for part in parts:
                yield part
        return
    async for page in export.rows:
        for row in page:
            if not known.issuperset(row):
                raise ValueError(f"a row has the column {next(key for key in row if key not in known)!r}, which the header lacks")
        yield header + _csv_lines([[_to_csv_cell(row.get(column)) for column in columns] for row in page])
        header = b""
    if header:
        yield header


def _csv_lines(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _to_csv_cell(value: object) -> str:
    """A value as text: null is empty, whole numbers have no `.0`, objects and arrays are compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, (datetime, uuid.UUID)):
        return str(_json_default(value))
    return _to_json(value)


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_json_default)


def _json_default(value: object) -> str:
    if isinstance(value, datetime):
        return clock.to_iso(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be exported")
