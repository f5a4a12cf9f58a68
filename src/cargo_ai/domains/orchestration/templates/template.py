"""Templates: list and show the graphs of this server, and make tools and plays of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pydantic import TypeAdapter

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.nodes.node import Node
from cargo_ai.contract.orchestration.workflows import play as play_contract
from cargo_ai.contract.orchestration.workflows import template as contract
from cargo_ai.contract.orchestration.workflows.draft_release import DeployDraftRelease
from cargo_ai.contract.orchestration.workflows.release_change import DeployedReply
from cargo_ai.contract.orchestration.workflows.tool import CreateTool, Tool, ToolIcon
from cargo_ai.domains.orchestration.plays import play as plays
from cargo_ai.domains.orchestration.templates import catalog, needs
from cargo_ai.domains.orchestration.workflows import draft_release
from cargo_ai.domains.orchestration.workflows import tool as tools
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records.catalog import Relation

_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_AUTHOR = {"name": "cargo-ai", "title": "Built in", "company": {"name": "cargo-ai", "url": ""}}
_TEMPLATE: TypeAdapter[contract.Template] = TypeAdapter(contract.Template)
_ICON: TypeAdapter[ToolIcon] = TypeAdapter(ToolIcon)


def to_response(template: JsonObject) -> contract.Template:
    """The template on the wire. All are built in: public, presets, of no workspace."""
    shared = {
        "workspaceUuid": None,
        "scope": "public",
        "isPreset": True,
        "author": _AUTHOR,
        "createdAt": _CREATED,
        "updatedAt": _CREATED,
        "deletedAt": None,
        "placeholders": catalog.placeholders(template["nodes"]),
        "needs": {
            "integrationSlugs": sorted(set(catalog.connectors(template["nodes"]).values())),
            "values": [{"name": name, "what": what} for name, what in template.get("values", {}).items()],
            "columns": template.get("columns", {}),
        },
    }
    return _TEMPLATE.validate_python(template | shared)


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListTemplates) -> contract.TemplatesReply:
    """The templates that match, by slug. All are presets without a documentation page."""
    if request.is_preset is False or request.has_documentation:
        return contract.TemplatesReply(templates=[])
    matching = [template for template in catalog.all_templates() if request.kinds is None or template["kind"] in request.kinds]
    return contract.TemplatesReply(templates=[to_response(template) for template in matching])


@handles(contract.get)
async def get(ctx: Context, request: contract.BySlug) -> contract.TemplateReply:
    """One template."""
    template = catalog.find(request.slug)
    template = found_or_refuse(contract.get, template, "templateNotFound", slug=request.slug, fix="cargo-ai orchestration template list")
    return contract.TemplateReply(template=to_response(template))


@handles(contract.apply)
async def apply(ctx: Context, request: contract.ApplyTemplate) -> contract.AppliedTemplate:
    """Fill in the nodes, create the tool or play, deploy it, and say how to go on."""
    template = catalog.find(request.slug)
    template = found_or_refuse(contract.apply, template, "templateNotFound", slug=request.slug, fix="cargo-ai orchestration template list")
    nodes, model = await needs.filled(ctx, template, request)
    return await (_make_tool(ctx, template, request, nodes) if model is None else _make_play(ctx, template, request, nodes, model))


async def _make_tool(
    ctx: Context, template: JsonObject, request: contract.ApplyTemplate, nodes: list[JsonObject]
) -> contract.AppliedTemplate:
    """A tool with the template's form. It runs on demand."""
    creation = CreateTool(
        name=request.name or template["name"],
        description=template["description"],
        folder_uuid=request.folder_uuid,
        icon=_ICON.validate_python(template["icon"]),
    )
    made = (await tools.create(ctx, creation)).tool
    deployed = await _deploy(ctx, made.workflow_uuid, nodes, template.get("formFields"))
    return contract.AppliedTemplate(tool=made, play=None, message=deployed.goes_live.message, next=[_trial(template, made)])


def _trial(template: JsonObject, made: Tool) -> str:
    """The command that runs the tool once, with a place for each field of its form."""
    data = {field["slug"]: "…" for field in template.get("formFields", [])}
    given = json.dumps(data, ensure_ascii=False)
    return f"cargo-ai orchestration run create --workflow-uuid {made.workflow_uuid} --data '{given}' --wait-until-finished"


async def _make_play(
    ctx: Context, template: JsonObject, request: contract.ApplyTemplate, nodes: list[JsonObject], model: Relation
) -> contract.AppliedTemplate:
    """A play on the model, disabled unless it is asked for: it may write to services and spend credits."""
    creation = play_contract.CreatePlay(
        name=request.name or template["name"],
        description=template["description"],
        model_uuid=str(model.model),
        schedule=play_contract.RealtimeSchedule(type="realtime"),
        folder_uuid=request.folder_uuid,
        **template.get("changes", {}),
    )
    made = (await plays.create(ctx, creation)).play
    deployed = await _deploy(ctx, made.workflow_uuid, nodes, None)
    message, after = deployed.goes_live.message, list[str]()
    if request.enable:
        made = (await plays.update(ctx, play_contract.UpdatePlay(uuid=made.uuid, is_enabled=True))).play
        message = f'The play "{made.name}" is enabled: changed records take it from now on.'
    else:
        after.append(f"cargo-ai orchestration play update {made.uuid} --is-enabled true")
    data = f'{{"kind":"segment","segmentUuid":"{made.segment_uuid}"}}'
    after.insert(0, f"cargo-ai orchestration batch create --workflow-uuid {made.workflow_uuid} --data '{data}' --dry-run")
    return contract.AppliedTemplate(tool=None, play=made, message=message, next=after)


async def _deploy(ctx: Context, workflow: str, nodes: list[JsonObject], form_fields: list[JsonObject] | None) -> DeployedReply:
    request = DeployDraftRelease.model_validate(
        {"workflowUuid": workflow, "nodes": [Node.model_validate(node) for node in nodes], "formFields": form_fields}
    )
    return await draft_release.deploy(ctx, request)
