"""Prompts: have a language model improve instructions, judge them, and write the JSON Schema of an answer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from cargo_ai.contract import operations
from cargo_ai.contract.ai import asking, fields
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import JsonObject, Wire

Instructions = Annotated[str, Field(min_length=1, max_length=100_000)]


class EvaluationCriterion(Wire):
    """One thing that was judged."""

    name: str
    passed: bool
    reason: str


class Evaluation(Wire):
    """A judgement by a language model. score: from 0 to 1; passed: whether it reaches the threshold."""

    score: float
    passed: bool
    criteria: list[EvaluationCriterion]
    summary: str


class OptimizePrompt(asking.AsksModel):
    """The prompt to improve."""

    prompt: Instructions = Field(description="The instructions as they are.")


class OptimizedReply(asking.Asked):
    """The improved prompt."""

    prompt: str


class EvaluatePrompt(asking.AsksModel):
    """The instructions of an agent, with what it may use."""

    prompt: Instructions = Field(description="The instructions.")
    actions: fields.Actions = Field(default_factory=list[fields.Action], description="The actions that it may use.")
    resources: fields.Resources = Field(default_factory=list[fields.Resource], description="What it may read.")
    capabilities: fields.Capabilities = Field(default_factory=list[fields.Capability], description="What the platform lets it do.")
    rubric: fields.Prompt | None = Field(default=None, description="What to judge it by; by default what makes good instructions.")
    threshold: Annotated[float, Field(ge=0, le=1)] = Field(default=0.7, description="The score from which it passes.")


class EvaluatedReply(asking.Asked):
    """The prompt with its evaluation, or what is wrong with what it names: one of the two."""

    prompt: str | None = None
    evaluation: Evaluation | None = None
    error_message: str | None = None

    @model_serializer(mode="wrap")
    def _one_of_both(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        shown: dict[str, Any] = handler(self)
        return {key: value for key, value in shown.items() if (key != "errorMessage") == (self.error_message is None)}


class GenerateJsonSchema(asking.AsksModel):
    """What the answers are to hold."""

    prompt: Instructions = Field(description="The answer in words: its fields, and what goes into them.")
    system_prompt: fields.Prompt | None = Field(default=None, description="The instructions of the agent that is to answer by the schema.")


class JsonSchemaReply(asking.Asked):
    """The JSON Schema of an object."""

    json_schema: JsonObject


optimize: Operation[OptimizePrompt, OptimizedReply, asking.Reason] = operations.add(
    Operation(
        "ai.prompt.optimize",
        "POST",
        "/ai/prompts/optimize",
        request=OptimizePrompt,
        response=OptimizedReply,
        summary="Have a language model improve instructions; nothing is stored.",
        permission="ai:agent:write",
        refusals=asking.REFUSALS,
        cli=Cli(examples=('cargo-ai ai prompt optimize --prompt "You find out who buys."',)),
    )
)

evaluate: Operation[EvaluatePrompt, EvaluatedReply, asking.Reason] = operations.add(
    Operation(
        "ai.prompt.evaluate",
        "POST",
        "/ai/prompts/evaluate",
        request=EvaluatePrompt,
        response=EvaluatedReply,
        summary="Have a language model judge instructions, and check what they may use.",
        permission="ai:agent:write",
        refusals=asking.REFUSALS,
        cli=Cli(examples=('cargo-ai ai prompt evaluate --prompt "You find out who buys." --threshold 0.8',)),
    )
)

generate_json_schema: Operation[GenerateJsonSchema, JsonSchemaReply, asking.Reason] = operations.add(
    Operation(
        "ai.prompt.generateJsonSchema",
        "POST",
        "/ai/prompts/generateJsonSchema",
        request=GenerateJsonSchema,
        response=JsonSchemaReply,
        summary="Have a language model write the JSON Schema of an answer.",
        permission="ai:agent:write",
        refusals=asking.REFUSALS,
        cli=Cli(examples=('cargo-ai ai prompt generate-json-schema --prompt "The tier, A to C, and the number of employees"',)),
    )
)
