"""The embedder of a workspace: shown, chosen after a trial, and removed."""

from __future__ import annotations

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.removal import usages
from cargo_ai.contract.content import embedder as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.content.embedding import embedders
from cargo_ai.domains.content.tables import Embedder
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import Nothing

_TRIAL = "Annual plans are refunded within thirty days."
_TRIAL_SECONDS = 20.0


async def _reply(ctx: Context, row: Embedder | None) -> contract.EmbedderReply:
    if row is None:
        return contract.EmbedderReply(embedder=None)
    progress = await embedders.progress(ctx.db, row)
    return contract.EmbedderReply(
        embedder=contract.Embedder(
            connector_uuid=str(row.connector_uuid),
            integration_slug=row.integration_slug,
            embedding_model_slug=row.model,
            dimensions=row.dimensions,
            status="error" if row.error_message else "ready" if progress.is_complete else "indexing",
            error_message=row.error_message,
            chunks_count=progress.chunks,
            embedded_chunks_count=progress.embedded,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
    )


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.EmbedderReply:
    """None where files are searched by words alone."""
    return await _reply(ctx, await embedders.find(ctx.db))


@handles(contract.change)
async def change(ctx: Context, request: contract.SetEmbedder) -> contract.EmbedderReply:
    """A text is embedded on trial before anything changes. The same model again only tries once more what has failed."""
    uid = ids.parse(request.connector_uuid)
    if uid is None or not await connection.connector_exists(ctx.db, uid):
        contract.change.refuse("connectorNotFound", uuid=request.connector_uuid, fix="cargo-ai connection connector list")
    try:
        service = await connection.embedding_service(ctx.services, ctx.workspace, uid)
        await embedders.check_credits(ctx.db, ctx.workspace, service)
        trial = await service.embed(request.embedding_model_slug, [_TRIAL], seconds=_TRIAL_SECONDS)
    except connection.NoEmbeddings as error:
        contract.change.refuse("integrationNotCompatible", name=error.name)
    except connection.NotEmbedded as error:
        contract.change.refuse("embedderFailed", problem=str(error))
    row = await embedders.find(ctx.db, locked=True)
    chosen = (uid, request.embedding_model_slug, len(trial.vectors[0]))
    if row is None or (row.connector_uuid, row.model, row.dimensions) != chosen:
        if row is None:
            row = Embedder(workspace_uuid=ctx.workspace, created_at=clock.now())
            ctx.db.add(row)
        row.generation = ids.new()
        row.connector_uuid, row.model, row.dimensions = chosen
        row.integration_slug = service.integration_slug
    row.lease, row.leased_until, row.error_message, row.tries, row.updated_at = None, None, None, 0, clock.now()
    await ctx.db.flush()
    await usages.replace(ctx.db, ctx.workspace, "embedder", ctx.workspace, [("connector", uid)])
    await embedders.begin(ctx.db, ctx.workspace)
    await embedders.charge(ctx.db, ctx.workspace, service, trial.tokens)
    return await _reply(ctx, row)


@handles(contract.remove)
async def remove(ctx: Context, request: Nothing) -> contract.EmbedderReply:
    """Nothing where there was none. A worker removes the vectors."""
    row = await embedders.find(ctx.db, locked=True)
    if row is not None:
        await usages.replace(ctx.db, ctx.workspace, "embedder", ctx.workspace, [])
        await ctx.db.delete(row)
        await ctx.db.flush()
        await embedders.begin(ctx.db, ctx.workspace)
    return await _reply(ctx, None)
