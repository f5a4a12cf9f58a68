"""Templates: list and show the built-in graphs."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import TypeAdapter

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration import template as contract
from cargo_ai.domains.orchestration.workflows import templates
from cargo_ai.kernel.wire import JsonObject

_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_AUTHOR = {"name": "cargo-ai", "title": "Built in", "company": {"name": "cargo-ai", "url": ""}}
_TEMPLATE: TypeAdapter[contract.Template] = TypeAdapter(contract.Template)


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
        "placeholders": templates.placeholders(template["nodes"]),
    }
    return _TEMPLATE.validate_python(template | shared)


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListTemplates) -> contract.TemplatesReply:
    """The templates that match, by slug. All are presets without a documentation page."""
    if request.is_preset is False or request.has_documentation:
        return contract.TemplatesReply(templates=[])
    matching = [template for template in templates.all_templates() if request.kinds is None or template["kind"] in request.kinds]
    return contract.TemplatesReply(templates=[to_response(template) for template in matching])


@handles(contract.get)
async def get(ctx: Context, request: contract.BySlug) -> contract.TemplateReply:
    """One template."""
    template = templates.find(request.slug)
    template = found_or_refuse(contract.get, template, "templateNotFound", slug=request.slug, fix="cargo-ai orchestration template list")
    return contract.TemplateReply(template=to_response(template))
