"""Trials: evaluate one expression over variables, and say what it gave, warned of, or failed at."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.expression import ExpressionError, JsonValue, compile_config, evaluator
from cargo_ai.kernel.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Tried:
    """The value, or the error; and what was odd."""

    value: Any = None
    error: str | None = None
    warnings: list[str] = field(default_factory=list[str])


async def evaluate(workspace: uuid.UUID, expression: JsonObject, variables: Mapping[str, Any]) -> Tried:
    """Evaluate an expression, as it is on the wire. Raises nothing that is the expression's fault."""
    resolver = compile_config(cast("JsonValue", expression), names=frozenset({"nodes", "parentNodes", *variables}))
    warnings: list[str] = []
    try:
        questions = resolver.questions(variables)
        answers = await evaluator.shared().ask(workspace, variables, questions) if questions else {}
        return Tried(resolver(variables, warnings, answers), None, warnings)
    except ExpressionError as error:
        return Tried(None, error.message, warnings)
