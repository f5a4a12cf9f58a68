"""Action graphs: wrap one action into the graph that a run of it walks: start, then the action, perhaps after the approval of a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from cargo_ai.contract.orchestration.nodes.action import AgentAction, ConnectorAction, NativeAction, ToolAction
from cargo_ai.contract.orchestration.nodes.node import Node
from cargo_ai.engine.graph.action import ONE_ROUTE, Call, Schema
from cargo_ai.engine.graph.action import Action as Declared
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.expression import compile_config
from cargo_ai.kernel.wire import JsonObject

START, ACTION, APPROVAL = "start", "action", "approval"
ARGUMENTS = "arguments"
"""The field of an approval that holds what the action takes."""

_UUIDS = {
    START: "00000000-0000-4000-8000-000000000001",
    ACTION: "00000000-0000-4000-8000-000000000002",
    APPROVAL: "00000000-0000-4000-8000-000000000003",
}
# All actions of a kind have the same node uuids: equal actions share one stored graph.

Direct = ConnectorAction | NativeAction | AgentAction | ToolAction


def nodes(actions: Actions, action: Direct, records: Sequence[Mapping[str, Any]], *, approved: bool = False) -> list[Node]:
    """start → action. The record's fields are the action's input; see `config`. approved: a person is asked first; the run's record is then
    the config of a `humanReview`, whose field `ARGUMENTS` holds the input, and the action gets what is approved."""
    declared = actions.find(_named(action))
    routes = declared.routes_of(action.config) if declared is not None else ONE_ROUTE
    source = "nodes.start" if not approved else f"nodes.{APPROVAL}.values.{ARGUMENTS}"
    own = _node(ACTION, 600 if approved else 300, config(declared, action, records, source)) | _named(action)
    own["childrenUuids"] = [None] * routes.counts[0]
    if action.retry is not None:
        own["retry"] = action.retry.to_wire()
    start = _node(START, 0, {}) | {"kind": "native", "actionSlug": "start", "childrenUuids": [_UUIDS[APPROVAL if approved else ACTION]]}
    review = {"kind": "native", "actionSlug": "humanReview", "childrenUuids": [_UUIDS[ACTION], None]}
    between = [_node(APPROVAL, 300, _expression("nodes.start")) | review] if approved else []
    return [Node.model_validate(node) for node in (start, *between, own)]


def config(
    declared: Declared[Call] | None, action: Direct, records: Sequence[Mapping[str, Any]], source: str = "nodes.start"
) -> JsonObject:
    """The node's config. Without settings it is the record as it is, which is at `source`; with settings, those fields of the records win
    over them that the action knows or the settings name. What records hold is data: an expression in it is not evaluated."""
    if not action.config:
        return _expression(source)
    schema: Schema = declared.config_schema if declared is not None else {}
    known = set(action.config) | set(cast("Mapping[str, Any]", schema.get("properties", {})))
    takes_all = isinstance(action, ToolAction)
    given = dict.fromkeys(key for record in records for key in record if takes_all or key in known)
    return action.config | {key: _expression(f"{source}[{json.dumps(key)}]") for key in given}


def completed(action: Direct, records: list[JsonObject]) -> list[JsonObject]:
    """The records, each with the settings that only some other record overrides. Settings that are expressions cannot be filled in."""
    overridden = {key for record in records for key in record} & set(action.config)
    defaults = {key: action.config[key] for key in overridden if compile_config(action.config[key]).constant}
    return [defaults | record for record in records] if defaults else records


def _named(action: Direct) -> JsonObject:
    if isinstance(action, AgentAction):
        return {"kind": "agent", "agentUuid": action.agent_uuid, "releaseUuid": action.release_uuid}
    if isinstance(action, ToolAction):
        return {"kind": "tool", "toolUuid": action.tool_uuid}
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
