"""Asking the sandbox in tests: where this machine has none, that it refuses is what is asserted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cargo_ai.expression import EngineExpression, EngineResult, JsonValue, ScriptResult, compile_config
from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.sandbox.host import refusal

WORKSPACE = "workspace"


def skip_refused(sentence: str | None) -> None:
    """End a test where code of users is refused, when the answer that it got says so."""
    assert sentence is not None and "on this server" in sentence
    pytest.skip(f"refused here, as it must be: {sentence}")


async def answer(
    evaluator: Evaluator, source: str, scope: Mapping[str, Any], *, workspace: str = WORKSPACE, body: bool = False
) -> EngineResult:
    """The engine's answer to one expression."""
    question = EngineExpression(source, body)
    found = (await evaluator.ask(workspace, scope, [question]))[question]
    if refusal("javascript"):
        skip_refused(found.error and found.error.message)
    return found


async def value(evaluator: Evaluator, source: str, scope: Mapping[str, Any], *, workspace: str = WORKSPACE) -> object:
    """The value of one expression, which must not fail."""
    found = await answer(evaluator, source, scope, workspace=workspace)
    assert found.error is None, found.error
    return found.value


async def resolve(evaluator: Evaluator, config: JsonValue, scope: Mapping[str, Any], warnings: list[str] | None = None) -> JsonValue:
    """A config with both lanes, as a run resolves it. Raises ExpressionError."""
    resolver = compile_config(config)
    questions = resolver.questions(scope)
    answers = await evaluator.ask(WORKSPACE, scope, questions) if questions else {}
    if questions and refusal("javascript"):
        first = next(iter(answers.values())).error
        skip_refused(first and first.message)
    return resolver(scope, [] if warnings is None else warnings, answers)


async def script(evaluator: Evaluator, source: str, scope: Mapping[str, Any], *, workspace: str = WORKSPACE) -> ScriptResult:
    """What a JavaScript script gives."""
    outcome = await evaluator.script(workspace, source, scope)
    if refusal("javascript"):
        skip_refused(outcome.error)
    return outcome


async def python(evaluator: Evaluator, source: str, scope: Mapping[str, Any], *, workspace: str = WORKSPACE) -> ScriptResult:
    """What a Python script gives."""
    outcome = await evaluator.python(workspace, source, scope)
    if refusal("python"):
        skip_refused(outcome.error)
    return outcome
