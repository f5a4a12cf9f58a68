"""What a node runs or through which account it calls, chosen by name: a tool, an agent or a connector; and what a tool or agent takes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.console.page import PageRequest
from cargo_ai.console.views.orchestration.names import optional
from cargo_ai.kernel.wire import JsonObject

MAX_OPTIONS = 1_000
MAX_INPUTS = 100
CHOSEN = ("toolUuid", "agentUuid", "connectorUuid", "releaseUuid", "waitUntilFinished")
"""The fields of a node that these choices set, as the form posts them."""
_WAITS = ("tool", "agent")
_READS = re.compile(r"nodes\.start\.([A-Za-z_][A-Za-z0-9_]{0,99})")
_TYPES = {"string": "string", "number": "number", "boolean": "boolean", "date": "string", "enum": "string"}

AGENT_INPUTS: JsonObject = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "title": "Prompt", "description": "What the agent is asked.", "maxLength": 200_000},
        "output": {
            "type": "object",
            "title": "Form of the answer",
            "properties": {
                "type": {
                    "type": "string",
                    "title": "Kind",
                    "oneOf": [
                        {"const": "default", "title": "as its release says"},
                        {"const": "text", "title": "text"},
                        {"const": "jsonSchema", "title": "JSON with a schema"},
                    ],
                },
                "jsonSchema": {"type": "object", "title": "Schema of the answer"},
            },
        },
    },
    "required": ["prompt"],
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of the node's form. `name`: the field of the node; `options`: values and what they are called."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str


def chosen(node: JsonObject, request: PageRequest) -> JsonObject:
    """The node with what was chosen in its form."""
    posted = {name: request.form[name] for name in CHOSEN if name in request.form}
    if not posted:
        return node
    for name in ("toolUuid", "agentUuid"):
        # A release is of one tool.
        if posted.get(name, node.get(name) or "") != (node.get(name) or "") and posted.get("releaseUuid") == node.get("releaseUuid"):
            posted["releaseUuid"] = ""
    changed: JsonObject = {**node, **{name: value.strip()[:100] or None for name, value in posted.items() if name != "waitUntilFinished"}}
    if "waitUntilFinished" in posted and (posted["waitUntilFinished"] == "true") is not (node.get("waitUntilFinished") is not False):
        changed["waitUntilFinished"] = posted["waitUntilFinished"] == "true"
    return changed


async def choices_of(request: PageRequest, node: JsonObject) -> list[Choice]:
    """What can be chosen for a node of its kind."""
    kind = node.get("kind")
    found: list[Choice] = []
    if kind == "tool" and not node.get("templateSlug"):
        rows = (await optional(request, "orchestration.tool.all", {})).get("tools", [])
        found.append(_choice(node, "toolUuid", "Tool", rows))
        workflow = next((row["workflowUuid"] for row in rows if row["uuid"] == node.get("toolUuid")), None)
        if workflow:
            found.append(_releases(node, await optional(request, "orchestration.release.list", {"workflowUuid": workflow, "limit": 50})))
    elif kind == "agent" and not node.get("templateSlug"):
        rows = (await optional(request, "ai.agent.all", {})).get("agents", [])
        found.append(_choice(node, "agentUuid", "Agent", rows))
        if node.get("agentUuid"):
            asked = {"agentUuid": node["agentUuid"], "limit": 50}
            found.append(_releases(node, await optional(request, "ai.release.list", asked, "agentNotFound")))
    elif kind == "connector":
        rows = (await optional(request, "connection.connector.list", {"integrationSlug": node.get("integrationSlug")})).get(
            "connectors", []
        )
        found.append(_choice(node, "connectorUuid", "Connector", rows, "the default one"))
    if kind in _WAITS:
        waits = "false" if node.get("waitUntilFinished") is False else "true"
        found.append(
            Choice("waitUntilFinished", "Waits for its result", [("true", "yes"), ("false", "no, the run goes on at once")], waits)
        )
    return found


def _choice(node: JsonObject, name: str, label: str, rows: Sequence[JsonObject], none: str = "–") -> Choice:
    options = sorted(((str(row["uuid"]), str(row["name"])) for row in rows), key=lambda option: option[1].casefold())[:MAX_OPTIONS]
    return _complete(name, label, [("", none), *options], str(node.get(name) or ""))


def _complete(name: str, label: str, options: list[tuple[str, str]], value: str) -> Choice:
    """What is stored stays a choice, also when it is gone."""
    if value and value not in {uuid for uuid, _ in options}:
        options.append((value, f"{value} (not found)"))
    return Choice(name, label, options, value)


def _releases(node: JsonObject, reply: JsonObject) -> Choice:
    rows: list[JsonObject] = reply.get("releases", [])
    named = [(str(row["uuid"]), str(row.get("version") or row["status"])) for row in rows if row["status"] != "draft"]
    return _complete("releaseUuid", "Release", [("", "the deployed one"), *named], str(node.get("releaseUuid") or ""))


async def inputs_of(request: PageRequest, node: JsonObject) -> JsonObject | None:
    """The JSON Schema of what the chosen tool or agent takes: the fields of the tool's form, and what its graph reads of its start. None
    where it cannot be known."""
    if node.get("kind") == "agent":
        return AGENT_INPUTS
    if not node.get("toolUuid"):
        return None
    tool = (await optional(request, "orchestration.tool.get", {"uuid": node["toolUuid"]}, "toolNotFound", "invalidInput")).get("tool")
    if tool is None:
        return None
    release = await _release(request, tool["workflowUuid"], node.get("releaseUuid"))
    if release is None:
        return None
    schema = _form_schema(release.get("formFields") or [])
    for name in list(dict.fromkeys(_READS.findall(json.dumps(release["nodes"]))))[:MAX_INPUTS]:
        schema["properties"].setdefault(name, {"title": name})
    return schema


async def _release(request: PageRequest, workflow: str, pinned: Any) -> JsonObject | None:
    if pinned:
        return (await optional(request, "orchestration.release.get", {"uuid": pinned}, "releaseNotFound", "invalidInput")).get("release")
    asked = {"workflowUuid": workflow, "statuses": ["deployed"], "limit": 1}
    rows: list[JsonObject] = (await optional(request, "orchestration.release.list", asked)).get("releases", [])
    return rows[0] if rows else None


def _form_schema(fields: Sequence[JsonObject]) -> JsonObject:
    return {
        "type": "object",
        "properties": {str(field["slug"]): _property(field) for field in fields[:MAX_INPUTS]},
        "required": [str(field["slug"]) for field in fields if field.get("isRequired")],
    }


def _property(field: JsonObject) -> JsonObject:
    kind = str(field.get("kind"))
    shape: JsonObject = {"title": field.get("name") or field["slug"], "description": field.get("description") or ""}
    if kind == "array":
        return shape | {"type": "array", "items": _form_schema(field.get("fields") or [])}
    if kind in _TYPES:
        shape["type"] = _TYPES[kind]
    if kind == "enum":
        shape["enum"] = list(field.get("enum") or [])
    return shape
