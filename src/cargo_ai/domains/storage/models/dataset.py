"""Datasets: show them. They are created and removed with workspaces and connectors."""

from __future__ import annotations

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage import dataset as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, Nothing


@handles(contract.all)
async def all_(ctx: Context, request: Nothing) -> contract.DatasetsReply:
    """Every dataset."""
    return contract.DatasetsReply(datasets=await connection.datasets(ctx.db))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.DatasetReply:
    """One dataset."""
    uid = ids.parse(request.uuid)
    dataset = await connection.dataset(ctx.db, uid) if uid else None
    dataset = found_or_refuse(contract.get, dataset, "datasetNotFound", uuid=request.uuid, fix="cargo-ai storage dataset list")
    return contract.DatasetReply(dataset=dataset)
