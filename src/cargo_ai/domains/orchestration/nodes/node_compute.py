"""Compute the config of a node in a given context, without executing it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.nodes import node_trial as contract
from cargo_ai.engine.graph.graph import compile_resolver
from cargo_ai.expression import EngineExpression, EngineResult, ExpressionError, evaluator
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject


@handles(contract.compute)
async def compute(ctx: Context, request: contract.ComputeNode) -> contract.ComputedReply:
    """The settings with every expression evaluated. An expression that fails is a 400 that says which."""
    raw = request.node.stored()
    try:
        computed, warnings = await settings_of(ctx, raw, scope_of(request.context, request.group_context))
    except ExpressionError as error:
        raise invalid_input([{"path": "node.config", "message": error.message}]) from None
    if not isinstance(computed, dict):
        raise invalid_input([{"path": "node.config", "message": "The config does not evaluate to an object."}])
    for warning in warnings:
        ctx.warn(warning)
    config, action = cast("JsonObject", computed), (await ctx.all_actions()).find(raw)
    return contract.ComputedReply(computed_config=config if action is None else dict(action.preview(config)))


def scope_of(context: JsonObject, group_context: JsonObject | None) -> JsonObject:
    """What expressions see: `nodes`, `parentNodes`, `now`. Contexts may come with or without a `nodes` around the slugs."""
    nodes = _unwrapped(context)
    parent = _unwrapped(group_context) if group_context is not None else context.get("parentNodes") if nodes is not context else None
    return {"nodes": nodes, "parentNodes": parent, "now": clock.to_iso(datetime.fromtimestamp(clock.unix_seconds(), UTC))}


def _unwrapped(context: JsonObject) -> JsonObject:
    nodes = context.get("nodes")
    if isinstance(nodes, dict) and set(context) <= {"nodes", "parentNodes", "now"}:
        return cast("JsonObject", nodes)
    return context


async def settings_of(ctx: Context, raw: JsonObject, scope: JsonObject) -> tuple[Any, list[str]]:
    """The node's settings in that scope, and what was odd about them. Raises ExpressionError."""
    resolver = compile_resolver(raw, (await ctx.all_actions()).find(raw))
    warnings: list[str] = []
    answers: dict[EngineExpression, EngineResult] = {}
    while questions := resolver.questions(scope, answers):
        answers |= await evaluator.shared().ask(ctx.workspace, scope, questions)
    return resolver(scope, warnings, answers), warnings
