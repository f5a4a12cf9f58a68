"""Read files: infer the columns of uploaded CSV and Parquet files, and load them into models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, cast, get_args

from pydantic import ValidationError

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.contract.storage.columns import ColumnType, OriginalColumn
from cargo_ai.contract.storage.records.change_set import Kind
from cargo_ai.contract.storage.records.file_options import FileOptions
from cargo_ai.domains.storage.columns import computed, recompute
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.models import extractors
from cargo_ai.domains.storage.models.extractors import InvalidConfig, Shape
from cargo_ai.domains.storage.records import file_headings
from cargo_ai.domains.storage.records.row_results import RowResults
from cargo_ai.files import parquet
from cargo_ai.files.csv_files import TextFormat, csv_blocks
from cargo_ai.files.text_files import InvalidFile
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.schemas.validation_errors import errors_of
from cargo_ai.records.bulk.infer import TypeInference
from cargo_ai.records.bulk.likely_notation import LikelyType, likely
from cargo_ai.records.bulk.load import AmbiguousId, Load, LoadResult, Progress
from cargo_ai.records.bulk.notation import Notation
from cargo_ai.records.bulk.row_batches import RowBatch
from cargo_ai.records.bulk.row_encoder import MAX_REJECTED, RejectedRow, RowEncoder
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.names import former_slug, slug_from_header
from cargo_ai.records.values import InvalidValue, from_text, to_database
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FileMissing, FilesUnavailable, require_owner

SHOWN_RECORDS = 20
_EMPTY = "The file is empty: it needs a first row that names its columns."
PLAIN = FileOptions()
OPTIONS = ("encoding", "delimiter", "trim", "decimal", "dateOrder")
_ROLES = ("idColumnSlug", "titleColumnSlug", "timeColumnSlug")
OPTION_OF: dict[LikelyType, str] = {"number": "decimal", "date": "dateOrder"}
"""The option that says how values of a type are written."""
ID_NAMES = ("id", "ID", "Id", "_id")
"""Headers that name the id column of a file where the config names none."""


class UnreadableFile(ValueError):
    """The file cannot be read into a model; the message says why. `missing`: there is no such file."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class RowsRejected(UnreadableFile):
    """Some rows do not fit their columns; nothing of the file was loaded."""

    def __init__(self, encoder: RowEncoder, name: str, written: Notation) -> None:
        first, count = encoder.rejected[0], encoder.rejected_count
        self.likely = _likely_options(encoder, written)
        ways = ", ".join(f'"{name}":"{value}"' for name, value in self.likely.items())
        hint = f" They would fit with {ways}." if ways else ""
        more = f" ({count - 1:,} more {'row does' if count == 2 else 'rows do'} not fit)" if count > 1 else ""
        super().__init__(f"{name}, row {first.row}, column {first.column}: {first.message}{more}. Nothing was taken from the file.{hint}")
        self.rejected = encoder.rejected


def _likely_options(encoder: RowEncoder, written: Notation) -> dict[str, str]:
    """The options with which the values that did not fit are numbers and dates, column by column; none where one column says no."""
    options: dict[str, str] = {}
    for slug in dict.fromkeys(row.column for row in encoder.rejected):
        texts = [row.value for row in encoder.rejected if row.column == slug and row.value is not None]
        found = likely(texts, written)
        if found is None:
            return {}
        kind, value = found
        if options.setdefault(OPTION_OF[kind], value) != value:
            return {}
    return options


@dataclass(frozen=True, slots=True)
class InferredModel:
    """The model that a file would make: its shape, the number of rows, and the first of them as records."""

    shape: Shape
    count: int
    records: list[dict[str, Any]]


def file_key(config: Mapping[str, Any]) -> str:
    """The key of the uploaded file that a config names. InvalidConfig without one."""
    key: object = config.get("s3Filename") or config.get("fileKey")
    if not isinstance(key, str):
        raise InvalidConfig("config.s3Filename", "is missing: upload a file with `cargo-ai workspace file upload`, then name it here")
    return key


def file_options(config: Mapping[str, Any]) -> FileOptions:
    """How the file of a config is written. InvalidConfig."""
    given = {name: config[name] for name in OPTIONS if config.get(name) is not None}
    try:
        return FileOptions.model_validate(given)
    except ValidationError as failure:
        first = errors_of(failure)[0]
        raise InvalidConfig(f"config.{first['path']}", first["message"]) from None


