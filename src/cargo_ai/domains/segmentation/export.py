"""Segment downloads: read all records that a filter matches, by id, page by page."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import AsyncIterator
from typing import Any

from pydantic_core import from_json, to_json

from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.process import Services
from cargo_ai.contract.segmentation import segment as contract
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.domains.segmentation import select_records
from cargo_ai.domains.segmentation.batch_chunks import read_member_ids
from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.engine.dispatch.enumerate import SourceFailed
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.user_sql.run import conditions

PAGE = 1_000


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The records in the order that is asked for, else by id. Each page is read in its own short session."""
    request = contract.DownloadSegment.model_validate(params)
    model = ids.parse(request.model_uuid) or uuid.UUID(int=0)
    async with services.database.session(workspace) as db:
        selection = await select_records.select(db, workspace, model, request.filter, request.sort, request.limit)
    if selection is None:
        raise Refusal(404, "modelNotFound", "The model of this download has been removed.")
    shown = selection

    async def rows() -> AsyncIterator[list[Record]]:
        last: str | None = None
        while True:
            statement = shown.after(last, PAGE)
            async with services.database.turns.take(workspace), services.database.session(workspace) as db:
                connection = await driver_connection(db)
                try:
                    async with conditions.limit(services.database.turns, connection, shown.scope):
                        page = await driver.fetch(connection, statement, shown.scope.params | {"after": last})
                except InvalidFilter as error:
                    raise Refusal(400, "invalidFilter", f"The filter cannot be used: {error}") from None
            if not page:
                return
            last = str(page[-1][0])
            yield [shown.record(row) for row in page]

    types: dict[str, ColumnType] = {column.slug: column.type for column in selection.columns}
    pages = _sorted_rows(services, workspace, selection) if request.sort else rows()
    return Export(pages, list(types), f"records-{selection.relation.slug}", types=types)


async def _sorted_rows(services: Services, workspace: uuid.UUID, selection: Selection) -> AsyncIterator[list[Record]]:
    """The records in the selection's order, as it was at the beginning. Their ids are put into a file first: sorting for each page would
    take the square of the time, and a cursor would hold a connection for as long as the client takes."""
    with tempfile.TemporaryFile() as file:
        try:
            async for uids in read_member_ids(services.database, selection):
                file.write(to_json(uids) + b"\n")
        except SourceFailed as error:
            raise Refusal(400, "invalidFilter", str(error)) from None
        file.seek(0)
        for line in file:
            async with services.database.session(workspace) as db:
                yield list(await select_records.fetch_by_ids(await driver_connection(db), selection, from_json(line)))
