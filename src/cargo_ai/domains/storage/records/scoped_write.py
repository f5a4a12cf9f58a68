"""Scoped writes: save and remove records of which only some columns and only some records may be touched, once for a key."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import errors
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.storage.records.change_set import Kind
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, Origin
from cargo_ai.domains.storage.models import extractors
from cargo_ai.domains.storage.records.write import InvalidRecords, RecordError, Writer, validate_new
from cargo_ai.domains.storage.tables import ChangeSet, ChangeSetWrite, Model
from cargo_ai.kernel.settings import Settings
from cargo_ai.records import rows
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Relation
from cargo_ai.store.driver import driver_connection, execute

_SOURCE_KIND: Kind = "bulk"
_NAMESPACE = uuid.UUID("0d1c54a3-4a3f-5b0b-9b93-7f0c4b1d2e55")
Within = Callable[[Sequence[str]], Awaitable[set[str]]]


class NotWritten(ValueError):
    """The records cannot be written, and none was; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Scope:
    """columns: the slugs that may be written. within: which of these records may be touched, as they are now in the session."""

    relation: Relation
    columns: Collection[str]
    within: Within


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, in which workspace. key: of the write, which takes place once for it. source: where it comes from, as people know it."""

    workspace: uuid.UUID
    user: uuid.UUID | None
    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the records. change_set: None where nothing was changed. again: the key's write took place before."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    ids: tuple[str, ...] = ()
    change_set: uuid.UUID | None = None
    again: bool = False


async def save(db: AsyncSession, settings: Settings, scope: Scope, records: Sequence[Mapping[str, Any]], author: Author) -> Written:
    """Add records, and change those whose id is there already, all or none; the caller commits. NotWritten."""
    recorder, former = await _begin(db, scope, author)
    if former is not None:
        return former
    row = await db.scalar(select(Model).where(Model.uuid == scope.relation.model, Model.deleted_at.is_(None)))
    if row is None:
        raise NotWritten("The model was removed.")
    validated = validate_new(scope.relation, records, makes_ids=extractors.makes_ids(row.extractor_slug))
    faults = [*_outside(scope, records), *validated.faults]
    if faults:
        raise NotWritten(_sentence(faults))
    uids = list(dict.fromkeys(uid for uid, _ in validated.rows))
    if len(uids) < len(validated.rows):
        raise NotWritten("Two of the records have the same id: give each record once.")
    connection = await driver_connection(db)
    present = sorted(await rows.existing_ids(connection, scope.relation, uids, lock=True))
    await _require_within(scope, present, "is not one of those that may be changed")
    try:
        result = await Writer(db, recorder.workspace, scope.relation, settings, recorder).upsert(validated)
    except InvalidRecords as fault:
        raise NotWritten(str(fault)) from None
    except errors.UniqueViolation as error:
        raise NotWritten(f"The model has such a record already: {(error.diag.message_detail or '').rstrip('.')}.") from None
    except errors.DataError as error:
        raise NotWritten(f"The database does not take these records: {error.diag.message_primary or error}.") from None
    await _require_within(scope, uids, "would then not be one of those that may be seen: nothing was written")
    changed = recorder.uuid if result.touched else None
    return Written(len(result.added), len(result.updated), ids=tuple(uids), change_set=changed)


async def remove(db: AsyncSession, settings: Settings, scope: Scope, uids: Sequence[str], author: Author) -> Written:
    """Remove records; those that are not there, or may not be seen, are left out. The caller commits."""
    recorder, former = await _begin(db, scope, author)
    if former is not None:
        return former
    connection = await driver_connection(db)
    present = sorted(await rows.existing_ids(connection, scope.relation, uids, lock=True))
    allowed = await scope.within(present)
    writer = Writer(db, recorder.workspace, scope.relation, settings, recorder)
    removed = await writer.remove([uid for uid in present if uid in allowed])
    return Written(removed=len(removed), ids=tuple(removed), change_set=recorder.uuid if removed else None)


async def _begin(db: AsyncSession, scope: Scope, author: Author) -> tuple[ChangeRecorder, Written | None]:
    """The change set of the key, which those with the same key make one after another; what it wrote, where it is there."""
    uid = uuid.uuid5(_NAMESPACE, author.key)
    lock = int.from_bytes(uid.bytes[:8], signed=True)
    await execute(await driver_connection(db), "select pg_advisory_xact_lock(%s)", [lock])
    recorder = ChangeRecorder(author.workspace, scope.relation.model, Origin(_SOURCE_KIND, author.user, source=author.source), uid)
    if await db.scalar(select(ChangeSet.uuid).where(ChangeSet.uuid == uid)) is None:
        return recorder, None
    writes = (ChangeSetWrite.added, ChangeSetWrite.updated, ChangeSetWrite.removed)
    counts = (await db.execute(select(*map(func.sum, writes)).where(ChangeSetWrite.change_set_uuid == uid))).one()
    added, updated, removed = (int(count or 0) for count in counts)
    return recorder, Written(added, updated, removed, change_set=uid, again=True)


def _outside(scope: Scope, records: Sequence[Mapping[str, Any]]) -> list[RecordError]:
    allowed = {*scope.columns, scope.relation.id_column}
    return [
        RecordError(index, name, "is not a column that may be written")
        for index, record in enumerate(records)
        for name in record
        if name not in SYSTEM_COLUMNS and ((column := scope.relation.column(name)) is None or column.slug not in allowed)
    ]


async def _require_within(scope: Scope, uids: Sequence[str], complaint: str) -> None:
    outside = set(uids) - await scope.within(uids) if uids else set[str]()
    if outside:
        raise NotWritten(f"The record {min(outside)} {complaint}.")


def _sentence(faults: Sequence[RecordError]) -> str:
    shown = "; ".join(f"record {fault.index + 1}, {fault.column or 'all of it'}: {fault.message}" for fault in faults[:5])
    return f"Nothing was written: {shown}."
