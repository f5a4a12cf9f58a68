"""Record writes: validate records against their model, write them in the caller's transaction, compute columns, publish the change."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events
from cargo_ai.domains.storage.columns import computed
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.history.recorder import Changes
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.settings import Settings
from cargo_ai.records import rows
from cargo_ai.records.bulk.content_ids import IdCounter, content_id, escape
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Relation
from cargo_ai.records.rows import WriteResult
from cargo_ai.records.values import InvalidValue, quote_value, to_database
from cargo_ai.store import quotas
from cargo_ai.store.driver import Connection, driver_connection

MAX_ERRORS = 50
MAX_SUGGESTED_FOR = 200
"""Characters of an unknown name for which the nearest column is looked for: the time grows with their square."""
MAX_ID_LENGTH = 2_000

Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RecordError:
    """Why a record cannot be written: which one, which column ('' for the whole record), and the end of a sentence."""

    index: int
    column: str
    message: str


class InvalidRecords(ValueError):
    """Some records do not fit their model; nothing was written."""

    def __init__(self, faults: Sequence[RecordError]) -> None:
        first = faults[0]
        super().__init__(f"{first.column}: {first.message}" if first.column else first.message)
        self.faults = list(faults)

    def refusal(self, path: str) -> Refusal:
        """400 `invalidInput`. `path` has a `{index}` where there are many records (`records.{index}.data`)."""
        errors = [
            {"path": ".".join(part for part in (path.format(index=fault.index), fault.column) if part), "message": fault.message}
            for fault in self.faults[:MAX_ERRORS]
        ]
        return invalid_input(errors)


@dataclass(slots=True)
class ValidatedRecords:
    """Records ready to be written: `(_id, columns)`; `faults` of the others; `made`: which of `rows` have generated ids."""

    rows: list[tuple[str, Row]] = field(default_factory=list[tuple[str, Row]])
    faults: list[RecordError] = field(default_factory=list[RecordError])
    made: list[int] = field(default_factory=list[int])


def validate_new(
    relation: Relation, records: Iterable[Mapping[str, Any]], *, makes_ids: bool, by_content: bool = False
) -> ValidatedRecords:
    """Validate new records. Each gets an `_id`, from its id column where the model has one; a generated id is a new uuid or, with
    `by_content`, a digest of the values (see `Writer.number_duplicates`)."""
    validated = ValidatedRecords()
    for index, record in enumerate(records):
        row, faults = to_columns(relation, record, index, suggests=len(validated.faults) < MAX_ERRORS)
        uid, is_made = _id_of(relation, record, row, index, faults, makes_ids=makes_ids)
        if is_made and not faults:
            uid = _content_id(relation, row) if by_content else str(ids.new())
            validated.made.append(len(validated.rows))
            validated.rows.append((uid, _with_id(relation, uid, row)))
        elif faults:
            validated.faults += faults
        else:
            validated.rows.append((uid, row))
    return validated


def _content_id(relation: Relation, row: Row) -> str:
    columns = sorted((column.slug, column.kind == "original") for column in relation.columns)
    original, other = ([(slug, escape(row.get(slug) or "")) for slug, own in columns if own is which] for which in (True, False))
    return content_id(original, other)


def _with_id(relation: Relation, uid: str, row: Row) -> Row:
    return row if relation.id_column == "_id" else row | {relation.id_column: uid}


def validate_changes(relation: Relation, records: Iterable[tuple[str, Mapping[str, Any]]]) -> ValidatedRecords:
    """Validate changes `(_id, values)` of existing records. The id column keeps its value."""
    validated = ValidatedRecords()
    for index, (uid, record) in enumerate(records):
        row, faults = to_columns(relation, record, index, suggests=len(validated.faults) < MAX_ERRORS)
        if relation.id_column in row and id_of(relation, row[relation.id_column]) != uid:
            faults.append(RecordError(index, relation.id_column, "is the id of the record and cannot be changed"))
        if faults:
            validated.faults += faults
        else:
            validated.rows.append((uid, row))
    return validated


def to_columns(relation: Relation, record: Mapping[str, Any], index: int = 0, *, suggests: bool = True) -> tuple[Row, list[RecordError]]:
    """The columns of a record as the database reads them, and errors for the others. System columns are ignored. `suggests`: the first
    errors name the nearest column, which takes longer than all else."""
    row: Row = {}
    faults: list[RecordError] = []
    for name, value in record.items():
        if name in SYSTEM_COLUMNS:
            continue
        column = relation.column(name)
        if column is None:
            faults.append(RecordError(index, name, _unknown_column(relation, name, suggests=suggests and len(faults) < MAX_ERRORS)))
        elif not column.writable:
            faults.append(RecordError(index, name, f"is a {column.kind} column and cannot be written"))
        else:
            try:
                row[column.slug] = to_database(value, column.type)
            except InvalidValue as fault:
                faults.append(RecordError(index, name, f"{quote_value(value)} {fault}"))
    return row, faults


def _unknown_column(relation: Relation, name: str, *, suggests: bool) -> str:
    slugs = [column.slug for column in relation.columns if column.writable]
    near = difflib.get_close_matches(name, slugs, 1, 0.6) if suggests and len(name) <= MAX_SUGGESTED_FOR else []
    return f"is not a column of {relation.slug}" + (f"; did you mean {near[0]}?" if near else "")


def _id_of(
    relation: Relation, record: Mapping[str, Any], row: Row, index: int, faults: list[RecordError], *, makes_ids: bool
) -> tuple[str, bool]:
    """The id of a record, and whether one must be generated instead."""
    id_column = relation.id_column
    own_id: object = record.get("_id")
    if id_column == "_id":
        uid = "" if own_id is None else str(own_id)
    else:
        if row.get(id_column) in {None, ""} and own_id not in {None, ""} and isinstance(own_id, str):
            column = relation.column(id_column)
            row[id_column] = to_database(own_id, column.type) if column else own_id
        uid = id_of(relation, row.get(id_column)) or ""
    if not uid and (id_column == "_id" or makes_ids):
        return "", True
    if not uid and not any(fault.column == id_column for fault in faults):
        faults.append(RecordError(index, id_column, "is missing: it is the id of the record"))
    if len(uid) > MAX_ID_LENGTH:
        faults.append(RecordError(index, id_column, f"is longer than the {MAX_ID_LENGTH:,} characters that an id may have"))
    if "\x00" in uid:
        faults.append(RecordError(index, id_column, "has a NUL character"))
    return uid, False


def id_of(relation: Relation, text: str | None) -> str | None:
    """The id for a value of the id column: whole numbers without `.0`."""
    column = relation.column(relation.id_column)
    return text.removesuffix(".0") if text and column and column.type == "number" else text


@dataclass(slots=True)
class Writer:
    """Writes records of one model in a session's transaction, as part of a change set. Every method publishes
    `RecordsChanged`; `warnings` collects sentences for the caller."""

    db: AsyncSession
    workspace: uuid.UUID
    relation: Relation
    settings: Settings
    changes: Changes
    warnings: list[str] = field(default_factory=list[str])

    async def create(self, validated: ValidatedRecords) -> list[str]:
        """Add records; returns their ids. psycopg's UniqueViolation when one exists already."""
        created = await rows.insert(await self._connection(), self.relation, _valid_rows(validated), self.changes.at)
        await self._require_place(len(created))
        await self._after(created, added=len(created))
        return created

    async def update(self, validated: ValidatedRecords) -> list[str]:
        """Update records; returns the ids of those that are different now."""
        changed = await rows.update(await self._connection(), self.relation, _valid_rows(validated), self.changes.at)
        await self._after(changed, updated=len(changed))
        return changed

    async def upsert(self, validated: ValidatedRecords, *, quiet: frozenset[str] = frozenset()) -> WriteResult:
        """Add records, or update those that exist; one that differs in nothing but `quiet` columns stays as it is."""
        written = await rows.upsert(await self._connection(), self.relation, _valid_rows(validated), self.changes.at, quiet=quiet)
        await self._require_place(len(written.added))
        await self._after(written.touched, added=len(written.added), updated=len(written.updated))
        return written

    async def number_duplicates(self, validated: ValidatedRecords, seen: IdCounter) -> None:
        """Number the records with content ids whose values came before, so that each is a record of its own."""
        numbered = await seen.make_unique(await self._connection(), [validated.rows[index][0] for index in validated.made])
        for index, uid in zip(validated.made, numbered, strict=True):
            validated.rows[index] = (uid, _with_id(self.relation, uid, validated.rows[index][1]))

    async def remove(self, uids: Sequence[str]) -> list[str]:
        """Remove records; returns the ids of those that existed."""
        removed = await rows.delete(await self._connection(), self.relation, uids)
        await self.changes.note(await self._connection(), removed=len(removed))
        await self._publish(removed)
        return removed

    async def _require_place(self, added: int) -> None:
        """Refusal when the workspace has more records now than it may."""
        await quotas.require(await self._connection(), self.workspace, "records", self.settings, added)

    async def _after(self, uids: Sequence[str], *, added: int = 0, updated: int = 0) -> None:
        await self.changes.note(await self._connection(), added=added, updated=updated)
        self.warnings += await computed.refresh(await self._connection(), self.relation, uids, self.workspace)
        await self._publish(uids)

    async def _publish(self, uids: Sequence[str]) -> None:
        if uids:
            await events.publish(self.db, RecordsChanged(self.workspace, self.relation.model))

    async def _connection(self) -> Connection:
        return await driver_connection(self.db)


def _valid_rows(validated: ValidatedRecords) -> list[tuple[str, Row]]:
    if validated.faults:
        raise InvalidRecords(validated.faults)
    return validated.rows
