"""Segment downloads: write all records that a filter matches, in the order that is asked for."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic_core import from_json, to_json
from sqlglot import exp

from cargo_ai.context.downloads.exports import CopyFormat, Export, Record
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
from cargo_ai.records.filter import terms
from cargo_ai.store.driver import Connection, driver_connection


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

    def copied(form: CopyFormat) -> AsyncGenerator[bytes]:
        return unload.chunks_of(opened, shown.relation, shown.columns, form, _ids(services, shown))

    types: dict[str, ColumnType] = {column.slug: column.type for column in shown.columns}
    return Export(records(), list(types), f"records-{shown.relation.slug}", types=types, copied=copied)


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
