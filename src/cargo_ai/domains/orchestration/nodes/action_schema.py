"""Action schemas: describe the output of an action before it is executed."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select

from cargo_ai.actions.config.variables import outputs_of_graph
from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.nodes import action as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.domains.orchestration.templates import catalog as templates
from cargo_ai.domains.orchestration.workflows import validation
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

_LIST = "cargo-ai orchestration action list"


@handles(contract.get_output_schema)
async def get_output_schema(ctx: Context, request: contract.GetOutputSchema) -> contract.OutputSchema:
    """The JSON Schema of the action's output."""
    action = request.action
    if isinstance(action, contract.ConnectorAction):
        return _to_response(await _connector(ctx, action))
    if isinstance(action, contract.NativeAction):
        return _to_response(await _native(ctx, action))
    if isinstance(action, contract.ToolAction):
        return _to_response(outputs_of_graph(await _tool_nodes(ctx, action)))
    declared = ctx.actions.find({"kind": "agent"})
    return _to_response(None if declared is None or declared.output_schema is None else dict(declared.output_schema))


def _to_response(schema: JsonObject | None) -> contract.OutputSchema:
    if schema is None:
        contract.get_output_schema.refuse("actionHasNoOutput")
    return contract.OutputSchema(schema=schema)


async def _connector(ctx: Context, action: contract.ConnectorAction) -> JsonObject | None:
    refuse = contract.get_output_schema.refuse
    integration = (await connection.integrations(ctx.services, ctx.workspace)).get(action.integration_slug)
    if integration is None:
        refuse("integrationNotFound", slug=action.integration_slug, fix="cargo-ai connection integration list")
    declared = integration.action(action.action_slug)
    if declared is None:
        known = ", ".join(known.slug for known in integration.actions)
        refuse("actionNotFound", cause=f"{integration.name} has {known}.", fix=_LIST)
    if action.connector_uuid is not None:
        mine = [str(one.uuid) for one in await connection.accounts(ctx.db) if one.integration_slug == integration.slug]
        if action.connector_uuid not in mine:
            refuse("connectorNotFound", uuid=action.connector_uuid, fix="cargo-ai connection connector list")
    return None if declared.output_schema is None else dict(declared.output_schema)


async def _native(ctx: Context, action: contract.NativeAction) -> JsonObject | None:
    declared = ctx.actions.native(action.action_slug)
    if declared is None:
        contract.get_output_schema.refuse("actionNotFound", cause=f"there is no native action {action.action_slug}.", fix=_LIST)
    models = await validation.models_of(ctx, [action.config])
    schema = declared.output_of(action.config, models) if action.config else declared.output_schema
    return None if schema is None else dict(schema)


async def _tool_nodes(ctx: Context, action: contract.ToolAction) -> list[JsonObject]:
    refuse = contract.get_output_schema.refuse
    if action.release_uuid is not None:
        row = await ctx.db.scalar(select(Release.nodes).where(Release.uuid == ids.parse(action.release_uuid)))
        if row is None:
            refuse("releaseNotFound", cause=f"{action.release_uuid} is not a release.", fix="cargo-ai orchestration release list")
        return cast("list[JsonObject]", row)
    if action.tool_uuid is None:
        template = templates.find(action.template_slug or "")
        if template is None:
            refuse("actionNotFound", cause=f"there is no template {action.template_slug}.", fix="cargo-ai orchestration template list")
        return template["nodes"]
    release = (
        await ctx.db.execute(
            select(Tool.uuid, Release.nodes)
            .outerjoin(Release, (Release.workflow_uuid == Tool.workflow_uuid) & (Release.status == "deployed"))
            .where(Tool.uuid == ids.parse(action.tool_uuid), Tool.deleted_at.is_(None))
        )
    ).one_or_none()
    if release is None:
        refuse("actionNotFound", cause=f"there is no tool {action.tool_uuid}.", fix="cargo-ai orchestration tool list")
    if release.nodes is None:
        refuse("releaseNotFound", cause=f"the tool {action.tool_uuid} has nothing deployed.")
    return cast("list[JsonObject]", release.nodes)
