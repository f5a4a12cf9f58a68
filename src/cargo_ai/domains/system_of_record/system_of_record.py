"""Systems of record: every workspace has exactly one, the server's own PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.system_of_record import system_of_record as contract
from cargo_ai.domains.system_of_record.tables import SystemOfRecord
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import ByUuid, Nothing


def uuid_of(workspace: uuid.UUID) -> uuid.UUID:
    """The uuid of a workspace's system of record: derived, since it is there without a row, too."""
    return uuid.uuid5(workspace, "system of record")


async def config_of(db: AsyncSession, workspace: uuid.UUID) -> contract.PostgresConfig:
    """What the workspace has set."""
    config = await db.scalar(select(SystemOfRecord.config).where(SystemOfRecord.uuid == uuid_of(workspace)))
    return contract.PostgresConfig.model_validate(config or {})


async def _reply(ctx: Context) -> contract.SystemOfRecord:
    """The workspace's system of record on the wire. It is as old as the workspace, whose UUIDv7 says when that was."""
    born = datetime.fromtimestamp((ctx.workspace.int >> 80) / 1000, UTC)
    row = await ctx.db.scalar(select(SystemOfRecord).where(SystemOfRecord.uuid == uuid_of(ctx.workspace)))
    return contract.SystemOfRecord(
        uuid=str(uuid_of(ctx.workspace)),
        workspace_uuid=str(ctx.workspace),
        kind="postgres",
        slug="postgres",
        config=contract.PostgresConfig.model_validate(row.config if row else {}),
        last_migration=None,
        cutover=None,
        use_credits=False,
        is_active=True,
        created_at=born,
        updated_at=row.updated_at if row else born,
        deleted_at=None,
    )


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.SystemOfRecordReply:
    """The one that there is."""
    if ids.parse(request.uuid) != uuid_of(ctx.workspace):
        contract.get.refuse("systemOfRecordNotFound", uuid=request.uuid)
    return contract.SystemOfRecordReply(system_of_record=await _reply(ctx))


@handles(contract.all)
async def get_all(ctx: Context, _request: Nothing) -> contract.SystemsOfRecordReply:
    """A list of one."""
    return contract.SystemsOfRecordReply(system_of_records=[await _reply(ctx)])


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateSystemOfRecord) -> contract.SystemOfRecordReply:
    """Queries that begin from now on follow the new settings."""
    uid = uuid_of(ctx.workspace)
    if ids.parse(request.uuid) != uid:
        contract.update.refuse("systemOfRecordNotFound", uuid=request.uuid)
    values = {"config": request.config.to_wire(), "updated_at": clock.now()}
    insertion = insert(SystemOfRecord).values(uuid=uid, workspace_uuid=ctx.workspace, created_at=values["updated_at"], **values)
    await ctx.db.execute(insertion.on_conflict_do_update(index_elements=["uuid"], set_=values))
    return contract.SystemOfRecordReply(system_of_record=await _reply(ctx))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> contract.SystemOfRecordReply:
    """The one that there is stays: it holds the workspace's models."""
    if ids.parse(request.uuid) != uuid_of(ctx.workspace):
        contract.remove.refuse("systemOfRecordNotFound", uuid=request.uuid)
    contract.remove.refuse("systemOfRecordIsUsed")