async def infer_model(ctx: Context, config: Mapping[str, Any]) -> InferredModel:
    """Read the file once and infer its columns; those that the config names are used as they are. UnreadableFile, InvalidConfig."""
    options = file_options(config)
    file_columns = await _infer_columns(ctx, file_key(config), options)
    headers, types, sample, taken = file_columns.headers, file_columns.types, file_columns.sample, set[str]()
    inferred = _with_types(
        [
            OriginalColumn(slug=slug_from_header(header, taken), type=kind, label=header.strip() or header, original_slug=header)
            for header, kind in zip(headers, types, strict=True)
        ],
        config,
    )
    configured = extractors.columns_of(config)
    columns = configured or inferred
    if not configured:
        _warn_of_texts(ctx, columns, sample, notation(options))
    by_header = {(column.original_slug or column.slug).strip(): column.slug for column in columns}
    roles = {**config}
    roles |= {name: by_header.get(roles[name].strip(), roles[name]) for name in _ROLES if isinstance(roles.get(name), str)}
    if roles.get("idColumnSlug") is None and not configured:
        roles["idColumnSlug"] = next((column.slug for column in inferred if column.original_slug in ID_NAMES), None)
    shape = extractors.apply_roles(columns, roles)
    targets = _columns_of_headers(headers, columns)
    return InferredModel(shape, file_columns.count, [_to_record(row, targets, notation(options)) for row in sample])


def _warn_of_texts(ctx: Context, columns: Sequence[OriginalColumn], sample: Sequence[Sequence[str]], written: Notation) -> None:
    """Say which columns are text because their numbers or dates are written as another country does, and which option reads them."""
    for position, column in enumerate(columns):
        texts = [row[position] for row in sample]
        found = likely(texts, written) if column.type == "string" else None
        if found is not None:
            kind, value = found
            text = next(text for text in texts if text.strip())
            ctx.warn(
                f'{column.label} was taken as text, such as {text}: with "{OPTION_OF[kind]}":"{value}" in the config it is a {kind}. '
                "Remove the model and create it again for that."
            )


def _with_types(columns: list[OriginalColumn], config: Mapping[str, Any]) -> tuple[OriginalColumn, ...]:
    """The columns, with the types that a config gives by slug or header. InvalidConfig."""
    types: object = config.get("types") or {}
    if not isinstance(types, dict):
        raise InvalidConfig("config.types", 'is not an object of types by slug, such as {"zip": "string"}')
    chosen = cast("dict[str, object]", types)
    known = {name for column in columns for name in (column.slug, column.original_slug)}
    for name, kind in chosen.items():
        if name not in known:
            raise InvalidConfig(f"config.types.{name}", f"is not a column of the file: {', '.join(column.slug for column in columns)}")
        if kind not in get_args(ColumnType):
            raise InvalidConfig(f"config.types.{name}", f"is not one of {', '.join(get_args(ColumnType))}")
    return tuple(
        column.model_copy(update={"type": chosen.get(column.slug) or chosen.get(column.original_slug or "") or column.type})
        for column in columns
    )


def _text_format(options: FileOptions) -> TextFormat:
    return TextFormat(options.encoding, "\t" if options.delimiter == "tab" else options.delimiter)


def notation(options: FileOptions) -> Notation:
    """How the values of a file are written."""
    return Notation(options.trim, options.decimal, options.date_order)


@dataclass(frozen=True, slots=True)
class _FileColumns:
    headers: list[str]
    types: list[ColumnType]
    count: int
    sample: list[list[str]]


