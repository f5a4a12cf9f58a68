"""Ingest: files read into models, by their uploaded key or straight from a request that brings a model's own token."""

from __future__ import annotations

import json
import secrets as randomness
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
from cargo_ai.contract.storage import ingest as contract
from cargo_ai.domains.storage.models import model, model_catalog
from cargo_ai.domains.storage.records import read_file, record
from cargo_ai.domains.storage.records import row_results as verdict
from cargo_ai.domains.storage.records.read_file import RowsRejected, UnreadableFile
from cargo_ai.domains.storage.records.row_results import RowResults
from cargo_ai.domains.storage.records.write import InvalidRecords, RecordError, ValidatedRecords, Writer, validate_new
from cargo_ai.domains.storage.tables import Model
from cargo_ai.files.row_files import InvalidFile, json_chunks
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
    wanted = select(Model).where(Model.ingest_token_hash == hash_token(token), Model.deleted_at.is_(None))
    row = await db.scalar(wanted)
    return None if row is None else IngestTarget(row.workspace_uuid, row.user_uuid, row.uuid)


@handles(contract.create_token)
async def create_token(ctx: Context, request: ByUuid) -> contract.IngestToken:
    """A fresh token in place of the former."""
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
    try:
        if not request.skip_invalid:
            return await _read(ctx, row, relation, request.s3_filename, match, None)
        with RowResults() as verdicts:
            report = await _read(ctx, row, relation, request.s3_filename, match, verdicts)
            return await _kept(ctx, row, report, verdicts)
    except RowsRejected as fault:
        errors = [_told(one).to_wire() for one in fault.rejected]
        details = {"file": read_file.file_name(request.s3_filename), "errors": errors}
        contract.ingest.refuse("rowsRejected", problem=str(fault), details=details)
    except UnreadableFile as fault:
        if fault.missing:
            contract.ingest.refuse("fileNotFound", file=request.s3_filename, fix="cargo-ai workspace file upload --file-path <file>")
        contract.ingest.refuse("fileInvalid", problem=str(fault))


async def _read(
    ctx: Context, row: Model, relation: Relation, key: str, match: Column | None, verdicts: RowResults | None
) -> contract.IngestReport:
    """Read a file in; with `verdicts`, rows that do not fit are left out."""
    if key.lower().endswith(LINES):
        _by_id(match)
        return await _lines(ctx, row, relation, key, verdicts)
    filled = await read_file.load_file(ctx, relation, key, match=match, skip_invalid=verdicts is not None, verdicts=verdicts)
    return contract.IngestReport(
        added=filled.loaded.added,
        updated=filled.loaded.updated,
        unchanged=filled.loaded.unchanged,
        rejected=filled.rejected_count,
        errors=[_told(one) for one in filled.rejected],
    )


def _told(one: RejectedRow) -> contract.RejectedRow:
    return contract.RejectedRow(row=one.row, column=one.column, message=one.message, value=one.value)


async def _kept(ctx: Context, row: Model, report: contract.IngestReport, verdicts: RowResults) -> contract.IngestReport:
    """The report with the way to the verdicts on all rows."""
    made = await verdicts.keep(ctx, row.uuid)
    return report.model_copy(update={"report_uuid": str(made.uuid), "report_url": verdict.url(ctx, made, None)})


def matching_column(relation: Relation, slug: str | None) -> Column | None:
    """The column that rows are known by; None where that is the id."""
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


async def _lines(ctx: Context, row: Model, relation: Relation, key: str, verdicts: RowResults | None) -> contract.IngestReport:
    """A file of JSON lines: keys that a line lacks leave what the record has."""
    report = _Report(read_file.file_name(key), verdicts)
    async with aclosing(_read_objects(ctx, key)) as chunks:
        async for first, chunk in chunks:
            await report.take(Writer(ctx.db, ctx.workspace, relation), chunk, first, makes_ids=record.makes_ids(row))
    return report.reply()


async def ingest_objects(
    ctx: Context, uid: uuid.UUID, found: list[dict[str, Any]], match: str | None, *, skip_invalid: bool
) -> contract.IngestReport:
    """Objects that a request brought."""
    row, relation = await _model(ctx, str(uid))
    _by_id(matching_column(relation, match))
    with RowResults() as verdicts:
        report = _Report("the body", verdicts if skip_invalid else None)
        await report.take(Writer(ctx.db, ctx.workspace, relation), found, 1, makes_ids=record.makes_ids(row))
        return await _kept(ctx, row, report.reply(), verdicts) if skip_invalid else report.reply()


