"""The native integration: the built-in actions of workflows, told from their own declarations."""

from __future__ import annotations

from typing import Any

from cargo_ai.actions import native_actions
from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.plugins import NativeEffect, NativeExtractor, native_effects, native_extractors
from cargo_ai.contract.connection import native_integration as contract
from cargo_ai.engine.graph.action import NativeAction
from cargo_ai.kernel.wire import Nothing


def _action(action: NativeAction) -> dict[str, Any]:
    # How many children `switch` has depends on its routes: 0 is what the config alone does not say.
    on_wire: dict[str, Any] = {
        "name": action.name,
        "description": action.description,
        "category": action.category,
        "icon": action.icon,
        "config": _form(action.config_schema),
        "childrenCount": action.children_count or 0,
        "hasDynamicChildren": action.children_count is None,
    }
    if action.output_schema is not None:
        on_wire["output"] = {"schema": action.output_schema}
    return on_wire


def _effect(effect: NativeEffect) -> dict[str, Any]:
    on_wire: dict[str, Any] = {
        "name": effect.name,
        "description": effect.description,
        "category": effect.category,
        "icon": effect.icon,
        "config": _form(effect.config_schema),
        "childrenCount": effect.children_count,
        "hasDynamicChildren": bool(effect.also_children),
    }
    return on_wire | ({} if effect.output_schema is None else {"output": {"schema": effect.output_schema}})


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


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": schema, "jsonSchema": schema, "uiSchema": {}}


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.NativeIntegrationReply:
    """Every built-in action and extractor by slug."""
    actions = {action.slug: _action(action) for action in native_actions()}
    actions |= {slug: _effect(effect) for slug, effect in sorted(native_effects.items())}
    extractors = {slug: _extractor(extractor) for slug, extractor in native_extractors.items()}
    return contract.NativeIntegrationReply(native_integration=contract.NativeIntegration(actions=actions, extractors=extractors))