async def _infer_columns(ctx: Context, key: str, options: FileOptions) -> _FileColumns:
    """The columns of a file: of Parquet from its schema, of CSV from all of its rows."""
    if parquet.is_parquet(key):
        with _raise_unreadable(key):
            async with parquet.temporary_file(ctx.files.stream(require_owner(key, ctx.workspace))) as path:
                shape = await parquet.read_shape(path)
                rows: list[list[str]] = []
                async with aclosing(parquet.read_lists(path, _limits(ctx))) as chunks:
                    async for _, _, page in chunks:
                        rows = page[:SHOWN_RECORDS]
                        break
                return _FileColumns([name for name, _ in shape.columns], [kind for _, kind in shape.columns], shape.count, rows)
    inference: TypeInference | None = None
    headers: list[str] = []
    sample: list[list[str]] = []
    async with aclosing(blocks(ctx, key, options)) as chunks:
        async for columns, _, block in chunks:
            if inference is None:
                headers, inference = columns, TypeInference(len(columns), notation(options))
            page = [list(row) for row in block.rows()]
            inference.add(page)
            sample += page[: SHOWN_RECORDS - len(sample)]
    if inference is None:
        raise UnreadableFile(_EMPTY)
    return _FileColumns(headers, inference.types(), inference.count, sample)


def _columns_of_headers(headers: list[str], columns: tuple[OriginalColumn, ...]) -> list[OriginalColumn | None]:
    """The column of each header: by its name in the source, else by slug."""
    taken = set[str]()
    slugs = [slug_from_header(header, taken) for header in headers]
    by_name = {column.original_slug: column for column in columns} | {column.slug: column for column in columns}
    return [
        by_name.get(header) or by_name.get(slug) or by_name.get(former_slug(header)) for header, slug in zip(headers, slugs, strict=True)
    ]


