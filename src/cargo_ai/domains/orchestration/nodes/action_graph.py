"""Action graphs: one action as the small graph that a run of it walks: start, then the action."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from cargo_ai.actions import native_actions
from cargo_ai.context.plugins import native_effects
from cargo_ai.contract.orchestration.action import ConnectorAction, NativeAction
from cargo_ai.contract.orchestration.node import Node
from cargo_ai.domains.connection import public as connection
from cargo_ai.expression import compile_config
from cargo_ai.kernel.wire import JsonObject

START, ACTION = "start", "action"
STRUCTURAL = frozenset({"start", "end", "group"})
"""Native actions that mean nothing outside of a graph."""

_UUIDS = {START: "00000000-0000-4000-8000-000000000001", ACTION: "00000000-0000-4000-8000-000000000002"}
# All actions of a kind have the same node uuids: equal actions share one stored graph.

Direct = ConnectorAction | NativeAction


def nodes(action: Direct, records: Sequence[Mapping[str, Any]]) -> list[Node]:
    """start → action. The record's fields are the action's input; see `config`."""
    own = _node(ACTION, 300, config(action, records)) | _named(action)
    own["childrenUuids"] = [None] * _children(action)
    if action.retry is not None:
        own["retry"] = action.retry.to_wire()
    start = _node(START, 0, {}) | {"kind": "native", "actionSlug": "start", "childrenUuids": [_UUIDS[ACTION]]}
    return [Node.model_validate(start), Node.model_validate(own)]


def config(action: Direct, records: Sequence[Mapping[str, Any]]) -> JsonObject:
    """The node's config. Without settings it is the record as it is; with settings, those fields of the records win over them that the
    action knows or the settings name. What records hold is data: an expression in it is not evaluated."""
    if not action.config:
        return _expression("nodes.start")
    known = set(action.config) | set(cast("Mapping[str, Any]", inputs(action).get("properties", {})))
    given = dict.fromkeys(key for record in records for key in record if key in known)
    return action.config | {key: _expression(f"nodes.start[{json.dumps(key)}]") for key in given}


def completed(action: Direct, records: list[JsonObject]) -> list[JsonObject]:
    """The records, each with the settings that only some other record overrides. Settings that are expressions cannot be filled in."""
    overridden = {key for record in records for key in record} & set(action.config)
    defaults = {key: action.config[key] for key in overridden if compile_config(action.config[key]).constant}
    return [defaults | record for record in records] if defaults else records


def inputs(action: Direct) -> JsonObject:
    """The JSON Schema of the action's input; {} when there is no such action."""
    if isinstance(action, ConnectorAction):
        found = connection.action_of(action.integration_slug, action.action_slug)
        return dict(found.schema) if found else {}
    native = next((one for one in native_actions() if one.slug == action.action_slug), None)
    if native is not None:
        return native.config_schema
    effect = native_effects.get(action.action_slug)
    return effect.config_schema if effect else {}


def _children(action: Direct) -> int:
    """How many ways on the node has to have, all of which end here."""
    if isinstance(action, ConnectorAction):
        return connection.action_children(action.integration_slug, action.action_slug) or 1
    native = next((one for one in native_actions() if one.slug == action.action_slug), None)
    if native is not None:
        return native.children_of(action.config)[0]
    effect = native_effects.get(action.action_slug)
    return effect.children_count if effect else 1


def _named(action: Direct) -> JsonObject:
    named: JsonObject = {"kind": action.kind, "actionSlug": action.action_slug}
    if isinstance(action, ConnectorAction):
        named["integrationSlug"] = action.integration_slug
        if action.connector_uuid is not None:
            named["connectorUuid"] = action.connector_uuid
    return named


def _node(slug: str, x: int, settings: JsonObject) -> JsonObject:
    return {
        "uuid": _UUIDS[slug],
        "slug": slug,
        "config": settings,
        "fallbackOnFailure": False,
        "position": {"x": x, "y": 0},
    }


def _expression(source: str) -> JsonObject:
    return {"kind": "templateExpression", "expression": f"{{{{{source}}}}}", "instructTo": "none", "fromRecipe": False}
