"""Systems of record: every workspace has exactly one, the server's own PostgreSQL, from its first day."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from cargo_ai.contract.system_of_record import system_of_record as contract
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, Nothing
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.handlers import handles


def uuid_of(workspace: uuid.UUID) -> uuid.UUID:
    """The uuid of a workspace's system of record: derived, since there is nothing about it to store."""
    return uuid.uuid5(workspace, "system of record")


def reply(workspace: uuid.UUID) -> contract.SystemOfRecord:
    """The workspace's system of record on the wire. It is as old as the workspace, whose UUIDv7 says when that was."""
    born = datetime.fromtimestamp((workspace.int >> 80) / 1000, UTC)
    return contract.SystemOfRecord(
        uuid=str(uuid_of(workspace)),
        workspace_uuid=str(workspace),
        kind="postgres",
        slug="postgres",
        config={},
        last_migration=None,
        cutover=None,
        use_credits=False,
        is_active=True,
        created_at=born,
        updated_at=born,
        deleted_at=None,
    )


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.SystemOfRecordReply:
    """The one that there is."""
    if ids.parse(request.uuid) != uuid_of(ctx.workspace):
        contract.get.refuse("systemOfRecordNotFound", uuid=request.uuid)
    return contract.SystemOfRecordReply(system_of_record=reply(ctx.workspace))


@handles(contract.all)
async def get_all(ctx: Context, _request: Nothing) -> contract.SystemsOfRecordReply:
    """A list of one."""
    return contract.SystemsOfRecordReply(system_of_records=[reply(ctx.workspace)])
