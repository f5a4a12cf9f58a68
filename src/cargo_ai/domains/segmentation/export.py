"""Segment downloads: write all records that a filter matches, in the order that is asked for."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic_core import from_json, to_json
from sqlglot import exp

from cargo_ai.context.downloads.exports import CopyFormat, Export, Record
from cargo_ai.context.downloads.read_ahead import read_ahead
from cargo_ai.context.process import Services
from cargo_ai.contract.segmentation import segment as contract
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.domains.segmentation import select_records
from cargo_ai.domains.segmentation.batch_chunks import read_member_ids
from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.engine.dispatch.enumerate import SourceFailed
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.records.bulk import unload
from cargo_ai.records.ddl import table_name
from cargo_ai.records.filter import terms
from cargo_ai.store.driver import Connection, driver_connection, value
from cargo_ai.user_sql.run import conditions

MAX_SORTED_BYTES = 1024**3
"""Of a model whose records are sorted as a whole; of a larger one the ids are."""
MAX_SORTED_AT_ONCE = 4
"""Downloads that read their records sorted as a whole, in one process: further ones read them by id, and leave no file."""

_semaphores: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The records in the order that is asked for, else by id, as the database writes them; each page in its own short session."""
    request = contract.DownloadSegment.model_validate(params)
    model = ids.parse(request.model_uuid) or uuid.UUID(int=0)
    async with services.database.session(workspace) as db:
        selection = await select_records.select(db, workspace, model, request.filter, request.sort, request.limit)
    if selection is None:
        raise Refusal(404, "modelNotFound", "The model of this download has been removed.")
    by_id = exp.Ordered(this=terms.column_ref("r", "_id"), desc=False, nulls_first=False)
    shown = selection if request.sort else replace(selection, order=[by_id])
    # A filter that cannot be evaluated is refused before the file begins.
    async with aclosing(_ids(services, replace(shown, limit=1))) as first:
        await anext(first, None)

    async def records() -> AsyncIterator[list[Record]]:
        async with aclosing(_ids(services, shown)) as pages:
            async for uids in pages:
                async with services.database.session(workspace) as db:
                    yield list(await select_records.fetch_by_ids(await driver_connection(db), shown, uids))

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Connection]:
        async with services.database.session(workspace) as db:
            yield await driver_connection(db)

    async def copied(form: CopyFormat) -> AsyncGenerator[bytes]:
        at_once = bool(request.sort) and not selection.scope.written and await _is_small(opened, shown)
        parts = (
            _sorted_parts(services, shown, form)
            if at_once and not _sorting().locked()
            else unload.chunks_of(opened, shown.relation, shown.columns, form, _ids(services, shown))
        )
        async with aclosing(parts):
            async for part in parts:
                yield part

    types: dict[str, ColumnType] = {column.slug: column.type for column in shown.columns}
    return Export(records(), list(types), f"records-{shown.relation.slug}", types=types, copied=copied)


async def _is_small(opened: unload.OpenConnection, selection: Selection) -> bool:
    """Whether the database may sort whole records, and a slow reader's file hold them."""
    async with opened() as connection:
        size = await value(connection, "select pg_table_size(%s::regclass)", [table_name(selection.relation)])
    return int(size) <= MAX_SORTED_BYTES


async def _sorted_parts(services: Services, selection: Selection, form: CopyFormat) -> AsyncGenerator[bytes]:
    """All records by one statement, which sorts whole records: to find each by its id again would take three times as long. It is read as
    fast as the database writes, so that it holds its connection no longer than that."""
    async with _sorting(), aclosing(read_ahead(_sorted_by_database(services, selection, form))) as parts:
        async for part in parts:
            yield part


async def _sorted_by_database(services: Services, selection: Selection, form: CopyFormat) -> AsyncGenerator[bytes]:
    async with AsyncExitStack() as turn:
        await turn.enter_async_context(services.database.turns.take(selection.catalog.workspace))

        @asynccontextmanager
        async def opened() -> AsyncGenerator[Connection]:
            async with services.database.session(selection.catalog.workspace) as db:
                connection = await driver_connection(db)
                async with conditions.limit(services.database.turns, connection, selection.scope):
                    yield connection

        rows = unload.chunks_in_order(opened, selection.records(), lambda: selection.scope.params, selection.columns, form)
        async with aclosing(rows):
            async for part in rows:
                # With the first record all have been found and sorted, which is what the turn is for.
                await turn.aclose()
                yield part


def _sorting() -> asyncio.Semaphore:
    return _semaphores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MAX_SORTED_AT_ONCE))


async def _ids(services: Services, selection: Selection) -> AsyncGenerator[list[str]]:
    """The ids in the selection's order, as it was at the beginning. They are put into a file first: to look for them for each page would
    take the square of the time where they are sorted, and a cursor would hold a connection for as long as the client takes."""
    with tempfile.TemporaryFile() as file:
        try:
            async with aclosing(read_member_ids(services.database, selection)) as pages:
                async for uids in pages:
                    file.write(to_json(uids) + b"\n")
        except SourceFailed as error:
            raise Refusal(400, "invalidFilter", str(error)) from None
        file.seek(0)
        for line in file:
            yield from_json(line)
