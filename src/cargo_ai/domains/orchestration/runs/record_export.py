"""Record exports: download a workflow's records, and the outputs of one node, from their latest runs."""

from __future__ import annotations

import uuid
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export
from cargo_ai.context.handlers import handles
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.orchestration import record as contract
from cargo_ai.domains.orchestration.runs import bounded_count, run_export, run_rows
from cargo_ai.domains.orchestration.runs.filters import record_filter
from cargo_ai.domains.orchestration.workflows import lookup

MAX_OUTPUTS = 10_000


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadRecords) -> DownloadReply:
    """The URL of a file with one row per record."""
    await lookup.workflow_or_refuse(ctx.db, contract.download, request.workflow_uuid)
    params = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"format"})
    return DownloadReply.of(exports.sign(ctx, "latestRuns", params | run_export.with_titles(request.format), request.format))


@handles(contract.download_outputs)
async def download_outputs(ctx: Context, request: contract.DownloadRecordOutputs) -> DownloadReply:
    """The URL of a file with the input and one node's output of each record."""
    operation = contract.download_outputs
    await lookup.workflow_or_refuse(ctx.db, operation, request.workflow_uuid)
    count = await bounded_count.count_of_file(ctx.db, record_filter.conditions(ctx.workspace, request), request, MAX_OUTPUTS)
    if count == 0:
        operation.refuse("noRecordsFound")
    if count > MAX_OUTPUTS:
        operation.refuse("tooManyRecords", limit=MAX_OUTPUTS)
    params = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"format"})
    return DownloadReply.of(exports.sign(ctx, "latestOutputs", params, request.format or "csv"))


async def produce_records(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """Records: what became of each, and in CSV one column per node with the title of its execution."""
    request = contract.DownloadRecords.model_validate(params)
    selection = run_rows.RunSelection(services.database, workspace, record_filter.conditions(workspace, request))
    name = f"records-{request.batch_uuid or request.workflow_uuid}"
    return await run_export.titled_runs(selection, name, titles=bool(params.get("titles")))


async def produce_outputs(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The input and the output of one node (by default the last one executed) of each record."""
    request = contract.DownloadRecordOutputs.model_validate(params)
    where = record_filter.conditions(workspace, request)
    selection = run_rows.RunSelection(services.database, workspace, where, limit=request.limit, offset=request.offset)
    return run_export.run_outputs(selection, f"outputs-{request.batch_uuid or request.workflow_uuid}", request.output_node_slug)
