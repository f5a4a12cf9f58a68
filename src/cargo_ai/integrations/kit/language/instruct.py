"""The action `instruct`: one question to a language model, answered in words or as JSON that holds to a schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from cargo_ai.engine.graph.action import Done, Failed, InvalidConfig, Outcome
from cargo_ai.integrations.kit.forms import Form, ui, widget
from cargo_ai.integrations.kit.language.models import LanguageModels, Protocol
from cargo_ai.integrations.kit.request import ActionRequest, ConnectorAction, connector_action
from cargo_ai.kernel.schemas.json_schema import NoSchema, faults, validator_of

Json = Any
SECONDS = 300.0
"""How long an answer may take: long ones are written for minutes."""
MAX_TOKENS = 4_096
"""What Anthropic needs to know, where the user has not said it."""
ANSWER = "answer"


class AnswerForm(Form):
    """In words, or as JSON."""

    type: Literal["text", "jsonSchema"] = "text"
    json_schema: dict[str, Json] | None = None


class Instruct(Form):
    """What to ask, and whom."""

    model: Annotated[str, Field(min_length=1, max_length=200, title="Model", json_schema_extra=widget("languageModels"))]
    prompt: Annotated[str, Field(min_length=1, title="Prompt", json_schema_extra=ui(widget="textarea"))]
    system_prompt: Annotated[str, Field(title="Instructions")] = ""
    temperature: Annotated[float | None, Field(ge=0, le=2, title="Temperature")] = None
    max_tokens: Annotated[int | None, Field(ge=1, le=1_000_000, title="Tokens of the answer at most")] = None
    output: Annotated[AnswerForm, Field(title="Form of the answer")] = AnswerForm()


def instruct(models: LanguageModels, vendor: str) -> ConnectorAction:
    """The action for a service with these models."""

    async def perform(request: ActionRequest) -> Outcome:
        form = request.form(Instruct)
        schema = form.output.json_schema if form.output.type == "jsonSchema" else None
        if form.output.type == "jsonSchema":
            _check(schema)
        protocol, path = models.asked_by(request.connector_config)
        write, read = _WIRES[protocol]
        body = write(form, schema)
        # Asking again costs tokens and changes nothing.
        answer = await request.service.call("POST", path, json=body, reads=True, timeout=SECONDS)
        text, usage = read(answer.body)
        output: dict[str, Json] = {"usage": usage, "model": form.model}
        if schema is None:
            return Done({ANSWER: text, **output}, text[:80]) if text else Failed(f"{vendor} gave no answer.", reason="noAnswer")
        value, problem = _holding_to(text, schema)
        if problem is not None:
            return Failed(f"The answer does not match the schema: {problem}", reason="invalidOutput", transient=True)
        return Done({ANSWER: value, **output}, text[:80])

    return connector_action(
        Instruct,
        slug="instruct",
        name="Ask a language model",
        description=f"Asks a language model of {vendor} and gives its answer, in words or as JSON that holds to a schema.",
        hint="reads",
        idempotency="reads",
        output_schema={
            "type": "object",
            "properties": {
                ANSWER: {"description": "Text, or what holds to the schema."},
                "model": {"type": "string"},
                "usage": {
                    "type": "object",
                    "properties": {"inputTokens": {"type": "integer"}, "outputTokens": {"type": "integer"}},
                    "required": ["inputTokens", "outputTokens"],
                },
            },
            "required": [ANSWER, "model", "usage"],
        },
        perform=perform,
    )


def _check(schema: Mapping[str, Json] | None) -> None:
    if schema is None:
        raise InvalidConfig("`output.jsonSchema` is missing: give the JSON Schema of the answer.")
    try:
        validator_of(schema)
    except NoSchema as error:
        raise InvalidConfig(f"`output.jsonSchema` is not a JSON Schema: {error}") from None


def _to_openai(form: Instruct, schema: Mapping[str, Json] | None) -> dict[str, Json]:
    messages = [{"role": "system", "content": form.system_prompt}] if form.system_prompt else []
    body: dict[str, Json] = {"model": form.model, "messages": [*messages, {"role": "user", "content": form.prompt}]}
    if form.temperature is not None:
        body["temperature"] = form.temperature
    if form.max_tokens is not None:
        body["max_tokens"] = form.max_tokens
    if schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": ANSWER, "schema": schema}}
    return body


def _from_openai(body: Json) -> tuple[str, dict[str, int]]:
    reply = cast("dict[str, Json]", body) if isinstance(body, dict) else {}
    choices = cast("list[dict[str, Json]]", reply.get("choices") or [{}])
    message = cast("dict[str, Json]", choices[0].get("message") or {})
    usage = cast("dict[str, Json]", reply.get("usage") or {})
    return str(message.get("content") or ""), _usage(usage.get("prompt_tokens"), usage.get("completion_tokens"))


def _to_anthropic(form: Instruct, schema: Mapping[str, Json] | None) -> dict[str, Json]:
    body: dict[str, Json] = {
        "model": form.model,
        "max_tokens": form.max_tokens or MAX_TOKENS,
        "messages": [{"role": "user", "content": form.prompt}],
    }
    if form.system_prompt:
        body["system"] = form.system_prompt
    if form.temperature is not None:
        body["temperature"] = form.temperature
    if schema is not None:
        # A tool that it has to call is how its models answer in a form.
        body["tools"] = [{"name": ANSWER, "description": "Give the answer.", "input_schema": schema}]
        body["tool_choice"] = {"type": "tool", "name": ANSWER}
    return body


def _from_anthropic(body: Json) -> tuple[str, dict[str, int]]:
    reply = cast("dict[str, Json]", body) if isinstance(body, dict) else {}
    usage = cast("dict[str, Json]", reply.get("usage") or {})
    texts: list[str] = []
    for part in cast("list[dict[str, Json]]", reply.get("content") or []):
        if part.get("type") == "tool_use":
            texts = [json.dumps(part.get("input"), ensure_ascii=False)]
            break
        texts.append(str(part.get("text") or ""))
    return "".join(texts), _usage(usage.get("input_tokens"), usage.get("output_tokens"))


def _to_responses(form: Instruct, schema: Mapping[str, Json] | None) -> dict[str, Json]:
    body: dict[str, Json] = {"model": form.model, "input": [{"role": "user", "content": form.prompt}], "store": False}
    if form.system_prompt:
        body["instructions"] = form.system_prompt
    if form.temperature is not None:
        body["temperature"] = form.temperature
    if form.max_tokens is not None:
        body["max_output_tokens"] = form.max_tokens
    if schema is not None:
        body["text"] = {"format": {"type": "json_schema", "name": ANSWER, "schema": schema}}
    return body


def _from_responses(body: Json) -> tuple[str, dict[str, int]]:
    reply = cast("dict[str, Json]", body) if isinstance(body, dict) else {}
    items = cast("list[dict[str, Json]]", reply.get("output") or [])
    parts = [part for item in items if item.get("type") == "message" for part in cast("list[dict[str, Json]]", item.get("content") or [])]
    usage = cast("dict[str, Json]", reply.get("usage") or {})
    texts = [str(part.get("text") or "") for part in parts if part.get("type") == "output_text"]
    return "".join(texts), _usage(usage.get("input_tokens"), usage.get("output_tokens"))


def _usage(sent: Json, received: Json) -> dict[str, int]:
    return {"inputTokens": int(sent or 0), "outputTokens": int(received or 0)}


_Write = Callable[[Instruct, Mapping[str, Json] | None], dict[str, Json]]
_Read = Callable[[Json], tuple[str, dict[str, int]]]
_WIRES: Mapping[Protocol, tuple[_Write, _Read]] = {
    "openai": (_to_openai, _from_openai),
    "responses": (_to_responses, _from_responses),
    "anthropic": (_to_anthropic, _from_anthropic),
}


def _holding_to(text: str, schema: Mapping[str, Json]) -> tuple[Json, str | None]:
    """The JSON of an answer, and what is wrong with it."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None, "it is not JSON"
    return value, next(iter(faults(schema, value, 1)), None)