async def _model(ctx: Context, text: str) -> tuple[Model, Relation]:
    row = await model.find(ctx.db, text)
    relation = None if row is None else (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(row.uuid)
    if row is None or relation is None:
        contract.ingest.refuse("modelNotFound", uuid=text, fix="cargo-ai storage model list")
    return row, relation


def _by_id(match: Column | None) -> None:
    if match is not None:
        problem = "Objects are known by their id here; rows that are known by another column come as CSV."
        contract.ingest.refuse("matchingNotPossible", problem=problem)


class _Report:
    """What came of the objects so far. Without `verdicts`, one that does not fit refuses all of them."""

    def __init__(self, name: str, verdicts: RowResults | None) -> None:
        self._name, self._verdicts = name, verdicts
        self.added = self.updated = self.unchanged = self.rejected = 0
        self.errors: list[contract.RejectedRow] = []
        self._seen = IdCounter()

    async def take(self, writer: Writer, found: list[dict[str, Any]], first: int, *, makes_ids: bool) -> None:
        """Write some objects; Refusal when one does not fit and is not to be skipped."""
        checked = validate_new(writer.relation, found, makes_ids=makes_ids, by_content=True)
        bad: dict[int, list[RecordError]] = {}
        for fault in checked.faults:
            bad.setdefault(fault.index, []).append(fault)
        self._note(bad, found, first)
        if bad and self._verdicts is None:
            fault = checked.faults[0]
            problem = f"{self._name}, line {first + fault.index}, {InvalidRecords([fault])}. Nothing was taken."
            details = {"file": self._name, "errors": [one.to_wire() for one in self.errors]}
            contract.ingest.refuse("rowsRejected", problem=problem, details=details)
        await writer.tell_apart(checked, self._seen)
        written = await writer.upsert(ValidatedRecords(checked.rows))
        distinct = len({uid for uid, _ in checked.rows})
        self.added += len(written.added)
        self.updated += len(written.updated)
        self.unchanged += distinct - len(written.touched)
        if self._verdicts is not None:
            await self._verdicts.add(_to_row_results(checked, bad, found, first, written))

    def _note(self, bad: Mapping[int, list[RecordError]], found: list[dict[str, Any]], first: int) -> None:
        self.rejected += len(bad)
        for index, faults in bad.items():
            for fault in faults[: max(0, MAX_REJECTED - len(self.errors))]:
                value = to_display(found[index].get(fault.column))
                self.errors.append(contract.RejectedRow(row=first + index, column=fault.column, message=fault.message, value=value))

    def reply(self) -> contract.IngestReport:
        """The whole of it."""
        return contract.IngestReport(
            added=self.added, updated=self.updated, unchanged=self.unchanged, rejected=self.rejected, errors=self.errors
        )


def _to_row_results(
    checked: ValidatedRecords, bad: Mapping[int, list[RecordError]], found: list[dict[str, Any]], first: int, written: WriteResult
) -> Iterator[tuple[Any, ...]]:
    """The verdict on each object, in order."""
    added, updated = set(written.added), set(written.updated)
    good = iter(checked.rows)
    rows = {index: uid for index in range(len(found)) if index not in bad for uid, _ in [next(good)]}
    last = {uid: index for index, uid in rows.items()}
    for index in range(len(found)):
        if index in bad:
            fault, *others = bad[index]
            problem = "; ".join([fault.message, *(f"{one.column} {one.message}" for one in others)])
            yield first + index, "rejected", None, fault.column, to_display(found[index].get(fault.column)), problem
            continue
        uid = rows[index]
        if last[uid] != index:
            yield first + index, "replaced", uid, None, None, f"row {first + last[uid]} has the same id"
        else:
            yield first + index, "added" if uid in added else "updated" if uid in updated else "unchanged", uid, None, None, None


def to_display(value: object) -> str | None:
    """A value as it is told: text, cut where it is long."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:MAX_REJECTED_VALUE]


async def _read_objects(ctx: Context, key: str) -> AsyncGenerator[tuple[int, list[dict[str, Any]]]]:
    number = 1
    try:
        async with aclosing(json_chunks(ctx.files.stream(require_owner(key, ctx.workspace)))) as chunks:
            async for chunk in chunks:
                yield number, chunk
                number += len(chunk)
    except FileMissing:
        raise UnreadableFile(f"There is no uploaded file {key}.", missing=True) from None
    except FilesUnavailable:
        raise UnreadableFile("The file store cannot be read right now. Try again in a moment.") from None
    except InvalidFile as fault:
        raise UnreadableFile(str(fault)) from None