def _to_record(row: list[str], targets: list[OriginalColumn | None], written: Notation) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for text, column in zip(row, targets, strict=True):
        if column is not None:
            (value,) = written.rewrite(column.type, [text])
            try:
                record[column.slug] = from_text(to_database(value, column.type) if value else None, column.type)
            except InvalidValue:
                record[column.slug] = text
    return record


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of loading a file: what was done, and the rows that did not fit (the first hundred of `rejected_count`)."""

    loaded: LoadResult
    rejected: list[RejectedRow]
    rejected_count: int


async def load_file(
    ctx: Context,
    relation: Relation,
    key: str,
    kind: Kind,
    *,
    match: Column | None = None,
    skip_invalid: bool = False,
    results: RowResults | None = None,
    options: FileOptions = PLAIN,
    headings: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> FileResult:
    """Load the file into the model, in the request's transaction: rows are added, or update records of the same id (or `match`).

    RowsRejected when a row does not fit, unless such rows are skipped; `results` gets the outcome of each row. `headings`: the slugs of
    columns by headers that are named otherwise. UnreadableFile.
    """
    connection = await driver_connection(ctx.db)
    changes = ChangeRecorder(ctx.workspace, relation.model, origin_of(ctx, kind, source=file_name(key)))
    load: Load | None = None
    encoder: RowEncoder | None = None
    try:
        async with aclosing(blocks(ctx, key, options)) as chunks:
            async for headers, first, block in chunks:
                if load is None or encoder is None:
                    targets = _targets(ctx, relation, headers, headings)
                    _require_id(relation, targets, match, file_name(key))
                    encoder = RowEncoder(relation, targets, new_id=_new_id, match=match, notation=notation(options), headers=headers)
                    load = Load(connection, relation, encoder, changes.at, report_rows=results is not None, progress=progress)
                    await load.begin()
                lines = encoder.lines(first, block)
                if len(encoder.rejected) >= MAX_REJECTED and not skip_invalid:
                    raise RowsRejected(encoder, file_name(key), notation(options))
                await load.write(lines)
        if load is None or encoder is None:
            raise UnreadableFile(_EMPTY)
        if encoder.rejected and not skip_invalid:
            raise RowsRejected(encoder, file_name(key), notation(options))
    except BaseException as error:
        if load is not None:
            await load.abandon(error)
        raise
    try:
        loaded = await load.end()
    except AmbiguousId as fault:
        raise UnreadableFile(f"{file_name(key)}: {fault}. Nothing was taken from the file.") from None
    await quotas.require(connection, ctx.workspace, "records", ctx.settings, loaded.added)
    if results is not None:
        async with aclosing(load.row_results()) as parts:
            async for part in parts:
                await results.write(part)
    await changes.note(connection, added=loaded.added, updated=loaded.updated)
    await finish_load(ctx, relation, loaded)
    return FileResult(loaded, encoder.rejected, encoder.rejected_count)


def _require_id(relation: Relation, targets: list[Column | None], match: Column | None, name: str) -> None:
    """UnreadableFile where no column has what the rows are known by: said here, it also holds for a file without rows."""
    slug = match.slug if match is not None else relation.id_column
    if slug != "_id" and not any(column is not None and column.slug == slug for column in targets):
        raise UnreadableFile(f"{name} has no column {slug}, by which the records of {relation.slug} are known. Nothing was taken from it.")


def _new_id() -> str:
    return str(ids.new())


def _targets(ctx: Context, relation: Relation, headers: list[str], named: Mapping[str, str] | None) -> list[Column | None]:
    """The column that each header fills, if it can be written; `_id` when the model has no id column. UnreadableFile where two fill one."""
    targets: list[Column | None] = []
    filled = dict[str, str]()
    for header, column in zip(headers, file_headings.columns_of(relation, headers, named), strict=True):
        is_writable = column is not None and (column.writable or (column.slug == "_id" and relation.id_column == "_id"))
        if not is_writable and not header.startswith("_"):
            ctx.warn(f"The column {header} of the file was left out: {relation.slug} has no such column to write.")
        if column is not None and is_writable:
            if column.slug in filled:
                two = f"{filled[column.slug]} and {header}"
                raise UnreadableFile(f"The columns {two} of the file would both fill {column.slug}. Nothing was taken from it.")
            filled[column.slug] = header
        targets.append(column if is_writable else None)
    return targets


async def finish_load(ctx: Context, relation: Relation, loaded: LoadResult) -> None:
    """Compute columns, publish the change, and warn of ids that came twice."""
    changed = loaded.added + loaded.updated
    if changed and computed.ComputedColumns.of(relation).columns:
        connection = await driver_connection(ctx.db)
        if loaded.touched is None:
            await recompute.recompute(ctx, relation)
        else:
            for sentence in await computed.refresh(connection, relation, loaded.touched, ctx.workspace):
                ctx.warn(sentence)
    if changed:
        await events.publish(ctx.db, RecordsChanged(ctx.workspace, relation.model))
    if loaded.duplicates:
        ctx.warn(f"{loaded.duplicates:,} rows had an id that came again later in the file: the last row of an id counts.")


def file_name(key: str) -> str:
    """The name of an uploaded file as people know it."""
    return key.rpartition("/")[2]


def _limits(ctx: Context) -> parquet.Limits:
    """How much a file may hold that is read into a model."""
    return parquet.Limits(ctx.settings.max_unpacked_bytes, ctx.settings.max_records)


async def blocks(ctx: Context, key: str, options: FileOptions = PLAIN) -> AsyncGenerator[tuple[list[str], int, RowBatch]]:
    """The rows of an uploaded file as texts: `(headers, number of the first row, rows)`. UnreadableFile; Refusal (413) of one with more
    rows than the workspace may keep, after those before were given."""
    limits, count = _limits(ctx), 0
    with _raise_unreadable(key):
        stream = ctx.files.stream(require_owner(key, ctx.workspace))
        if parquet.is_parquet(key):
            async with parquet.temporary_file(stream) as path, aclosing(parquet.read_lists(path, limits)) as chunks:
                async for headers, first, rows in chunks:
                    yield headers, first, RowBatch(rows)
            return
        async with aclosing(csv_blocks(stream, _text_format(options))) as chunks:
            async for headers, first, block in chunks:
                if not count and key.lower().endswith(".json") and headers[0].lstrip().startswith(("[", "{")):
                    raise UnreadableFile(f"{file_name(key)} is JSON, not CSV: send one object per line, in a file that ends in .ndjson.")
                count += len(block)
                if limits.rows and count > limits.rows:
                    sentence = (
                        f"The file has more than {limits.rows:,} rows, and a workspace may keep as many records (CARGO_AI_MAX_RECORDS)."
                    )
                    raise Refusal(quotas.STATUS, quotas.REASON, sentence, {"fix": "cargo-ai workspace usage"})
                yield headers, first, block


@contextmanager
def _raise_unreadable(key: str) -> Generator[None]:
    """Turn what is wrong with a file into UnreadableFile."""
    try:
        yield
    except FileMissing:
        raise UnreadableFile(f"There is no uploaded file {key}.", missing=True) from None
    except FilesUnavailable:
        raise UnreadableFile("The file store cannot be read right now. Try again in a moment.") from None
    except InvalidFile as fault:
        raise UnreadableFile(str(fault)) from None
