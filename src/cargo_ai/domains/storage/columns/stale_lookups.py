"""Stale lookups: compute columns again that read values of other records, after those have changed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

from psycopg import errors
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events
from cargo_ai.context.events import Attachment
from cargo_ai.domains.storage.columns import computed
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.engine.dispatch.queue import goes_on, producer
from cargo_ai.kernel import log
from cargo_ai.records import lookup_triggers
from cargo_ai.records.catalog import Relation
from cargo_ai.records.column_kinds import InvalidColumn
from cargo_ai.records.ddl import table_name
from cargo_ai.records.lookup_triggers import LookupSource
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import Connection, driver_connection, execute, fetch, value
from cargo_ai.store.session import ALL_WORKSPACES, Database

TASK = "storage.lookups"
KEYS = 500
CHUNK = 2_000
PAUSE_SECONDS = 0.2
MAX_PAUSES = 50
LATER_SECONDS = 5

_log = log.get(__name__)

_READERS = """(select array_agg(distinct array[workspace_uuid, model_uuid]::text[]) from public.stale_lookups
    where source_uuid = %(model)s and horizon is null)"""
# A record that was written at the same time may have read the former values: its transaction has ended when those below `horizon` have.
_SEE = "update stale_lookups set horizon = pg_snapshot_xmax(pg_current_snapshot()) where model_uuid = %s and horizon is null"
_LAST = """
select max(id), (
    select count(*) from procrastinate_jobs where task_name = %(task)s and status = 'doing' and args ->> 'model' = %(model)s::uuid::text
) from stale_lookups where model_uuid = %(model)s
"""
_TAKE = """
with first as (
    select column_slug, after_id from stale_lookups
    where model_uuid = %(model)s and horizon <= pg_snapshot_xmin(pg_current_snapshot()) order by id limit 1 for update skip locked
)
select s.id, s.column_slug, s.key, s.after_id from stale_lookups as s join first as f using (column_slug, after_id)
where s.model_uuid = %(model)s and s.horizon <= pg_snapshot_xmin(pg_current_snapshot())
order by s.id limit %(limit)s for update of s skip locked
"""


async def _wake(db: AsyncSession, readers: Sequence[tuple[str, str]]) -> None:
    for workspace, model in readers:
        await producer().defer(await driver_connection(db), TASK, "batch", workspace=workspace, model=model)


@events.attachable(Attachment(_READERS, then=_wake))
async def wake_readers(db: AsyncSession, event: RecordsChanged) -> None:
    """Have the columns computed again that read what this transaction has changed."""
    await _wake(db, await value(await driver_connection(db), f"select {_READERS}", {"model": event.model}) or ())


class LookupJob:
    """The job: keys in groups, their records in chunks, one transaction each. What a killed worker had taken is taken again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @goes_on
    async def run(self, workspace: str, model: str) -> None:
        """Compute until nothing is stale that was so at the beginning. What waits for a long transaction is looked at later."""
        here, reader = uuid.UUID(workspace), uuid.UUID(model)
        last = await retry_until_available("see stale values", lambda: self._see(here, reader))
        pauses = 0
        while last is not None and pauses < MAX_PAUSES:
            taken = await retry_until_available("compute columns again", lambda: self._compute(here, reader))
            if not taken and not await retry_until_available("look for stale values", lambda: self._left(here, reader, last)):
                return
            pauses = 0 if taken else pauses + 1
            await asyncio.sleep(0 if taken else PAUSE_SECONDS)
        if last is not None:
            async with self._database.session(here) as db:
                await producer().defer_later(await driver_connection(db), TASK, "batch", LATER_SECONDS, workspace=workspace, model=model)
                await db.commit()

    async def _see(self, here: uuid.UUID, reader: uuid.UUID) -> int | None:
        """Note which transactions may have read former values; the last stale value, None where another job does them all."""
        async with self._database.session(here) as db:
            connection = await driver_connection(db)
            seen = await execute(connection, _SEE, [reader])
            last, jobs = (await fetch(connection, _LAST, {"model": reader, "task": TASK}))[0]
            await db.commit()
            return None if last is None or (not seen and jobs > 1) else int(last)

    async def _left(self, here: uuid.UUID, reader: uuid.UUID, last: int) -> bool:
        query = "select 1 from stale_lookups where model_uuid = %s and id <= %s limit 1"
        async with self._database.session(here) as db:
            return bool(await fetch(await driver_connection(db), query, [reader, last]))

    async def _compute(self, here: uuid.UUID, reader: uuid.UUID) -> bool:
        """Compute one chunk of records again; False when nothing can be taken."""
        try:
            return await self._compute_chunk(here, reader)
        except (errors.UndefinedColumn, errors.UndefinedTable):
            return True  # the columns were changed since the catalog was read

    async def _compute_chunk(self, here: uuid.UUID, reader: uuid.UUID) -> bool:
        async with self._database.session(here) as db:
            connection = await driver_connection(db)
            rows = await fetch(connection, _TAKE, {"model": reader, "limit": KEYS})
            if not rows:
                return False
            slug, after = str(rows[0][1]), str(rows[0][3])
            catalog = await model_catalog.catalog(db, here)
            relation = catalog.by_model(reader)
            try:
                sources = {source.slug: source for source in lookup_triggers.sources(catalog, relation)} if relation is not None else {}
            except InvalidColumn:
                sources = {}
            last = ""
            if relation is not None and slug in sources:
                last = await _refresh(db, here, relation, sources[slug], [row[2] for row in rows], after)
            taken = [row[0] for row in rows]
            if last:
                await execute(connection, "update stale_lookups set after_id = %s where id = any(%s)", [last, taken])
            else:
                await execute(connection, "delete from stale_lookups where id = any(%s)", [taken])
            await db.commit()
            return True


async def _refresh(db: AsyncSession, here: uuid.UUID, relation: Relation, source: LookupSource, keys: list[str | None], after: str) -> str:
    """Compute the next records with these keys; the id of the last of them, '' when there are no more."""
    connection = await driver_connection(db)
    record_ids = await _records(connection, relation, source, keys, after)
    if not record_ids:
        return ""
    for sentence in await computed.refresh(connection, relation, record_ids, here):
        _log.warning("a computed column could not be computed again", model=str(relation.model), cause=sentence)
    await events.publish(db, RecordsChanged(here, relation.model))
    return record_ids[-1] if len(record_ids) == CHUNK else ""


async def _records(connection: Connection, relation: Relation, source: LookupSource, keys: list[str | None], after: str) -> list[str]:
    """The ids of records that have one of the keys, after `after`; where a key is None, all of them."""
    has_key = "true" if None in keys else source.condition("a")
    query = f"select a._id from {table_name(relation)} as a where {has_key} and a._id > %(after)s order by a._id limit %(limit)s"  # noqa: S608
    return [uid for (uid,) in await fetch(connection, query, {"keys": keys, "after": after, "limit": CHUNK})]


async def resume(database: Database) -> None:
    """Start a job for every model whose columns are stale: those that a lost job has left."""
    async with database.session(ALL_WORKSPACES) as db:
        connection = await driver_connection(db)
        for workspace, model in await fetch(connection, "select distinct workspace_uuid, model_uuid from stale_lookups"):
            await producer().defer(connection, TASK, "batch", workspace=str(workspace), model=str(model))
        await db.commit()
