"""Write: records checked against their model, written in the caller's transaction, computed columns kept fresh, and everybody told."""

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
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.records import rows
from cargo_ai.records.bulk.content_ids import IdCounter, content_id, escape
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Relation
from cargo_ai.records.rows import WriteResult
from cargo_ai.records.values import InvalidValue, quote_value, to_database
from cargo_ai.store.driver import Connection, driver_connection

MAX_ERRORS = 50
MAX_ID_LENGTH = 2_000

Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RecordError:
    """Why a record cannot be written: which one, which column ('' for the record as a whole), and a sentence's end."""

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
    """Records ready to be written: `(_id, columns)`; `faults` of those that are not among them; which of `rows` have ids that were made."""

    rows: list[tuple[str, Row]] = field(default_factory=list[tuple[str, Row]])
    faults: list[RecordError] = field(default_factory=list[RecordError])
    made: list[int] = field(default_factory=list[int])


def validate_new(
    relation: Relation, records: Iterable[Mapping[str, Any]], *, makes_ids: bool, by_content: bool = False
) -> ValidatedRecords:
    """New records: every one gets an `_id`, from its id column where the model has one. Where that is missing and one is made, it is a
    fresh one, or `by_content` one made of the values: see `Writer.tell_apart`."""
    found = ValidatedRecords()
    for index, record in enumerate(records):
        row, faults = to_columns(relation, record, index)
        uid, is_made = _id_of(relation, record, row, index, faults, makes_ids=makes_ids)
        if is_made and not faults:
            uid = _content_id(relation, row) if by_content else str(ids.new())
            found.made.append(len(found.rows))
            found.rows.append((uid, _with_id(relation, uid, row)))
        elif faults:
            found.faults += faults
        else:
            found.rows.append((uid, row))
    return found


def _content_id(relation: Relation, row: Row) -> str:
    columns = sorted((column.slug, column.kind == "original") for column in relation.columns)
    original, other = ([(slug, escape(row.get(slug) or "")) for slug, own in columns if own is which] for which in (True, False))
    return content_id(original, other)


def _with_id(relation: Relation, uid: str, row: Row) -> Row:
    return row if relation.id_column == "_id" else row | {relation.id_column: uid}


def validate_changes(relation: Relation, records: Iterable[tuple[str, Mapping[str, Any]]]) -> ValidatedRecords:
    """Changes `(_id, values)` of records that are there. The id column keeps its value."""
    found = ValidatedRecords()
    for index, (uid, record) in enumerate(records):
        row, faults = to_columns(relation, record, index)
        if relation.id_column in row and id_of(relation, row[relation.id_column]) != uid:
            faults.append(RecordError(index, relation.id_column, "is the id of the record and cannot be changed"))
        if faults:
            found.faults += faults
        else:
            found.rows.append((uid, row))
    return found


def to_columns(relation: Relation, record: Mapping[str, Any], index: int = 0) -> tuple[Row, list[RecordError]]:
    """The columns of a record as the database reads them, and what is wrong with the others. System columns are read over."""
    row: Row = {}
    faults: list[RecordError] = []
    for name, value in record.items():
        if name in SYSTEM_COLUMNS:
            continue
        column = relation.column(name)
        if column is None:
            faults.append(RecordError(index, name, _unknown_column(relation, name)))
        elif not column.writable:
            faults.append(RecordError(index, name, f"is a {column.kind} column and cannot be written"))
        else:
            try:
                row[column.slug] = to_database(value, column.type)
            except InvalidValue as fault:
                faults.append(RecordError(index, name, f"{quote_value(value)} {fault}"))
    return row, faults


def _unknown_column(relation: Relation, name: str) -> str:
    slugs = [column.slug for column in relation.columns if column.writable]
    near = difflib.get_close_matches(name, slugs, 1, 0.6)
    return f"is no column of {relation.slug}" + (f"; did you mean {near[0]}?" if near else "")


def _id_of(
    relation: Relation, record: Mapping[str, Any], row: Row, index: int, faults: list[RecordError], *, makes_ids: bool
) -> tuple[str, bool]:
    """The id that the record brings, and whether one is to be made instead."""
    own = relation.id_column
    given: object = record.get("_id")
    if own == "_id":
        uid = "" if given is None else str(given)
    else:
        if row.get(own) in {None, ""} and given not in {None, ""} and isinstance(given, str):
            column = relation.column(own)
            row[own] = to_database(given, column.type) if column else given
        uid = id_of(relation, row.get(own)) or ""
    if not uid and (own == "_id" or makes_ids):
        return "", True
    if not uid and not any(fault.column == own for fault in faults):
        faults.append(RecordError(index, own, "is missing: it is the id of the record"))
    if len(uid) > MAX_ID_LENGTH:
        faults.append(RecordError(index, own, f"is longer than the {MAX_ID_LENGTH:,} characters that an id may have"))
    if "\x00" in uid:
        faults.append(RecordError(index, own, "has a NUL character"))
    return uid, False


def id_of(relation: Relation, text: str | None) -> str | None:
    """The id that the id column's value makes: whole numbers without `.0`."""
    column = relation.column(relation.id_column)
    return text.removesuffix(".0") if text and column and column.type == "number" else text


@dataclass(slots=True)
class Writer:
    """Writes records of one model in a session's transaction. Every method publishes
    `RecordsChanged`; `warnings` collects sentences for the caller."""

    db: AsyncSession
    workspace: uuid.UUID
    relation: Relation
    warnings: list[str] = field(default_factory=list[str])

    async def create(self, checked: ValidatedRecords) -> list[str]:
        """Add records; their ids. psycopg's UniqueViolation when one is there already."""
        made = await rows.insert(await self._connection(), self.relation, _valid_rows(checked), clock.now())
        await self._after(made)
        return made

    async def update(self, checked: ValidatedRecords) -> list[str]:
        """Change records; the ids of those that are different now."""
        changed = await rows.update(await self._connection(), self.relation, _valid_rows(checked), clock.now())
        await self._after(changed)
        return changed

    async def upsert(self, checked: ValidatedRecords) -> WriteResult:
        """Add records, or change those that are there."""
        written = await rows.upsert(await self._connection(), self.relation, _valid_rows(checked), clock.now())
        await self._after(written.touched)
        return written

    async def tell_apart(self, checked: ValidatedRecords, seen: IdCounter) -> None:
        """Number the records whose values, of which their ids were made, came before: they are records of their own."""
        told = await seen.tell_apart(await self._connection(), [checked.rows[at][0] for at in checked.made])
        for at, uid in zip(checked.made, told, strict=True):
            checked.rows[at] = (uid, _with_id(self.relation, uid, checked.rows[at][1]))

    async def remove(self, uids: Sequence[str]) -> list[str]:
        """Take records away; the ids of those that were there."""
        gone = await rows.delete(await self._connection(), self.relation, uids)
        await self._publish(gone)
        return gone

    async def _after(self, uids: Sequence[str]) -> None:
        self.warnings += await computed.refresh(await self._connection(), self.relation, uids, self.workspace)
        await self._publish(uids)

    async def _publish(self, uids: Sequence[str]) -> None:
        if uids:
            await events.publish(self.db, RecordsChanged(self.workspace, self.relation.model))

    async def _connection(self) -> Connection:
        return await driver_connection(self.db)


def _valid_rows(checked: ValidatedRecords) -> list[tuple[str, Row]]:
    if checked.faults:
        raise InvalidRecords(checked.faults)
    return checked.rows
