"""Run exports: the downloads of runs and of what one node gave in each, read page by page."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import RowMapping, Text, and_, cast, desc, func, select

from cargo_ai.contract.orchestration import batch as batch_contract
from cargo_ai.contract.orchestration import run as contract
from cargo_ai.domains.orchestration import door, run_filter, run_reply
from cargo_ai.engine.tables import batches, executions, runs
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject, Wire
from cargo_ai.roomkit import exports
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.exports import Export, Record, Stored
from cargo_ai.roomkit.handlers import handles
from cargo_ai.store.session import EVERYWHERE, Database

PAGE = 1_000
GRAPHS = 50
MOST_OUTPUTS = 10_000
HEAD = ("runUuid", "recordId", "recordTitle", "status", "errorMessage", "creditsUsedCount", "createdAt", "finishedAt")


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadRuns) -> contract.UrlReply:
    """The URL of a file with one row per run."""
    workflow = ids.parse(request.workflow_uuid)
    if workflow is None or not await door.workflow_exists(ctx.db, workflow):
        contract.download.refuse("workflowNotFound", uuid=request.workflow_uuid)
    params = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"format"})
    return contract.UrlReply(url=exports.sign(ctx, "runs", params | _titled(request.format), request.format))


@handles(contract.download_outputs)
async def download_outputs(ctx: Context, request: contract.DownloadRunOutputs) -> contract.UrlReply:
    """The URL of a file with the input and one node's output of each run."""
    workflow = ids.parse(request.workflow_uuid)
    if workflow is None or not await door.workflow_exists(ctx.db, workflow):
        contract.download_outputs.refuse("workflowNotFound", uuid=request.workflow_uuid)
    query = select(func.count()).select_from(run_filter.joined).where(*run_filter.conditions(ctx.workspace, request))
    matching = max(0, int((await ctx.db.execute(query)).scalar_one()) - request.offset)
    count = min(matching, request.limit or matching)
    if count == 0:
        contract.download_outputs.refuse("noRunsFound")
    if count > MOST_OUTPUTS:
        contract.download_outputs.refuse("tooManyRuns", count=count, limit=MOST_OUTPUTS)
    params = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"format"})
    return contract.UrlReply(url=exports.sign(ctx, "runOutputs", params, request.format or "csv"))


@handles(batch_contract.download)
async def download_batch(ctx: Context, request: batch_contract.DownloadBatch) -> contract.UrlReply:
    """The URL of a file with one row per record of a finished batch, in the order of its source."""
    operation = batch_contract.download
    uid = ids.parse(request.uuid)
    query = select(batches).where(batches.c.uuid == uid, batches.c.workspace_uuid == ctx.workspace)
    row = (await ctx.db.execute(query)).mappings().one_or_none() if uid else None
    if row is None:
        operation.refuse("batchNotFound", uuid=request.uuid)
    if row["finished_ms"] is None:
        fix = f"cargo-ai orchestration batch get {request.uuid}"
        operation.refuse("batchNotFinished", uuid=request.uuid, status=row["status"], fix=fix)
    if request.output_node_slug is None:
        params: JsonObject = {"workflowUuid": str(row["workflow_uuid"]), "batchUuid": str(uid), "oldestFirst": True}
        return contract.UrlReply(url=exports.sign(ctx, "runs", params | _titled(request.format), request.format))
    nodes = (await run_reply.graphs_of(ctx.db, ctx.workspace, {row["graph_uuid"]})).get(row["graph_uuid"], [])
    slugs = list(dict.fromkeys(str(node["slug"]) for node in nodes))
    if request.output_node_slug not in slugs:
        operation.refuse("nodeNotFound", uuid=request.uuid, slug=request.output_node_slug, slugs=", ".join(slugs))
    params = {"workflowUuid": str(row["workflow_uuid"]), "batchUuid": str(uid), "outputNodeSlug": request.output_node_slug}
    return contract.UrlReply(url=exports.sign(ctx, "runOutputs", params | {"oldestFirst": True}, request.format))


def _titled(format: str | None) -> JsonObject:
    """Tables have a column for each node; JSON has not."""
    return {"titles": True} if format in {None, "csv"} else {}


async def _pages(database: Database, workspace: uuid.UUID, request: Wire, params: Mapping[str, Any]) -> AsyncIterator[list[RowMapping]]:
    """Run rows by keyset, each page in a short session of its own. O(rows) in all, whatever the offset of the page."""
    oldest_first = bool(params.get("oldestFirst"))
    left, skip = int(params.get("limit") or 10**12), int(params.get("offset") or 0)
    last: uuid.UUID | None = None
    while left > 0:
        query = run_reply.query(workspace, record=True).where(*run_filter.conditions(workspace, request))
        if last is not None:
            query = query.where(runs.c.uuid > last if oldest_first else runs.c.uuid < last)
        order = runs.c.uuid.asc() if oldest_first else runs.c.uuid.desc()
        async with database.session(EVERYWHERE) as session:
            page = (await session.execute(query.order_by(order).limit(min(PAGE, left)).offset(skip))).mappings().all()
        skip = 0
        if not page:
            return
        last, left = page[-1]["uuid"], left - len(page)
        yield list(page)


