"""Record downloads: read all records of a model, by id, page by page."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.contract.storage.records import ingest as contract
from cargo_ai.domains.storage.models import model, model_catalog
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.records import incomplete, rows
from cargo_ai.records.bulk import unload
from cargo_ai.store.driver import Connection, driver_connection

KIND = "records"
PAGE = 1_000


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadRecords) -> DownloadReply:
    """The URL of a file with one row per record."""
    row = await model.find(ctx.db, request.model_uuid)
    row = found_or_refuse(contract.download, row, "modelNotFound", uuid=request.model_uuid, fix="cargo-ai storage model list")
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = catalog.by_model(row.uuid)
    for sentence in incomplete.sentences(catalog, incomplete.of_relation(relation)) if relation is not None else ():
        ctx.warn(sentence)
    return DownloadReply.of(exports.sign(ctx, KIND, {"modelUuid": str(row.uuid)}, request.format))


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The records in the order of their ids. Each page is read in its own short session."""
    uid = ids.parse(str(params.get("modelUuid")))
    async with services.database.session(workspace) as db:
        relation = (await model_catalog.catalog(db, workspace)).by_model(uid) if uid else None
    if relation is None:
        raise Refusal(404, "modelNotFound", "The model of this download has been removed.")
    shown = relation

    async def pages() -> AsyncIterator[list[Record]]:
        last = ""
        while True:
            async with services.database.session(workspace) as db:
                page = await rows.records_after(await driver_connection(db), shown, last, PAGE)
            if not page:
                return
            last = str(page[-1]["_id"])
            yield list(page)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Connection]:
        async with services.database.session(workspace) as db:
            yield await driver_connection(db)

    columns = rows.all_columns(shown)
    types: dict[str, ColumnType] = {column.slug: column.type for column in columns}
    return Export(pages(), list(types), f"records-{shown.slug}", types=types, copied=partial(unload.chunks, opened, shown))
