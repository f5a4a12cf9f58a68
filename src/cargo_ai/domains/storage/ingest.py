"""Ingest: files read into models, by their uploaded key or straight from a request that brings a model's own token."""

from __future__ import annotations

import secrets as randomness
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.storage import ingest as contract
from cargo_ai.domains.storage import files, model, record, relations
from cargo_ai.domains.storage.files import FileFault, RowsRejected
from cargo_ai.domains.storage.tables import Model
from cargo_ai.domains.storage.write import Checked, Fault, Unwritable, Writer, check_new
from cargo_ai.kernel.secrets import hash_token
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.csvfile import BadFile, json_chunks
from cargo_ai.roomkit.handlers import handles
from cargo_ai.store.files import FileMissing, FilesUnavailable, owned
from cargo_ai.warehouse.catalog import Column, Relation
from cargo_ai.warehouse.load import MOST_REJECTED

TOKEN_PREFIX = "cai_ingest_"  # noqa: S105
LINES = (".ndjson", ".jsonl", ".ndjson.json")


@dataclass(frozen=True, slots=True)
class Target:
    """The model that an ingest token stands for."""

    workspace: uuid.UUID
    user: uuid.UUID
    model: uuid.UUID


def path_of(model: object) -> str:
    """Where records are sent to."""
    return f"/v1/models/{model}/records/ingest"


async def target_of(db: AsyncSession, token: str) -> Target | None:
    """The model of a token; None for one that is unknown. In a session that looks EVERYWHERE."""
    wanted = select(Model).where(Model.ingest_token_hash == hash_token(token), Model.deleted_at.is_(None))
    row = await db.scalar(wanted)
    return None if row is None else Target(row.workspace_uuid, row.user_uuid, row.uuid)


@handles(contract.create_token)
async def create_token(ctx: Context, request: ByUuid) -> contract.IngestToken:
    """A fresh token in place of the former."""
    row = await model.living(ctx.db, request.uuid, lock=True)
    if row is None:
        contract.create_token.refuse("modelNotFound", uuid=request.uuid, fix="cargo-ai storage model list")
    token = TOKEN_PREFIX + randomness.token_urlsafe(32)
    row.ingest_token_hash = hash_token(token)
    await ctx.db.flush()
    return contract.IngestToken(token=token, url=f"{ctx.base_url}{path_of(row.uuid)}?token={token}")


@handles(contract.ingest)
async def ingest(ctx: Context, request: contract.IngestFile) -> contract.IngestReport:
    """Add or change the records of a file."""
    row, relation = await _model(ctx, request.model_uuid)
    match = matching(relation, request.matching_column_slug)
    try:
        if request.s3_filename.lower().endswith(LINES):
            _by_id(match)
            return await _lines(ctx, row, relation, request.s3_filename, skip_invalid=request.skip_invalid)
        filled = await files.fill(ctx, relation, request.s3_filename, match=match, skip_invalid=request.skip_invalid)
    except RowsRejected as fault:
        errors = [contract.RejectedRow(row=one.row, column=one.column, message=one.message).to_wire() for one in fault.rejected]
        contract.ingest.refuse("rowsRejected", problem=str(fault), details={"errors": errors})
    except FileFault as fault:
        if fault.missing:
            contract.ingest.refuse("fileNotFound", file=request.s3_filename, fix="cargo-ai workspace file upload --file-path <file>")
        contract.ingest.refuse("fileInvalid", problem=str(fault))
    return contract.IngestReport(
        added=filled.loaded.added,
        updated=filled.loaded.updated,
        unchanged=filled.loaded.unchanged,
        rejected=filled.rejected_count,
        errors=[contract.RejectedRow(row=one.row, column=one.column, message=one.message) for one in filled.rejected],
    )


def matching(relation: Relation, slug: str | None) -> Column | None:
    """The column that rows are known by; None where that is the id."""
    if slug is None:
        return None
    column = relation.column(slug)
    if column is None:
        contract.ingest.refuse("columnNotFound", slug=slug)
    if column.slug in {"_id", relation.id_column}:
        return None
    if relation.id_column != "_id":
        contract.ingest.refuse("matchingNotPossible", problem=f"The records of this model are known by {relation.id_column}.")
    if not column.writable or column.type not in {"string", "number", "date", "boolean"}:
        contract.ingest.refuse(
            "matchingNotPossible", problem=f"Rows cannot be known by {slug}: it is a {column.kind} column of {column.type}."
        )
    return column


