"""Ingest: load files into models, from an uploaded file or from the body of a request with the model's own token."""

from __future__ import annotations

import json
import secrets as randomness
import shlex
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage.records import ingest as contract
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.models import extractors, model, model_catalog
from cargo_ai.domains.storage.records import read_file, row_results
from cargo_ai.domains.storage.records.read_file import RowsRejected, UnreadableFile
from cargo_ai.domains.storage.records.row_results import RowResults
from cargo_ai.domains.storage.records.write import InvalidRecords, RecordError, ValidatedRecords, Writer, validate_new
from cargo_ai.domains.storage.tables import Model
from cargo_ai.files.json_files import json_chunks
from cargo_ai.files.text_files import InvalidFile
from cargo_ai.kernel.secrets import hash_token
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.records.bulk.content_ids import IdCounter
from cargo_ai.records.bulk.row_encoder import MAX_REJECTED, MAX_REJECTED_VALUE, RejectedRow
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.rows import WriteResult
from cargo_ai.store.files import FileMissing, FilesUnavailable, require_owner

TOKEN_PREFIX = "cai_ingest_"  # noqa: S105
LINES = (".ndjson", ".jsonl", ".ndjson.json")


@dataclass(frozen=True, slots=True)
class IngestTarget:
    """The model that an ingest token stands for."""

    workspace: uuid.UUID
    user: uuid.UUID
    model: uuid.UUID


def ingest_path(model: object) -> str:
    """Where records are sent to."""
    return f"/v1/models/{model}/records/ingest"


async def find_target(db: AsyncSession, token: str) -> IngestTarget | None:
    """The model of a token; None for one that is unknown. In a session that looks ALL_WORKSPACES."""
    query = select(Model).where(Model.ingest_token_hash == hash_token(token), Model.deleted_at.is_(None))
    row = await db.scalar(query)
    return None if row is None else IngestTarget(row.workspace_uuid, row.user_uuid, row.uuid)


@handles(contract.create_token)
async def create_token(ctx: Context, request: ByUuid) -> contract.IngestToken:
    """A new token, which replaces the former."""
    row = await model.find(ctx.db, request.uuid, lock=True)
    row = found_or_refuse(contract.create_token, row, "modelNotFound", uuid=request.uuid, fix="cargo-ai storage model list")
    token = TOKEN_PREFIX + randomness.token_urlsafe(32)
    row.ingest_token_hash = hash_token(token)
    await ctx.db.flush()
    return contract.IngestToken(token=token, url=f"{ctx.base_url}{ingest_path(row.uuid)}?token={token}")


@handles(contract.ingest)
async def ingest(ctx: Context, request: contract.IngestFile) -> contract.IngestReport:
    """Add or change the records of a file."""
    row, relation = await _model(ctx, request.model_uuid)
    match = matching_column(relation, request.matching_column_slug)
    for slug in (request.headings or {}).values():
        found_or_refuse(contract.ingest, relation.column(slug), "columnNotFound", slug=slug)
    try:
        if not request.skip_invalid:
            return await _read(ctx, row, relation, match, request, None)
        with RowResults() as results:
            report = await _read(ctx, row, relation, match, request, results)
            return await _with_report_link(ctx, row, report, results)
    except RowsRejected as fault:
        errors = [_to_rejected_row(rejected).to_wire() for rejected in fault.rejected]
        details = {"file": read_file.file_name(request.s3_filename), "errors": errors}
        contract.ingest.refuse("rowsRejected", problem=str(fault), details=details, fix=_with_options(request, fault.likely))
    except UnreadableFile as fault:
        if fault.missing:
            contract.ingest.refuse("fileNotFound", file=request.s3_filename, fix="cargo-ai workspace file upload --help")
        contract.ingest.refuse("fileInvalid", problem=str(fault))


async def _read(
    ctx: Context, row: Model, relation: Relation, match: Column | None, request: contract.IngestFile, results: RowResults | None
) -> contract.IngestReport:
    """Load a file; with `results`, rows that do not fit are left out."""
    key, options = request.s3_filename, request
    if key.lower().endswith(LINES):
        _refuse_matching(match)
        return await _ingest_lines(ctx, row, relation, key, results, request)
    filled = await read_file.load_file(
        ctx,
        relation,
        key,
        "ingest",
        match=match,
        skip_invalid=results is not None,
        results=results,
        options=options,
        headings=request.headings,
    )
    return contract.IngestReport(
        added=filled.loaded.added,
        updated=filled.loaded.updated,
        unchanged=filled.loaded.unchanged,
        rejected=filled.rejected_count,
        errors=[_to_rejected_row(one) for one in filled.rejected],
    )


