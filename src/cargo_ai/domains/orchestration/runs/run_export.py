"""Run exports: download runs, and the outputs of one node of each."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.orchestration.batches import batch as batch_contract
from cargo_ai.contract.orchestration.runs import run as contract
from cargo_ai.domains.orchestration.runs import bounded_count, run_response, run_rows
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.journal.tables import batches
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

MAX_OUTPUTS = 10_000


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadRuns) -> DownloadReply:
    """The URL of a file with one row per run."""
    await lookup.workflow_or_refuse(ctx.db, contract.download, request.workflow_uuid)
    params = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"format"})
    return DownloadReply.of(exports.sign(ctx, "runs", params | with_titles(request.format), request.format))


@handles(contract.download_outputs)
async def download_outputs(ctx: Context, request: contract.DownloadRunOutputs) -> DownloadReply:
    """The URL of a file with the input and one node's output of each run."""
    await lookup.workflow_or_refuse(ctx.db, contract.download_outputs, request.workflow_uuid)
    count = await bounded_count.count_of_file(ctx.db, run_filter.conditions(ctx.workspace, request), request, MAX_OUTPUTS)
    if count == 0:
        contract.download_outputs.refuse("noRunsFound")
    if count > MAX_OUTPUTS:
        contract.download_outputs.refuse("tooManyRuns", limit=MAX_OUTPUTS)
    if request.output_node_slug is not None:
        selection = run_rows.RunSelection(ctx.database, ctx.workspace, run_filter.conditions(ctx.workspace, request))
        slugs = await run_rows.node_columns(selection)
        if request.output_node_slug not in slugs:
            contract.download_outputs.refuse("nodeNotFound", slug=request.output_node_slug, slugs=", ".join(slugs))
    params = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"format"})
    return DownloadReply.of(exports.sign(ctx, "runOutputs", params, request.format or "csv"))


@handles(batch_contract.download)
async def download_batch(ctx: Context, request: batch_contract.DownloadBatch) -> DownloadReply:
    """The URL of a file with one row per record of a finished batch, in the order of its source."""
    operation = batch_contract.download
    uid = ids.parse(request.uuid)
    query = select(batches).where(batches.c.uuid == uid, batches.c.workspace_uuid == ctx.workspace)
    row = (await ctx.db.execute(query)).mappings().one_or_none() if uid else None
    row = found_or_refuse(operation, row, "batchNotFound", uuid=request.uuid)
    if row["finished_ms"] is None:
        fix = f"cargo-ai orchestration batch get {request.uuid}"
        operation.refuse("batchNotFinished", uuid=request.uuid, status=row["status"], fix=fix)
    if request.output_node_slug is None:
        params: JsonObject = {"workflowUuid": str(row["workflow_uuid"]), "batchUuid": str(uid), "oldestFirst": True}
        return DownloadReply.of(exports.sign(ctx, "runs", params | with_titles(request.format), request.format))
    nodes = (await run_response.graphs_of(ctx.db, ctx.workspace, {row["graph_uuid"]})).get(row["graph_uuid"], [])
    slugs = list(dict.fromkeys(str(node["slug"]) for node in nodes))
    if request.output_node_slug not in slugs:
        operation.refuse("nodeNotFound", uuid=request.uuid, slug=request.output_node_slug, slugs=", ".join(slugs))
    params = {"workflowUuid": str(row["workflow_uuid"]), "batchUuid": str(uid), "outputNodeSlug": request.output_node_slug}
    return DownloadReply.of(exports.sign(ctx, "runOutputs", params | {"oldestFirst": True}, request.format))


def with_titles(format: str | None) -> JsonObject:
    """Tables have a column for each node; JSON has not."""
    return {"titles": True} if format in {None, "csv"} else {}


async def produce_runs(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """Runs: what became of each, and in CSV one column per node with the title of its execution."""
    request = contract.DownloadRuns.model_validate(params)
    where = run_filter.conditions(workspace, request)
    selection = run_rows.RunSelection(services.database, workspace, where, oldest_first=bool(params.get("oldestFirst")))
    return await titled_runs(selection, f"runs-{request.batch_uuid or request.workflow_uuid}", titles=bool(params.get("titles")))


async def titled_runs(selection: run_rows.RunSelection, filename: str, *, titles: bool) -> Export:
    """One row per run; `titles`: with a column per node."""
    columns = await run_rows.node_columns(selection) if titles else {}

    async def rows() -> AsyncIterator[list[exports.Record]]:
        async for page in run_rows.pages(selection):
            titles_by_run = await run_rows.titles(selection, page, columns) if columns else {}
            yield [run_rows.head(row) | titles_by_run.get(row["uuid"], {}) for row in page]

    return Export(rows(), [*run_rows.HEAD, *columns.values()], filename)


async def produce_outputs(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The input and the output of one node (by default the last one executed) of each run."""
    request = contract.DownloadRunOutputs.model_validate(params)
    where, oldest_first = run_filter.conditions(workspace, request), bool(params.get("oldestFirst"))
    selection = run_rows.RunSelection(services.database, workspace, where, oldest_first, request.limit, request.offset)
    return run_outputs(selection, f"outputs-{request.batch_uuid or request.workflow_uuid}", request.output_node_slug)


def run_outputs(selection: run_rows.RunSelection, filename: str, slug: str | None) -> Export:
    """One row per run with its input and what a node gave."""

    async def rows() -> AsyncIterator[list[exports.Record]]:
        async for page in run_rows.pages(selection):
            outputs = await run_rows.outputs(selection, page, slug)
            yield [{**run_rows.head(row), "input": row["record"], "output": outputs.get(row["uuid"])} for row in page]

    return Export(rows(), [*run_rows.HEAD, "input", "output"], filename, ("output",))
