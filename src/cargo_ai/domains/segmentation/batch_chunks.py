"""Reading: the records of a filter, of a segment or of a list of ids as the chunks that a batch enrols, never all in memory."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cargo_ai.contract.segmentation.filter import EVERYTHING, Filter, Sort
from cargo_ai.domains.segmentation import change_records, select_records
from cargo_ai.domains.segmentation.change_records import ChangeQuery
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
    """The filter and order of a request; one flat condition (`{field, operator, value}`) is a filter too. Raises InvalidFilter."""
    if raw is not None and "groups" not in raw and any(key in raw for key in _FLAT):
        raw = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [_with_kind(relation, raw)]}]}
    try:
        return (EVERYTHING if raw is None else Filter.model_validate(raw)), _SORT.validate_python(list(sort or []))
    except ValidationError as failure:
        first = errors_of(failure)[0]
        raise InvalidFilter(f"{first['path']}: {first['message']}.") from None


def _with_kind(relation: Relation, condition: JsonObject) -> JsonObject:
    """A condition that names no kind is of its column's."""
    if "kind" in condition:
        return condition
    column = relation.column(str(next(condition[key] for key in _FLAT if key in condition)))
    return {**condition, "kind": column.type if column else "string"}


async def selection_chunks(database: Database, workspace: uuid.UUID, found: Selection, batch: uuid.UUID, skip: int) -> Chunks:
    """The records of a selection as it is now, in its order, without those that the batch has enrolled already (`skip` of them)."""
    async for uids in _read_member_ids(database, found, batch, skip):
        yield await _read_records(database, workspace, found.relation.model, uids)


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
    database: Database, workspace: uuid.UUID, model: uuid.UUID, place: ChangeQuery, batch: uuid.UUID, skip: int
) -> Chunks:
    """The records of a change, by id. Which they are is written down, so that after a crash it goes on behind the last one enrolled."""
    last: str | None = None
    async with database.session(workspace) as db:
        if skip:
            query = "select max(record_id) from public.runs where batch_uuid = %s"
            last = await driver.value(await driver_connection(db), query, [batch])
    while True:
        async with database.session(workspace) as db:
            connection = await driver_connection(db)
            page = await change_records.page_after(connection, place, last, PAGE)
            relation = await storage.relation(db, model)
            if relation is None:
                raise SourceFailed("The model of this batch has been removed.")
            chunk = await change_records.read_records(connection, relation, page) if page else []
        if not page:
            return
        last = page[-1][0]
        gone = {"_kind", "_id"}
        yield [one if one["_created_at"] is not None else {key: one[key] for key in gone} for one in chunk]


async def _read_member_ids(database: Database, found: Selection, batch: uuid.UUID, skip: int) -> AsyncGenerator[list[str]]:
    """The ids of one moment, kept by the database: what the runs write meanwhile moves nobody in or out of a limit.

    Between the pages no transaction is open and nothing is locked.
    """
    statement, params = found.ordered()
    if skip:
        # After a crash: the order may be another one by now, so those that have a run are told by their runs.
        params["batch"] = batch
        mine = "select 1 from public.runs as e where e.batch_uuid = %(batch)s::uuid and e.record_id = m.record_id"
        rest = "" if found.limit is None else f" limit {max(0, found.limit - skip)}"
        statement = f"select m.record_id from ({statement}) as m where not exists ({mine}) order by 1{rest}"  # noqa: S608 - compiled
    async with database.engine.connect() as held:
        connection: Any = (await held.get_raw_connection()).driver_connection
        async with connection.cursor("members", withhold=True) as cursor:
            try:
                # The statement is carried out by the commit, so the limit must hold until then.
                async with conditions.limit_conditions(connection, found.scope):
                    await cursor.execute(statement.encode(), params)
                    await connection.commit()
            except InvalidFilter as error:
                raise SourceFailed(f"The filter cannot be used: {error}") from None
            while page := await cursor.fetchmany(PAGE):
                await connection.commit()
                yield [str(row[0]) for row in page]
        await connection.commit()


async def _read_records(database: Database, workspace: uuid.UUID, model: uuid.UUID, uids: list[str]) -> list[dict[str, Any]]:
    """What these records are now, every column included. The model is looked up anew: columns may come and go meanwhile."""
    async with database.session(workspace) as db:
        relation = await storage.relation(db, model)
        if relation is None:
            raise SourceFailed("The model of this batch has been removed.")
        return await rows.get(await driver_connection(db), relation, uids)


async def select_for_batch(
    database: Database, workspace: uuid.UUID, model: uuid.UUID, filter: Filter, sort: Sort, limit: int | None
) -> Selection:
    """The selection as a worker finds it. SourceFailed where the model is gone or the filter no longer fits it."""
    async with database.session(workspace) as db:
        try:
            found = await select_records.select(db, workspace, model, filter, sort, limit)
        except InvalidFilter as error:
            raise SourceFailed(f"The filter no longer fits its model: {error}") from None
    if found is None:
        raise SourceFailed("The model of this batch has been removed.")
    return found