def _with_options(request: contract.IngestFile, options: Mapping[str, str]) -> str | None:
    """The command that reads the file again, written as these options say; None without any."""
    flags = {"decimal": "--decimal", "dateOrder": "--date-order"}
    words = ["cargo-ai", "storage", "record", "ingest", "--model-uuid", request.model_uuid, "--s3-filename", request.s3_filename]
    words += ["--matching-column-slug", request.matching_column_slug] if request.matching_column_slug else []
    words += ["--encoding", request.encoding] if request.encoding != "utf-8" else []
    words += ["--delimiter", request.delimiter] if request.delimiter else []
    words += ["--trim"] if request.trim else []
    words += ["--headings", json.dumps(request.headings, ensure_ascii=False)] if request.headings else []
    words += [word for name, value in options.items() for word in (flags[name], value)]
    return shlex.join(words) if options else None


def _to_rejected_row(one: RejectedRow) -> contract.RejectedRow:
    return contract.RejectedRow(row=one.row, column=one.column, message=one.message, value=one.value)


async def _with_report_link(ctx: Context, row: Model, report: contract.IngestReport, results: RowResults) -> contract.IngestReport:
    """The report with the URL of the results of all rows."""
    stored = await results.save(ctx, row.uuid)
    return report.model_copy(update={"report_uuid": str(stored.uuid), "report_url": row_results.url(ctx, stored, None)})


def matching_column(relation: Relation, slug: str | None) -> Column | None:
    """The column that rows are matched by; None when that is the id."""
    if slug is None:
        return None
    column = relation.column(slug)
    column = found_or_refuse(contract.ingest, column, "columnNotFound", slug=slug)
    if column.slug in {"_id", relation.id_column}:
        return None
    if relation.id_column != "_id":
        contract.ingest.refuse("matchingNotPossible", problem=f"The records of this model are known by {relation.id_column}.")
    if not column.writable or column.type not in {"string", "number", "date", "boolean"}:
        contract.ingest.refuse(
            "matchingNotPossible", problem=f"Rows cannot be known by {slug}: it is a {column.kind} column of {column.type}."
        )
    return column


async def _ingest_lines(
    ctx: Context, row: Model, relation: Relation, key: str, results: RowResults | None, options: contract.IngestFile
) -> contract.IngestReport:
    """Load a file of JSON lines. Keys that a line lacks leave the record's values."""
    if options.trim or options.delimiter or options.decimal or options.date_order != "ymd":
        raise UnreadableFile("Delimiter, trimming, decimals and the order of dates are of CSV files: JSON writes values in one way only.")
    report, writer = _Report(read_file.file_name(key), results), _writer(ctx, relation, read_file.file_name(key))
    async with aclosing(_read_objects(ctx, key, options.encoding)) as chunks:
        async for first, objects in chunks:
            chunk = _renamed(objects, options.headings) if options.headings else objects
            await report.take(writer, chunk, first, makes_ids=extractors.makes_ids(row.extractor_slug))
    return report.to_response()


def _renamed(objects: list[dict[str, Any]], headings: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{headings.get(key, key): value for key, value in one.items()} for one in objects]


async def ingest_objects(
    ctx: Context, model_uuid: uuid.UUID, objects: list[dict[str, Any]], match: str | None, *, skip_invalid: bool
) -> contract.IngestReport:
    """Load the objects of a request's body."""
    row, relation = await _model(ctx, str(model_uuid))
    _refuse_matching(matching_column(relation, match))
    with RowResults() as results:
        report = _Report("the body", results if skip_invalid else None)
        await report.take(_writer(ctx, relation, None), objects, 1, makes_ids=extractors.makes_ids(row.extractor_slug))
        return await _with_report_link(ctx, row, report.to_response(), results) if skip_invalid else report.to_response()


def _writer(ctx: Context, relation: Relation, source: str | None) -> Writer:
    return Writer(
        ctx.db,
        ctx.workspace,
        relation,
        ctx.settings,
        ChangeRecorder(ctx.workspace, relation.model, origin_of(ctx, "ingest", source=source)),
    )


