"""Evaluate one expression outside of a workflow."""

from __future__ import annotations

from typing import Annotated, Any, Never

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from cargo_ai.contract import operations
from cargo_ai.contract.ai import asking
from cargo_ai.contract.storage.columns import Expression
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import JsonObject, Wire


class EvaluateExpression(Wire):
    """An expression and the variables that it reads."""

    expression: Expression = Field(description='The expression: {"kind":"templateExpression","expression":"{{nodes.start.email}}"}.')
    variables: JsonObject = Field(description='The variables that the expression reads: {"nodes":{"start":{"email":"ann@example.com"}}}.')


class Evaluation(Wire):
    """The value, or the error message: one of the two."""

    data: Any = Field(default=None, description="The value; absent when the evaluation failed.")
    error_message: str | None = None

    @model_serializer(mode="wrap")
    def _one_of_both(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        fields: dict[str, Any] = handler(self)
        return {key: value for key, value in fields.items() if (key == "data") == (self.error_message is None)}


class GenerateExpression(asking.AsksModel):
    """What the expression is to give, and the variables that it may read."""

    prompt: Annotated[str, Field(min_length=1, max_length=20_000)] = Field(description="What it gives, in words.")
    variables: JsonObject = Field(description='Sample variables, with which it is tried: {"nodes":{"start":{"email":"ann@example.com"}}}.')


class GeneratedExpression(asking.Asked):
    """The expression, with what it gave for the sample; or the error message, where none that works was found."""

    data: Expression | None = Field(default=None, description="The expression; absent when none was found.")
    result: Any = Field(default=None, description="What it gave for the sample.")
    error_message: str | None = None

    @model_serializer(mode="wrap")
    def _one_of_both(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        fields: dict[str, Any] = handler(self)
        return {key: value for key, value in fields.items() if (key != "errorMessage") == (self.error_message is None)}


evaluate: Operation[EvaluateExpression, Evaluation, Never] = operations.add(
    Operation(
        "expression.expression.evaluate",
        "POST",
        "/expression/expressions/evaluate",
        request=EvaluateExpression,
        response=Evaluation,
        summary="Evaluate an expression with given variables; nothing is stored.",
        permission="orchestration:read",
        reads=True,
        cli=Cli(
            words=("expression", "eval", "evaluate"),
            examples=(
                """cargo-ai expression eval evaluate --expression '{"kind": "jsExpression", "expression": "nodes.start.n * 2"}' """
                """--variables '{"nodes": {"start": {"n": 21}}}'""",
            ),
        ),
    )
)

generate: Operation[GenerateExpression, GeneratedExpression, asking.Reason] = operations.add(
    Operation(
        "expression.expression.generate",
        "POST",
        "/expression/expressions/generate",
        request=GenerateExpression,
        response=GeneratedExpression,
        summary="Have a language model write an expression, tried with a sample.",
        permission="orchestration:write",
        refusals=asking.REFUSALS,
        cli=Cli(
            words=("expression", "eval", "generate"),
            examples=(
                """cargo-ai expression eval generate --prompt "The domain of the e-mail address" """
                """--variables '{"nodes": {"start": {"email": "ann@example.com"}}}'""",
            ),
        ),
    )
)
