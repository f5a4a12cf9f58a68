"""Parts of a release: what a new draft has, and how what is given is stored and shown again. Secrets in them are sealed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.contract.ai.message import CreateMessage
from cargo_ai.contract.ai.release import ReleaseParts
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.wire import JsonObject

HIDDEN = "***"
TEMPERATURE = 0.2
MAX_STEPS = 20
NAMES = (
    "actions",
    "mcpClients",
    "resources",
    "capabilities",
    "suggestedActions",
    "systemPrompt",
    "withReasoning",
    "temperature",
    "maxSteps",
    "integrationSlug",
    "connectorUuid",
    "languageModelSlug",
    "fallbackLanguageModels",
    "output",
    "heartbeat",
    "evaluator",
)
_SECRETS = ("accessToken", "refreshToken", "clientSecret")


def empty(integration_slug: str, language_model_slug: str) -> JsonObject:
    """The parts of a new agent's draft."""
    return {
        "actions": [],
        "mcpClients": [],
        "resources": [],
        "capabilities": [],
        "suggestedActions": [],
        "systemPrompt": "",
        "withReasoning": False,
        "temperature": TEMPERATURE,
        "maxSteps": MAX_STEPS,
        "integrationSlug": integration_slug,
        "connectorUuid": None,
        "languageModelSlug": language_model_slug,
        "fallbackLanguageModels": [],
        "output": None,
        "heartbeat": None,
        "evaluator": None,
    }


def given(request: ReleaseParts | CreateMessage, secrets: SecretKey, stored: Mapping[str, Any]) -> JsonObject:
    """The parts that a request gives. Null means the draft's own where a part cannot be null. `stored`: whose secrets `***` means."""
    wire, names = request.to_wire(), request.model_fields_set
    parts: JsonObject = {}
    for field, info in type(request).model_fields.items():
        name = str(info.alias)
        may_be_null = name in ("connectorUuid", "output", "heartbeat", "evaluator")
        if name in NAMES and field in names and (wire[name] is not None or may_be_null):
            parts[name] = wire[name]
    output = cast("JsonObject | None", parts.get("output"))
    if output is not None and output["type"] == "default":
        parts["output"] = None
    if "mcpClients" in parts:
        clients = cast("list[JsonObject]", stored.get("mcpClients", []))
        former = {str(client["name"]): cast("JsonObject", client.get("authentication") or {}) for client in clients}
        parts["mcpClients"] = [_sealed(client, secrets, former.get(client["name"], {})) for client in parts["mcpClients"]]
    return parts


def _sealed(client: JsonObject, secrets: SecretKey, former: Mapping[str, Any]) -> JsonObject:
    authentication = client.get("authentication")
    if not authentication:
        return client
    sealed = dict(authentication)
    for name in _SECRETS:
        value = sealed.get(name)
        if value == HIDDEN:
            sealed[name] = former.get(name)
        elif value:
            sealed[name] = base64.b64encode(secrets.seal(str(value).encode())).decode()
    return client | {"authentication": sealed}


def shown(parts: Mapping[str, Any]) -> JsonObject:
    """The parts as they may be shown."""
    return {**parts, "mcpClients": [_hidden(client) for client in parts.get("mcpClients", [])]}


def _hidden(client: JsonObject) -> JsonObject:
    authentication = client.get("authentication")
    if not authentication:
        return client
    return client | {"authentication": {name: HIDDEN if name in _SECRETS and value else value for name, value in authentication.items()}}
