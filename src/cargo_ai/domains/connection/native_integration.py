"""The native integration: the built-in actions of workflows, told from their own declarations."""

from __future__ import annotations

from typing import Any

from cargo_ai.actions import native_actions
from cargo_ai.contract.connection import native_integration as contract
from cargo_ai.engine.action import NativeAction
from cargo_ai.kernel.wire import Nothing
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.handlers import handles


def _action(action: NativeAction) -> dict[str, Any]:
    # How many children `switch` has depends on its routes: 0 is what the config alone does not say.
    on_wire: dict[str, Any] = {
        "name": action.name,
        "description": action.description,
        "category": action.category,
        "icon": action.icon,
        "config": {"schema": action.config_schema, "jsonSchema": action.config_schema, "uiSchema": {}},
        "childrenCount": action.children_count or 0,
        "hasDynamicChildren": action.children_count is None,
    }
    if action.output_schema is not None:
        on_wire["output"] = {"schema": action.output_schema}
    return on_wire


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.NativeIntegrationReply:
    """Every built-in action by slug."""
    actions = {action.slug: _action(action) for action in native_actions()}
    return contract.NativeIntegrationReply(native_integration=contract.NativeIntegration(actions=actions, extractors={}))
