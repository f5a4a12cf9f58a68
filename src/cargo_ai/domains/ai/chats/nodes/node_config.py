"""Configs of nodes that ask a language model or agent: their forms, and the question that a config makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from cargo_ai.contract.ai import fields
from cargo_ai.contract.ai.message import MAXIMUM_TEXT
from cargo_ai.engine.graph.action import Call, InvalidConfig
from cargo_ai.kernel.wire import JsonObject

Json = Any
MODEL_ASK = "modelAsk"
_MODEL_PROMPT = (
    "You answer questions about the records of one table. Query it as often as you need, and answer from what it gives, not from what you "
    "know. Where the records do not hold the answer, say so."
)

OUTPUT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "answer": {"description": "Text, or what holds to the schema of `output`."},
        "chatUuid": {"type": "string"},
        "messageUuid": {"type": "string"},
    },
    "required": ["answer"],
}
_PROMPT: JsonObject = {"type": "string", "title": "Prompt", "description": "What the agent is asked."}
_OUTPUT: JsonObject = {
    "type": "object",
    "title": "Form of the answer",
    "properties": {"type": {"type": "string", "enum": ["default", "text", "jsonSchema"]}, "jsonSchema": {"type": "object"}},
    "required": ["type"],
}
_SETTINGS: JsonObject = {
    "type": "object",
    "properties": {
        "connectorUuid": {"type": ["string", "null"]},
        "integrationSlug": {"type": ["string", "null"]},
        "languageModelSlug": {"type": ["string", "null"]},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
        "maxSteps": {"type": ["integer", "null"], "minimum": 1, "maximum": 200},
        "systemPrompt": {"type": ["string", "null"]},
    },
}
AGENT_SCHEMA: JsonObject = {"type": "object", "properties": {"prompt": _PROMPT, "output": _OUTPUT}, "required": ["prompt"]}
INSTRUCT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "prompt": _PROMPT,
        "output": _OUTPUT,
        "actions": {"type": "array", "items": {"type": "object"}, "title": "Actions that may be used"},
        "resources": {"type": "array", "items": {"type": "object"}, "title": "Models and files that may be read"},
        "capabilities": {"type": "array", "items": {"type": "object"}, "title": "Capabilities"},
        "advancedSettings": _SETTINGS,
    },
    "required": ["prompt"],
}
MODEL_ASK_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "modelUuid": {"type": "string", "title": "Model", "description": "The model whose records the question is about."},
        "prompt": {"type": "string", "title": "Question", "description": "What is to be known of the records."},
        "filter": {"type": ["object", "null"], "title": "Filter", "description": "Only records that satisfy it."},
        "selectedColumnSlugs": {"type": ["array", "null"], "items": {"type": "string"}, "title": "Columns", "description": "Only these."},
        "output": _OUTPUT,
        "advancedSettings": _SETTINGS,
    },
    "required": ["modelUuid", "prompt"],
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a node asks: `given` is what holds for this answer alone."""

    text: str
    given: JsonObject


def read(call: Call) -> Asked:
    prompt = call.config.get("prompt")
    text = prompt if isinstance(prompt, str) else "" if prompt is None else str(prompt)
    if not text.strip():
        raise InvalidConfig("The config needs `prompt`: what the agent is asked.")
    if len(text) > MAXIMUM_TEXT:
        raise InvalidConfig(f"The prompt has {len(text):,} characters; at most {MAXIMUM_TEXT:,} go.")
    given: JsonObject = {}
    output = cast("Mapping[str, Json]", call.config.get("output") or {})
    if output.get("type") == "jsonSchema":
        if not isinstance(output.get("jsonSchema"), dict):
            raise InvalidConfig("`output.jsonSchema` is missing: give the JSON Schema of the answer.")
        given["output"] = {"type": "jsonSchema", "jsonSchema": output["jsonSchema"]}
    elif output.get("type") == "text":
        given["output"] = None
    settings = cast("Mapping[str, Json]", call.config.get("advancedSettings") or {})
    given |= {name: value for name, value in settings.items() if value is not None}
    for name, kind in _PARTS.items():
        if call.config.get(name):
            given[name] = _validated(name, kind, call.config[name])
    if call.node.get("kind") == "native" and call.node.get("actionSlug") == MODEL_ASK:
        given |= _about_model(call.config, given.get("systemPrompt"))
    return Asked(text, given)


_PARTS: Mapping[str, TypeAdapter[Any]] = {
    "actions": TypeAdapter(fields.Actions),
    "resources": TypeAdapter(fields.Resources),
    "capabilities": TypeAdapter(fields.Capabilities),
}


def _about_model(config: Mapping[str, Json], instructions: str | None) -> JsonObject:
    """The model as the only thing that may be read, without a way to change its records."""
    resource = {"kind": "model", "slug": "records", "isReadOnly": True}
    resource |= {name: config.get(name) for name in ("modelUuid", "filter", "selectedColumnSlugs") if config.get(name) is not None}
    prompt = f"{_MODEL_PROMPT}\n\n{instructions}" if instructions else _MODEL_PROMPT
    return {"resources": _validated("modelUuid", _PARTS["resources"], [resource]), "systemPrompt": prompt}


def _validated(name: str, kind: TypeAdapter[Any], value: Json) -> list[JsonObject]:
    try:
        return [entry.to_wire() for entry in kind.validate_python(value)]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidConfig(f"`{name}` cannot be used: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
