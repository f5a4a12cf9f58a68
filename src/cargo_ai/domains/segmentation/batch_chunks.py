"""Batch chunks: read the records of a filter, a segment, a change or a list of ids in chunks, never all in memory."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cargo_ai.contract.segmentation.filter import EVERYTHING, Filter, Sort
from cargo_ai.domains.segmentation import select_records
from cargo_ai.domains.segmentation.changes import change_records
from cargo_ai.domains.segmentation.changes.change_records import ChangeQuery
from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.enumerate import Chunks, SourceFailed
from cargo_ai.kernel.wire import JsonObject, errors_of
from cargo_ai.records import rows
from cargo_ai.records.catalog import Relation
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import Database
from cargo_ai.user_sql.run import conditions

PAGE = 2_000
_SORT: TypeAdapter[Sort] = TypeAdapter(Sort)
_FLAT = ("columnSlug", "column_slug", "slug", "field")


def parse_filter(relation: Relation, raw: JsonObject | None, sort: Sequence[JsonObject] | None) -> tuple[Filter, Sort]:
    """Parse the filter and order of a request; one flat condition (`{field, operator, value}`) is a filter too. Raises InvalidFilter."""
    if raw is not None and "groups" not in raw and any(key in raw for key in _FLAT):
        raw = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [_with_kind(relation, raw)]}]}
    try:
        return (EVERYTHING if raw is None else Filter.model_validate(raw)), _SORT.validate_python(list(sort or []))
    except ValidationError as failure:
        first = errors_of(failure)[0]
        raise InvalidFilter(f"{first['path']}: {first['message']}.") from None


def _with_kind(relation: Relation, condition: JsonObject) -> JsonObject:
    """The condition, with its column's type as kind where it names none."""
    if "kind" in condition:
        return condition
    column = relation.column(str(next(condition[key] for key in _FLAT if key in condition)))
    return {**condition, "kind": column.type if column else "string"}


async def selection_chunks(database: Database, workspace: uuid.UUID, selection: Selection, batch: uuid.UUID, skip: int) -> Chunks:
    """The records of a selection as it is now, in its order, without those that the batch has enumerated already (`skip` of them)."""
    async for uids in read_member_ids(database, selection, batch, skip):
        yield await _read_records(database, workspace, selection.relation.model, uids)


async def record_chunks(
    database: Database, workspace: uuid.UUID, model: uuid.UUID, uids: Sequence[str], batch: uuid.UUID, skip: int
) -> Chunks:
    """The records of these ids, each once; those that are not there are left out."""
    left = list(dict.fromkeys(uids))
    if skip:
        async with database.session(workspace) as db:
            query = "select record_id from public.runs where batch_uuid = %s"
            enrolled = {row[0] for row in await driver.fetch(await driver_connection(db), query, [batch])}
        left = [uid for uid in left if uid not in enrolled]
    for begin in range(0, len(left), PAGE):
        yield await _read_records(database, workspace, model, left[begin : begin + PAGE])


async def change_chunks(
    database: Database, workspace: uuid.UUID, model: uuid.UUID, change: ChangeQuery, batch: uuid.UUID, skip: int
) -> Chunks:
    """The records of a change, by id. Which they are is stored, so that after a crash it continues after the last one enumerated."""
    last: str | None = None
    async with database.session(workspace) as db:
        if skip:
            query = "select max(record_id) from public.runs where batch_uuid = %s"
            last = await driver.value(await driver_connection(db), query, [batch])
    while True:
        async with database.session(workspace) as db:
            connection = await driver_connection(db)
            page = await change_records.page_after(connection, change, last, PAGE)
            relation = await storage.relation(db, model)
            if relation is None:
                raise SourceFailed("The model of this batch has been removed.")
            chunk = await change_records.read_records(connection, relation, page) if page else []
        if not page:
            return
        last = page[-1][0]
        identifying = {"_kind", "_id"}
        yield [record if record["_created_at"] is not None else {key: record[key] for key in identifying} for record in chunk]


async def read_member_ids(
    database: Database, selection: Selection, batch: uuid.UUID | None = None, skip: int = 0
) -> AsyncGenerator[list[str]]:
    """The ids in its order, as of one point in time, from a cursor that holds them: what runs write meanwhile moves no record in or out of
    a limit. Without those that a batch has enumerated already (`skip` of them). SourceFailed when the filter cannot be used.

    Between the pages no transaction is open and nothing is locked.
    """
    statement = selection.ordered()
    if skip:
        # After a crash: the order may be another one by now, so records that have a run are recognised by it.
        has_run = "select 1 from public.runs as e where e.batch_uuid = %(batch)s::uuid and e.record_id = m.record_id"
        rest = "" if selection.limit is None else f" limit {max(0, selection.limit - skip)}"
        statement = f"select m.record_id from ({statement}) as m where not exists ({has_run}) order by 1{rest}"  # noqa: S608 - compiled
    async with AsyncExitStack() as opened:
        # The turn ends with the statement, the connection with the last page.
        async with database.turns.take(selection.catalog.workspace):
            held = await opened.enter_async_context(database.engine.connect())
            connection: Any = (await held.get_raw_connection()).driver_connection
            cursor: Any = await opened.enter_async_context(connection.cursor("members", withhold=True))
            try:
                # The statement is carried out by the commit, so the limit must hold until then.
                async with conditions.limit(database.turns, connection, selection.scope):
                    await cursor.execute(statement.encode(), selection.scope.params | {"batch": batch})
                    await connection.commit()
            except InvalidFilter as error:
                raise SourceFailed(f"The filter cannot be used: {error}") from None
        while page := await cursor.fetchmany(PAGE):
            await connection.commit()
            yield [str(row[0]) for row in page]
        await connection.commit()


async def _read_records(database: Database, workspace: uuid.UUID, model: uuid.UUID, uids: list[str]) -> list[dict[str, Any]]:
    """These records as they are now, with every column. The model is read again: its columns may have changed meanwhile."""
    async with database.session(workspace) as db:
        relation = await storage.relation(db, model)
        if relation is None:
            raise SourceFailed("The model of this batch has been removed.")
        return await rows.get(await driver_connection(db), relation, uids)


async def select_for_batch(
    database: Database, workspace: uuid.UUID, model: uuid.UUID, filter: Filter, sort: Sort, limit: int | None
) -> Selection:
    """The selection of a filter. SourceFailed when the model is gone or the filter no longer fits it."""
    async with database.session(workspace) as db:
        try:
            selection = await select_records.select(db, workspace, model, filter, sort, limit)
        except InvalidFilter as error:
            raise SourceFailed(f"The filter no longer fits its model: {error}") from None
    if selection is None:
        raise SourceFailed("The model of this batch has been removed.")
    return selection
