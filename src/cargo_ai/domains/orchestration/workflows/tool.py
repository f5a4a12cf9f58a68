"""Tools: create them with their workflow, change, list and remove them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.removal import usages
from cargo_ai.contract.orchestration.workflows import tool as contract
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.domains.connection import public as connectors
from cargo_ai.domains.orchestration.removed import tool_bin
from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.domains.orchestration.workflows import owners, public_form, trigger, validation
from cargo_ai.engine.dispatch.timers.schedule import ScheduleState
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, JsonObject


async def to_responses(ctx: Context, rows: Sequence[Tool]) -> list[contract.Tool]:
    """Tools on the wire, in the order of the rows; the states of their triggers are read in one statement."""
    states = await connectors.triggers.trigger_states(ctx.db, ctx.workspace, trigger.KIND, [row.uuid for row in rows if row.triggers])
    return [_to_response(row, states) for row in rows]


async def to_response(ctx: Context, row: Tool) -> contract.ToolReply:
    """One tool on the wire."""
    return contract.ToolReply(tool=(await to_responses(ctx, [row]))[0])


def _to_response(row: Tool, states: Mapping[str, ScheduleState]) -> contract.Tool:
    return contract.Tool(
        uuid=str(row.uuid),
        icon=cast("contract.ToolIcon", row.icon),
        workspace_uuid=str(row.workspace_uuid),
        workflow_uuid=str(row.workflow_uuid),
        user_uuid=str(row.user_uuid),
        name=row.name,
        folder_uuid=str(row.folder_uuid) if row.folder_uuid else None,
        credits_cost=cast("contract.ToolCreditsCost", row.credits_cost),
        description=row.description,
        is_read_only=row.is_read_only,
        triggers=[trigger.to_response(stored, states) for stored in row.triggers],
        public_form=public_form.to_response(row),
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateTool) -> contract.ToolReply:
    """Create a tool, its workflow and an empty draft."""
    folder = await owners.find_folder(ctx, "tool", contract.create, request.folder_uuid)
    owner = await owners.create_workflow(ctx, "tool")
    row = Tool(
        uuid=owner.uuid,
        workspace_uuid=ctx.workspace,
        workflow_uuid=owner.workflow,
        user_uuid=ctx.who.user_uuid,
        name=request.name,
        description=request.description,
        icon=request.icon.to_wire(),
        folder_uuid=folder,
        credits_cost={"kind": "minMax"},
        triggers=[],
    )
    ctx.db.add(row)
    await ctx.db.flush()
    if request.triggers:
        await trigger.put(ctx.db, row, request.triggers)
        await ctx.db.flush()
    await record_usages(ctx.db, row, [])
    return await to_response(ctx, row)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateTool) -> contract.ToolReply:
    """Change what is given; null clears description, folder and form."""
    row = await owners.lock(ctx, Tool, contract.update, request.uuid)
    if row.is_read_only:
        contract.update.refuse("toolIsReadOnly", name=row.name)
    if request.template is not None and request.template.is_available:
        contract.update.refuse("templatesNotAvailable")
    fields = request.model_fields_set
    if "folder_uuid" in fields:
        row.folder_uuid = await owners.find_folder(ctx, "tool", contract.update, request.folder_uuid)
    if request.name is not None:
        row.name = request.name
    if request.icon is not None:
        row.icon = request.icon.to_wire()
    if "description" in fields:
        row.description = request.description
    if request.triggers is not None:
        await trigger.put(ctx.db, row, request.triggers)
    if "public_form" in fields:
        public_form.put(row, request.public_form, ctx.secrets)
        if public_form.is_enabled(row):
            ctx.warn(f"The form is open at {ctx.base_url}/v1/forms/{row.uuid} once a release with form fields is deployed.")
    await ctx.db.flush()
    if "folder_uuid" in fields or request.triggers is not None:
        await record_usages(ctx.db, row, await _deployed_nodes(ctx, row))
    return await to_response(ctx, row)


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> RemovedToBin:
    """Remove the tool, its workflow and releases: they go to the bin. Runs that have started go on."""
    row = await owners.lock(ctx, Tool, contract.remove, request.uuid)
    if row.is_read_only:
        contract.remove.refuse("toolIsReadOnly", name=row.name)
    users = await owners.users_of(ctx.db, row)
    if users:
        contract.remove.refuse("toolIsUsed", name=row.name, users=await owners.names(ctx.db, users), details=owners.details(users))
    return await tool_bin.hide(ctx, row)


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ToolReply:
    """One tool."""
    return await to_response(ctx, await owners.find(ctx, Tool, contract.get, request.uuid))


@handles(contract.all)
async def all_(ctx: Context, request: contract.ListTools) -> contract.ToolsReply:
    """The tools of the workspace or of one folder, newest first."""
    query = select(Tool).where(Tool.deleted_at.is_(None))
    if request.folder_uuid is not None:
        query = query.where(Tool.folder_uuid == ids.parse(request.folder_uuid))
    rows = list(await ctx.db.scalars(query.order_by(Tool.uuid.desc())))
    return contract.ToolsReply(tools=await to_responses(ctx, rows))


async def record_usages(db: AsyncSession, row: Tool, nodes: list[JsonObject]) -> None:
    """Write down what a tool uses: its folder, the connectors that start it, and the connectors, tools and models that its deployed nodes
    name."""
    targets = [(kind, uid) for kind in ("connector", "tool") for uid in validation.used_uuids(nodes, kind)]
    targets += [("model", uid) for uid in validation.used_models(nodes)]
    targets += [("connector", uid) for uid in connectors.triggers.connectors_of(row.triggers)]
    if row.folder_uuid is not None:
        targets.append(("folder", row.folder_uuid))
    await usages.replace(db, row.workspace_uuid, "tool", row.uuid, targets)


async def _deployed_nodes(ctx: Context, row: Tool) -> list[JsonObject]:
    nodes = await ctx.db.scalar(select(Release.nodes).where(Release.workflow_uuid == row.workflow_uuid, Release.status == "deployed"))
    return cast("list[JsonObject]", nodes or [])
