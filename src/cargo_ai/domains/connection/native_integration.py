"""The native integration: the built-in actions and extractors, described by their own declarations."""

from __future__ import annotations

from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.extractors import NativeExtractor
from cargo_ai.context.handlers import handles
from cargo_ai.contract.connection import native_integration as contract
from cargo_ai.engine.graph.action import Action, Call, Schema
from cargo_ai.kernel.wire import Nothing


def _action(action: Action[Call]) -> dict[str, Any]:
    routes = action.routes_of({})
    on_wire: dict[str, Any] = {
        "name": action.name,
        "description": action.description,
        "category": action.category,
        "icon": action.icon,
        "config": _form(action.config_schema),
        # How many children `switch` has depends on its routes: 0 is what the config alone does not say.
        "childrenCount": len(routes.labels),
        "hasDynamicChildren": len(routes.counts) > 1,
    }
    return on_wire if action.output_schema is None else {**on_wire, "output": {"schema": action.output_schema}}


def _extractor(extractor: NativeExtractor) -> dict[str, Any]:
    return {
        "name": extractor.name,
        "description": extractor.description,
        "kind": extractor.kind,
        "category": extractor.category,
        "icon": extractor.icon,
        "config": _form(extractor.config_schema),
        "meta": {"schema": {"type": "object", "properties": {}}},
        "mode": extractor.mode,
        "preview": extractor.preview,
    }


def _form(schema: Schema) -> dict[str, Any]:
    return {"schema": schema, "jsonSchema": schema, "uiSchema": {}}


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.NativeIntegrationReply:
    """Every built-in action and extractor by slug."""
    actions = {action.slug: _action(action) for action in ctx.actions.natives()}
    extractors = {extractor.slug: _extractor(extractor) for extractor in ctx.services.extractors}
    return contract.NativeIntegrationReply(native_integration=contract.NativeIntegration(actions=actions, extractors=extractors))
