"""Segment downloads: read all records that a filter matches, by id, page by page."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

from cargo_ai.context.exports import Export, Record
from cargo_ai.context.process import Services
from cargo_ai.contract.segmentation import segment as contract
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.domains.segmentation import select_records
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.user_sql.run import conditions

PAGE = 1_000


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The records in the order of their ids. Each page is read in its own short session."""
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
    return Export(rows(), list(types), f"records-{selection.relation.slug}", types=types)
