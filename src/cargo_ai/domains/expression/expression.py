"""Evaluate an expression on its own."""

from __future__ import annotations

from typing import cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.expression import expression as contract
from cargo_ai.expression import ExpressionError, JsonValue, compile_config, evaluator


@handles(contract.evaluate)
async def evaluate(ctx: Context, request: contract.EvaluateExpression) -> contract.Evaluation:
    """Its value over the variables; what it warns of is a warning of the reply."""
    resolver = compile_config(
        cast("JsonValue", request.expression.to_wire()), names=frozenset({"nodes", "parentNodes", *request.variables})
    )
    warnings: list[str] = []
    try:
        questions = resolver.questions(request.variables)
        answers = await evaluator.shared().ask(ctx.workspace, request.variables, questions) if questions else {}
        data = resolver(request.variables, warnings, answers)
    except ExpressionError as error:
        return contract.Evaluation(error_message=error.message)
    for warning in warnings:
        ctx.warn(warning)
    return contract.Evaluation(data=data)
