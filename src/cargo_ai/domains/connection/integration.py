"""Integrations: list and show the services that can be connected."""

from __future__ import annotations

from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.prices import costs_of
from cargo_ai.contract.connection import integration as contract
from cargo_ai.domains.connection.connectors.connector_form import FRESH
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.engine.graph.action import ONE_ROUTE
from cargo_ai.engine.graph.check.finding import nearest
from cargo_ai.engine.graph.price import Costs
from cargo_ai.integrations.kit import Autocomplete, ConnectorAction, DynamicSchema, Extractor, Integration, SourceShape
from cargo_ai.kernel.settings import Settings

_LIST = "cargo-ai connection integration list"
_KEPT = {"cacheExpirationInSeconds": FRESH.total_seconds()}


def reply(integration: Integration, settings: Settings) -> contract.Integration:
    """The integration on the wire."""
    spec = integration.account
    # Both spellings of the form's schema are read by clients.
    account: dict[str, Any] = {
        "config": {"schema": spec.schema, "jsonSchema": spec.schema, "uiSchema": spec.ui_schema},
        "isRequired": spec.required,
        "caching": {"isCompatible": True},
    }
    return contract.Integration(
        name=integration.name,
        description=integration.description,
        slug=integration.slug,
        icon=integration.icon,
        color=integration.color,
        url=integration.url,
        category=integration.category,
        sub_categories=list(integration.sub_categories),
        connector=account,
        actions={action.slug: _action(action, costs_of(settings, integration.slug, action)) for action in integration.actions},
        extractors={extractor.slug: _extractor(extractor) for extractor in integration.extractors}
        | {files.slug: files.on_wire for files in integration.file_lists},
        dynamic_schemas={slug: _params(part) for slug, part in integration.schemas.items()},
        autocompletes=[
            {"slug": slug, **_params(part), "cacheExpirationInSeconds": 1800} for slug, part in integration.autocompletes.items()
        ],
        documentation_path=f"/v1/connection/integrations/{integration.slug}/documentation",
    )


def _params(part: Autocomplete | DynamicSchema) -> dict[str, Any]:
    schema = part.params_schema or {"type": "object", "properties": {}}
    # Both spellings are read by clients.
    return {"params": {"schema": schema, "jsonSchema": schema}}


def _action(action: ConnectorAction, costs: Costs) -> dict[str, Any]:
    routes = action.routes_of({})
    on_wire: dict[str, Any] = {
        "name": action.name,
        "description": action.description,
        "config": {"schema": action.config_schema, "jsonSchema": action.config_schema, "uiSchema": action.ui_schema or {}},
        "credits": {"costs": list(costs)},
        "childrenCount": len(routes.labels),
        "isRateLimited": True,
        "caching": {"isCompatible": action.has_cache},
        "hint": action.hint,
        "idempotency": action.idempotency,
    }
    if action.rows is not None:
        on_wire["rowBatch"] = {"max": action.rows.max}
    if routes != ONE_ROUTE:
        on_wire["children"] = [{"text": label} for label in routes.labels]
    if action.output_schema is not None:
        on_wire["output"] = {"schema": action.output_schema}
    return on_wire


def _extractor(extractor: Extractor) -> dict[str, Any]:
    schema = extractor.config_schema
    on_wire: dict[str, Any] = {
        "name": extractor.name,
        "description": extractor.description,
        "kind": extractor.kind,
        # Both spellings of the form's schema are read by clients.
        "config": {"schema": schema, "jsonSchema": schema, "uiSchema": extractor.ui_schema},
        "meta": {"schema": {"type": "object", "properties": {}}},
        "mode": extractor.mode,
        "preview": "records",
        "tellsRemovals": extractor.tells_removals,
    }
    if isinstance(extractor.shape, SourceShape):
        on_wire["columns"] = {"schema": _schema_of_columns(extractor.shape)}
    if extractor.unifications:
        on_wire["unifications"] = [dict(unification) for unification in extractor.unifications]
    return on_wire


def _schema_of_columns(shape: SourceShape) -> dict[str, Any]:
    """The columns that are the same for every account, as JSON Schema."""
    columns: dict[str, Any] = {}
    for column in shape.columns:
        kind = {"date": {"type": "string", "format": "date-time"}, "vector": {"type": "array"}, "any": {}}.get(
            column.type, {"type": column.type}
        )
        columns[column.name] = kind | ({"title": column.label} if column.label else {})
    return {"type": "object", "properties": columns, "required": [shape.id]}


def _found(integration: Integration, request: contract.ListIntegrations) -> bool:
    slugs = [slug for slug in (request.slug, *(request.slugs or ())) if slug]
    if slugs and integration.slug not in slugs:
        return False
    if request.category is not None and integration.category != request.category:
        return False
    if request.has_actions is not None and request.has_actions != bool(integration.actions):
        return False
    if request.has_extractors is not None and request.has_extractors != bool(integration.extractors):
        return False
    return all(word in _text(integration) for word in (request.search or "").lower().split())


def _text(integration: Integration) -> str:
    actions = (text for action in integration.actions for text in (action.slug, action.name))
    extractors = (text for extractor in integration.extractors for text in (extractor.slug, extractor.name))
    return " ".join((integration.slug, integration.name, integration.description, integration.category, *actions, *extractors)).lower()


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListIntegrations) -> contract.IntegrationsReply:
    """Those that fit, by name."""
    known = await known_integrations(ctx.services).all_of(ctx.workspace)
    return contract.IntegrationsReply(integrations=[reply(one, ctx.settings) for one in known.values() if _found(one, request)])


@handles(contract.get)
async def get(ctx: Context, request: contract.NamedIntegration) -> contract.IntegrationReply:
    """One integration."""
    integration = await known_integrations(ctx.services).find(ctx.workspace, request.slug)
    if integration is None:
        contract.get.refuse("integrationNotFound", integration=request.slug, fix=await _fix(ctx, "get", request.slug))
    return contract.IntegrationReply(integration=reply(integration, ctx.settings))


@handles(contract.get_documentation)
async def get_documentation(ctx: Context, request: contract.NamedIntegration) -> contract.Documentation:
    """Its documentation, as Markdown."""
    integration = await known_integrations(ctx.services).find(ctx.workspace, request.slug)
    if integration is None:
        fix = await _fix(ctx, "get-documentation", request.slug)
        contract.get_documentation.refuse("integrationNotFound", integration=request.slug, fix=fix)
    return contract.Documentation(text=integration.documentation)


async def _fix(ctx: Context, command: str, slug: str) -> str:
    """The command with the slug that was most likely meant, else the list."""
    meant = nearest(slug, await known_integrations(ctx.services).all_of(ctx.workspace))
    return f"cargo-ai connection integration {command} {meant}" if meant else _LIST