async def _lines(ctx: Context, row: Model, relation: Relation, key: str, *, skip_invalid: bool) -> contract.IngestReport:
    """A file of JSON lines: keys that a line lacks leave what the record has."""
    report = _Report()
    async with aclosing(_objects(ctx, key)) as chunks:
        async for first, chunk in chunks:
            await report.take(Writer(ctx.db, ctx.workspace, relation), chunk, first, makes_ids=record.makes_ids(row), skip=skip_invalid)
    return report.reply()


async def take_objects(
    ctx: Context, uid: uuid.UUID, found: list[dict[str, Any]], match: str | None, *, skip_invalid: bool
) -> contract.IngestReport:
    """Objects that a request brought."""
    row, relation = await _model(ctx, str(uid))
    _by_id(matching(relation, match))
    report = _Report()
    await report.take(Writer(ctx.db, ctx.workspace, relation), found, 1, makes_ids=record.makes_ids(row), skip=skip_invalid)
    return report.reply()


async def _model(ctx: Context, text: str) -> tuple[Model, Relation]:
    row = await model.living(ctx.db, text)
    relation = None if row is None else (await relations.catalog(ctx.db, ctx.workspace)).by_model(row.uuid)
    if row is None or relation is None:
        contract.ingest.refuse("modelNotFound", uuid=text, fix="cargo-ai storage model list")
    return row, relation


def _by_id(match: Column | None) -> None:
    if match is not None:
        problem = "Objects are known by their id here; rows that are known by another column come as CSV."
        contract.ingest.refuse("matchingNotPossible", problem=problem)


class _Report:
    """What came of the objects so far."""

    def __init__(self) -> None:
        self.added = self.updated = self.unchanged = self.rejected = 0
        self.errors: list[contract.RejectedRow] = []

    async def take(self, writer: Writer, found: list[dict[str, Any]], first: int, *, makes_ids: bool, skip: bool) -> None:
        """Write some objects; Refusal when one does not fit and is not to be skipped."""
        checked = check_new(writer.relation, found, makes_ids=makes_ids)
        self._note(checked.faults, first)
        if checked.faults and not skip:
            problem = f"Line {first + checked.faults[0].index}, {Unwritable(checked.faults)}. Nothing was taken."
            errors = [one.to_wire() for one in self.errors]
            contract.ingest.refuse("rowsRejected", problem=problem, details={"errors": errors})
        written = await writer.upsert(Checked(checked.rows))
        distinct = len({uid for uid, _ in checked.rows})
        self.added += len(written.added)
        self.updated += len(written.updated)
        self.unchanged += distinct - len(written.touched)

    def _note(self, faults: list[Fault], first: int) -> None:
        self.rejected += len({fault.index for fault in faults})
        more = faults[: max(0, MOST_REJECTED - len(self.errors))]
        self.errors += [contract.RejectedRow(row=first + fault.index, column=fault.column, message=fault.message) for fault in more]

    def reply(self) -> contract.IngestReport:
        """The whole of it."""
        return contract.IngestReport(
            added=self.added, updated=self.updated, unchanged=self.unchanged, rejected=self.rejected, errors=self.errors
        )


async def _objects(ctx: Context, key: str) -> AsyncGenerator[tuple[int, list[dict[str, Any]]]]:
    number = 1
    try:
        async with aclosing(json_chunks(ctx.files.stream(owned(key, ctx.workspace)))) as chunks:
            async for chunk in chunks:
                yield number, chunk
                number += len(chunk)
    except FileMissing:
        raise FileFault(f"There is no uploaded file {key}.", missing=True) from None
    except FilesUnavailable:
        raise FileFault("The file store cannot be read right now. Try again in a moment.") from None
    except BadFile as fault:
        raise FileFault(str(fault)) from None
