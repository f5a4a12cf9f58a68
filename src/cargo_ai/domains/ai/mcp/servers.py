"""MCP servers: create them, change what they offer, remove them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.contract.ai import mcp_server as contract
from cargo_ai.domains.ai import capabilities
from cargo_ai.domains.ai.agents.reconcile import NotReconciled, check_offered
from cargo_ai.domains.ai.tables import McpServer
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid, JsonObject, Nothing, Removed

PATH = "/v1/mcp/{uuid}"
"""Where an MCP server is found."""
KIND = "mcpServer"
LIST = "cargo-ai ai mcp-server list"


async def find_server(db: AsyncSession, text: str, *, locked: bool = False) -> McpServer | None:
    """An MCP server of the session's workspace; None when it is missing."""
    query = select(McpServer).where(McpServer.uuid == ids.parse(text), McpServer.deleted_at.is_(None))
    return await db.scalar(query.with_for_update() if locked else query)


async def _server_or_refuse(ctx: Context, operation: Operation[Any, Any, Any], text: str, *, locked: bool = False) -> McpServer:
    return found_or_refuse(operation, await find_server(ctx.db, text, locked=locked), "mcpServerNotFound", uuid=text, fix=LIST)


def _to_response(ctx: Context, row: McpServer) -> contract.McpServer:
    return contract.McpServer.model_validate(
        {
            "uuid": str(row.uuid),
            "workspaceUuid": str(row.workspace_uuid),
            "userUuid": str(row.user_uuid),
            "name": row.name,
            "description": row.description,
            "url": ctx.base_url + PATH.format(uuid=row.uuid),
            "actions": row.actions,
            "resources": row.resources,
            "capabilities": row.capabilities,
            "folderUuid": str(row.folder_uuid) if row.folder_uuid else None,
            "templateSlug": None,
            "isReadOnly": False,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
            "deletedAt": row.deleted_at,
        }
    )


@handles(contract.get_all)
async def get_all(ctx: Context, _request: Nothing) -> contract.McpServersReply:
    """Every MCP server, the newest first."""
    rows = await ctx.db.scalars(select(McpServer).where(McpServer.deleted_at.is_(None)).order_by(McpServer.uuid.desc()))
    return contract.McpServersReply(mcp_servers=[_to_response(ctx, row) for row in rows])


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.McpServerReply:
    """One MCP server."""
    return contract.McpServerReply(mcp_server=_to_response(ctx, await _server_or_refuse(ctx, contract.get, request.uuid)))


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateMcpServer) -> contract.McpServerReply:
    """Create an MCP server of what is there."""
    wire = request.to_wire()
    await _check(ctx, contract.create, wire["actions"], wire["resources"], wire["capabilities"])
    if request.url is not None:
        ctx.warn(
            "An MCP server has an address of its own, in `url` of the reply. Agents use a server of others as one of their `mcpClients`."
        )
    row = McpServer(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        name=request.name,
        description=request.description,
        actions=wire["actions"],
        resources=wire["resources"],
        capabilities=wire["capabilities"],
        folder_uuid=await _folder(ctx, contract.create, request.folder_uuid),
    )
    ctx.db.add(row)
    await ctx.db.flush()
    await _record_usages(ctx, row)
    return contract.McpServerReply(mcp_server=_to_response(ctx, row))


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateMcpServer) -> contract.McpServerReply:
    """Change what is given; null clears description and folder."""
    row = await _server_or_refuse(ctx, contract.update, request.uuid, locked=True)
    names, wire = request.model_fields_set, request.to_wire()
    given = {name: wire[name] for name in ("actions", "resources", "capabilities") if wire[name] is not None}
    if given:
        offered = {"actions": row.actions, "resources": row.resources, "capabilities": row.capabilities} | given
        await _check(ctx, contract.update, offered["actions"], offered["resources"], offered["capabilities"])
        row.actions, row.resources, row.capabilities = offered["actions"], offered["resources"], offered["capabilities"]
    if "folder_uuid" in names:
        row.folder_uuid = await _folder(ctx, contract.update, request.folder_uuid)
    if request.name is not None:
        row.name = request.name
    if "description" in names:
        row.description = request.description
    await ctx.db.flush()
    await _record_usages(ctx, row)
    return contract.McpServerReply(mcp_server=_to_response(ctx, row))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove an MCP server."""
    row = await _server_or_refuse(ctx, contract.remove, request.uuid, locked=True)
    row.deleted_at = clock.now()
    await usages.replace(ctx.db, ctx.workspace, KIND, row.uuid, [])
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))


async def _check(
    ctx: Context,
    operation: Operation[Any, Any, Any],
    actions: Sequence[JsonObject],
    resources: Sequence[JsonObject],
    capable: Sequence[JsonObject],
) -> None:
    """Refuse what is not there, and resources that require approval: only what is a run waits for people."""
    try:
        await check_offered(ctx, actions, resources)
    except NotReconciled as error:
        operation.refuse("failedToReconciliateAgentAiTools", cause=error)
    approved = next((resource["slug"] for resource in resources if resource.get("requiresApproval")), None)
    if approved is not None:
        cause = f"the resource {approved} requires approval, which only agents can ask for; publish a native action that writes instead: "
        cause += '{"kind":"native","actionSlug":"modelUpsert","config":{"modelUuid":"..."},"requiresApproval":true}.'
        operation.refuse("failedToReconciliateAgentAiTools", cause=cause)
    idle = sorted({capability["slug"] for capability in capable} - capabilities.SLUGS)
    if idle:
        ctx.warn(f"This server has no capability {', '.join(idle)}: it is kept, and not offered.")


async def _folder(ctx: Context, operation: Operation[Any, Any, Any], text: str | None) -> uuid.UUID | None:
    if text is None:
        return None
    folder = ids.parse(text)
    if folder is None or not await workspace.folder_exists(ctx.db, folder, KIND):
        operation.refuse("folderNotFound", folder=text, fix="cargo-ai workspace folder list")
    return folder


async def _record_usages(ctx: Context, row: McpServer) -> None:
    """Write down what an MCP server uses: its folder."""
    await usages.replace(ctx.db, row.workspace_uuid, KIND, row.uuid, [("folder", row.folder_uuid)] if row.folder_uuid else [])
