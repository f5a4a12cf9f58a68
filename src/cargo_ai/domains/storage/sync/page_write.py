"""Page writes: write one page of a source into its model, each record once, in the caller's transaction."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cargo_ai.contract.storage.run import RunCounts
from cargo_ai.domains.storage.records.write import MAX_ID_LENGTH, Row, ValidatedRecords, Writer, id_of
from cargo_ai.integrations.kit import Record
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.values import InvalidValue, quote_value, to_database
from cargo_ai.store.driver import Connection, execute

AT_ONCE = 200
"""Records that are made ready in one go of the event loop."""

_NOTE = "insert into synced_ids (run_uuid, workspace_uuid, record_id) select %s, %s, unnest(%s::text[]) on conflict do nothing"


@dataclass(slots=True)
class EncodedPage:
    """A page as the database reads it: columns by `_id`, the last of an id counts. `warnings`: what did not fit."""

    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    warnings: list[str] = field(default_factory=list[str])


async def encode(relation: Relation, columns: Mapping[str, str], records: Sequence[Record]) -> EncodedPage:
    """Records as rows. `columns`: the slugs by name at the source; what is not among them is left out.

    A value that does not fit its column is null, for one odd value of a service must not keep all others away.
    """
    known = [(name, column) for name, slug in columns.items() if (column := relation.column(slug)) is not None]
    page = EncodedPage()
    misfits: dict[str, str] = {}
    nameless = Counter[str]()
    for number, record in enumerate(records):
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        row = _row(known, record, misfits)
        uid = id_of(relation, row.get(relation.id_column))
        problem = "have no id" if not uid else "have an id that is too long" if len(uid) > MAX_ID_LENGTH else ""
        if problem or uid is None:
            nameless[problem] += 1
        else:
            page.rows[uid] = row
    page.warnings = [f"{slug}: values that do not fit were left empty, such as {problem}" for slug, problem in misfits.items()]
    page.warnings += [f"{count:,} records were left out: they {problem}." for problem, count in nameless.items()]
    return page


def _row(known: Sequence[tuple[str, Column]], record: Record, misfits: dict[str, str]) -> Row:
    row: Row = {}
    for name, column in known:
        if name not in record:
            continue
        value: Any = record[name]
        try:
            row[column.slug] = to_database(value, column.type)
        except InvalidValue as fault:
            row[column.slug] = None
            misfits.setdefault(column.slug, f"{quote_value(value)}, which {fault}.")
    return row


async def write(writer: Writer, page: EncodedPage, removed: Sequence[str], bookkeeping: frozenset[str]) -> RunCounts:
    """Write a page. Records that differ in nothing but `bookkeeping` columns are unchanged; the removed ones leave the model."""
    # In the order of their ids, as every other write of many records takes their locks.
    rows = sorted(page.rows.items())
    written = await writer.upsert(ValidatedRecords(rows), quiet=bookkeeping)
    gone = await writer.remove(sorted({uid for uid in removed if uid not in page.rows})) if removed else []
    added, updated = len(written.added), len(written.updated)
    return RunCounts(added=added, updated=updated, unchanged=len(rows) - added - updated, removed=len(gone))


async def note_ids(connection: Connection, workspace: uuid.UUID, run: uuid.UUID, uids: Sequence[str]) -> None:
    """Remember that a run has read these records."""
    await execute(connection, _NOTE, [run, workspace, list(uids)])
