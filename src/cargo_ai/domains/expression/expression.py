"""Evaluate an expression on its own."""

from __future__ import annotations

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.expression import expression as contract
from cargo_ai.domains.expression import trial


@handles(contract.evaluate)
async def evaluate(ctx: Context, request: contract.EvaluateExpression) -> contract.Evaluation:
    """Its value over the variables; what it warns of is a warning of the reply."""
    tried = await trial.evaluate(ctx.workspace, request.expression.to_wire(), request.variables)
    if tried.error is not None:
        return contract.Evaluation(error_message=tried.error)
    for warning in tried.warnings:
        ctx.warn(warning)
    return contract.Evaluation(data=tried.value)