@exports.export("runs")
async def produce_runs(database: Database, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """Runs: what became of each, and in CSV one column per node with the title of its execution."""
    request = contract.DownloadRuns.model_validate(params)
    columns = await _node_columns(database, workspace, request) if params.get("titles") else {}

    async def rows() -> AsyncIterator[list[Record]]:
        async for page in _pages(database, workspace, request, params):
            titles = await _titles(database, workspace, page, columns) if columns else {}
            yield [_head(row) | titles.get(row["uuid"], {}) for row in page]

    return Export(rows(), [*HEAD, *columns.values()], f"runs-{request.batch_uuid or request.workflow_uuid}")


async def _node_columns(database: Database, workspace: uuid.UUID, request: Wire) -> dict[str, str]:
    """Slug → column of every node of the graphs that the runs walk, in the order of the newest graph."""
    walked = (
        select(runs.c.graph_uuid, func.max(cast(runs.c.uuid, Text)).label("newest"))
        .select_from(run_filter.joined)
        .where(*run_filter.conditions(workspace, request))
        .group_by(runs.c.graph_uuid)
    )
    async with database.session(EVERYWHERE) as session:
        newest_first = [row.graph_uuid for row in await session.execute(walked.order_by(desc("newest")))]
        columns: dict[str, str] = {}
        for begin in range(0, len(newest_first), GRAPHS):
            part = newest_first[begin : begin + GRAPHS]
            found = await run_reply.graphs_of(session, workspace, set(part))
            slugs = [str(node["slug"]) for graph in part for node in found.get(graph, ())]
            columns |= {slug: f"nodes.{slug}" if slug in HEAD else slug for slug in slugs if slug not in columns}
    return columns


async def _titles(
    database: Database, workspace: uuid.UUID, page: list[RowMapping], columns: Mapping[str, str]
) -> dict[uuid.UUID, dict[str, str]]:
    """What stands in the nodes' columns, by run; of a node that was visited often, the last title."""
    query = _executions_of(workspace, page, executions.c.node_slug, executions.c.title).order_by(executions.c.seq)
    found: dict[uuid.UUID, dict[str, str]] = {}
    async with database.session(EVERYWHERE) as session:
        for row in await session.execute(query):
            if row.node_slug in columns:
                found.setdefault(row.run_uuid, {})[columns[row.node_slug]] = row.title
    return found


def _executions_of(workspace: uuid.UUID, page: list[RowMapping], *columns: Any):
    uuids = sorted(row["uuid"] for row in page)
    return select(executions.c.run_uuid, *columns).where(
        executions.c.workspace_uuid == workspace, executions.c.run_uuid.in_(uuids), executions.c.run_uuid.between(uuids[0], uuids[-1])
    )


@exports.export("runOutputs")
async def produce_outputs(database: Database, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The input and the output of one node (by default the last one executed) of each run."""
    request = contract.DownloadRunOutputs.model_validate(params)

    async def rows() -> AsyncIterator[list[Record]]:
        async for page in _pages(database, workspace, request, params):
            outputs = await _outputs(database, workspace, page, request.output_node_slug)
            yield [{**_head(row), "input": row["record"], "output": outputs.get(row["uuid"])} for row in page]

    return Export(rows(), [*HEAD, "input", "output"], f"outputs-{request.batch_uuid or request.workflow_uuid}", ("output",))


async def _outputs(database: Database, workspace: uuid.UUID, page: list[RowMapping], slug: str | None) -> dict[uuid.UUID, Any]:
    last = _executions_of(workspace, page, func.max(executions.c.seq).label("seq")).group_by(executions.c.run_uuid)
    if slug is not None:
        last = last.where(executions.c.node_slug == slug)
    chosen = last.subquery("chosen")
    query = _executions_of(workspace, page, executions.c.output, executions.c.output_file)
    query = query.join(chosen, and_(chosen.c.run_uuid == executions.c.run_uuid, chosen.c.seq == executions.c.seq))
    async with database.session(EVERYWHERE) as session:
        found = (await session.execute(query)).all()
    return {row.run_uuid: row.output if row.output_file is None else Stored(row.output_file) for row in found}


def _head(row: RowMapping) -> dict[str, Any]:
    finished = run_reply.moment(row["finished_ms"])
    created = run_reply.moment(row["created_ms"])
    return {
        "runUuid": str(row["uuid"]),
        "recordId": row["record_id"],
        "recordTitle": row["record_title"],
        "status": row["status"],
        "errorMessage": row["error_message"],
        "creditsUsedCount": run_reply.number(row["credits"]),
        "createdAt": clock.wire(created) if created else None,
        "finishedAt": clock.wire(finished) if finished else None,
    }