async def _model(ctx: Context, text: str) -> tuple[Model, Relation]:
    row = await model.find(ctx.db, text)
    relation = None if row is None else (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(row.uuid)
    if row is None or relation is None:
        contract.ingest.refuse("modelNotFound", uuid=text, fix="cargo-ai storage model list")
    return row, relation


def _refuse_matching(match: Column | None) -> None:
    if match is not None:
        problem = "Objects are known by their id here; rows that are known by another column come as CSV."
        contract.ingest.refuse("matchingNotPossible", problem=problem)


class _Report:
    """Counts and errors of the objects so far. Without `results`, one object that does not fit refuses all of them."""

    def __init__(self, name: str, results: RowResults | None) -> None:
        self._name, self._results = name, results
        self.added = self.updated = self.unchanged = self.rejected = 0
        self.errors: list[contract.RejectedRow] = []
        self._seen = IdCounter()

    async def take(self, writer: Writer, objects: list[dict[str, Any]], first: int, *, makes_ids: bool) -> None:
        """Write some objects; Refusal when one does not fit and is not to be skipped."""
        validated = validate_new(writer.relation, objects, makes_ids=makes_ids, by_content=True)
        errors_by_row: dict[int, list[RecordError]] = {}
        for fault in validated.faults:
            errors_by_row.setdefault(fault.index, []).append(fault)
        self._note(errors_by_row, objects, first)
        if errors_by_row and self._results is None:
            fault = validated.faults[0]
            problem = f"{self._name}, line {first + fault.index}, {InvalidRecords([fault])}. Nothing was taken."
            details = {"file": self._name, "errors": [rejected.to_wire() for rejected in self.errors]}
            contract.ingest.refuse("rowsRejected", problem=problem, details=details)
        await writer.number_duplicates(validated, self._seen)
        written = await writer.upsert(ValidatedRecords(validated.rows))
        distinct = len({uid for uid, _ in validated.rows})
        self.added += len(written.added)
        self.updated += len(written.updated)
        self.unchanged += distinct - len(written.touched)
        if self._results is not None:
            await self._results.add(_to_row_results(validated, errors_by_row, objects, first, written))

    def _note(self, errors_by_row: Mapping[int, list[RecordError]], objects: list[dict[str, Any]], first: int) -> None:
        self.rejected += len(errors_by_row)
        for index, record_errors in errors_by_row.items():
            for record_error in record_errors[: max(0, MAX_REJECTED - len(self.errors))]:
                value = to_display(objects[index].get(record_error.column))
                self.errors.append(
                    contract.RejectedRow(row=first + index, column=record_error.column, message=record_error.message, value=value)
                )

    def to_response(self) -> contract.IngestReport:
        """The response."""
        return contract.IngestReport(
            added=self.added, updated=self.updated, unchanged=self.unchanged, rejected=self.rejected, errors=self.errors
        )


def _to_row_results(
    validated: ValidatedRecords,
    errors_by_row: Mapping[int, list[RecordError]],
    objects: list[dict[str, Any]],
    first: int,
    written: WriteResult,
) -> Iterator[tuple[Any, ...]]:
    """The result of each object, in order."""
    added, updated = set(written.added), set(written.updated)
    written_rows = iter(validated.rows)
    rows = {index: uid for index in range(len(objects)) if index not in errors_by_row for uid, _ in [next(written_rows)]}
    last = {uid: index for index, uid in rows.items()}
    for index in range(len(objects)):
        if index in errors_by_row:
            fault, *others = errors_by_row[index]
            problem = "; ".join([fault.message, *(f"{other.column} {other.message}" for other in others)])
            value = to_display(objects[index].get(fault.column))
            yield first + index, "rejected", None, fault.column, value, problem, objects[index]
            continue
        uid = rows[index]
        if last[uid] != index:
            yield first + index, "replaced", uid, None, None, f"row {first + last[uid]} has the same id", None
        else:
            yield first + index, "added" if uid in added else "updated" if uid in updated else "unchanged", uid, None, None, None, None


def to_display(value: object) -> str | None:
    """A value as text for a message, cut when it is long."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:MAX_REJECTED_VALUE]


async def _read_objects(ctx: Context, key: str, encoding: str) -> AsyncGenerator[tuple[int, list[dict[str, Any]]]]:
    number = 1
    try:
        async with aclosing(json_chunks(ctx.files.stream(require_owner(key, ctx.workspace)), encoding=encoding)) as chunks:
            async for chunk in chunks:
                yield number, chunk
                number += len(chunk)
    except FileMissing:
        raise UnreadableFile(f"There is no uploaded file {key}.", missing=True) from None
    except FilesUnavailable:
        raise UnreadableFile("The file store cannot be read right now. Try again in a moment.") from None
    except InvalidFile as fault:
        raise UnreadableFile(str(fault)) from None
