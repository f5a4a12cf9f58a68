"""Initialisation: answer in one reply what an application would ask some twenty operations for."""

from __future__ import annotations

from typing import Any, cast

from cargo_ai import contract as contracts
from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.workspace import initialisation as contract
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject, Nothing, Wire
from cargo_ai.server import compose

MAX = 1000
"""How many of each list at most, where its operation has pages."""

LISTS: dict[str, tuple[tuple[str, str], ...]] = {
    "mcp_servers": (("ai.mcpServer.all", "mcpServers"),),
    "agents": (("ai.agent.all", "agents"),),
    "members": (("revenueOrganization.member.all", "members"),),
    "capacities": (("revenueOrganization.capacity.all", "capacities"),),
    "territories": (("revenueOrganization.territory.all", "territories"),),
    "users": (("workspaceManagement.user.all", "users"),),
    "tokens": (("workspaceManagement.token.all", "tokens"),),
    "roles": (("workspaceManagement.role.all", "roles"),),
    "folders": (("workspaceManagement.folder.all", "folders"),),
    "datasets": (("storage.dataset.all", "datasets"),),
    "models": (("storage.model.all", "models"),),
    "relationships": (("storage.relationship.all", "relationships"),),
    "connectors": (("connection.connector.list", "connectors"),),
    "segments": (("segmentation.segment.all", "segments"),),
    "workflows": (("orchestration.workflow.all", "workflows"),),
    "plays": (("orchestration.play.list", "plays"),),
    "tools": (("orchestration.tool.all", "tools"),),
    "preset_templates": (("orchestration.template.list", "templates"), ("ai.template.list", "templates")),
    "system_of_records": (("systemOfRecordIntegration.systemOfRecord.all", "systemOfRecords"),),
    "files": (("content.file.all", "files"),),
    "apps": (("hosting.app.list", "apps"),),
    "workers": (("hosting.worker.list", "workers"),),
    "alerts": (("observability.alert.list", "alerts"),),
}
"""The operations, with the key of their replies, from which each list comes. Those that are not served give nothing."""


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.Initialisation:
    """Everything that the caller may read, by the operations that list it: each keeps its own permission and its own filter."""
    lists = {field: [item for name, key in sources for item in await _items(ctx, name, key)] for field, sources in LISTS.items()}
    user = await _reply(ctx, "workspaceManagement.user.getCurrent")
    workspace = await _reply(ctx, "workspaceManagement.workspace.getCurrent")
    subscription = await _reply(ctx, "billing.subscription.get")
    return contract.Initialisation.model_validate(
        {**lists, "user": user["user"], "workspace": workspace["workspace"], "subscription": subscription.get("subscription")}
    )


async def _items(ctx: Context, name: str, key: str) -> list[JsonObject]:
    return cast("list[JsonObject]", (await _reply(ctx, name)).get(key, []))


async def _reply(ctx: Context, name: str) -> JsonObject:
    """What an operation replies to the caller; nothing where it is not served, not permitted or refused."""
    handler = compose.operation_handlers().get(name)
    if handler is None:
        return {}
    operation = contracts.load()[name]
    if operation.permission is not None and not ctx.who.may(operation.permission):
        return {}
    paged: dict[str, Any] = {"limit": MAX} if "limit" in operation.request.model_fields else {}
    try:
        reply: Wire = await handler(ctx, operation.request.model_validate(paged))
    except Refusal:
        return {}
    return reply.to_wire()
