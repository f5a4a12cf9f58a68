"""A node of a draft, by form: its name, its config and its retries, beside what its action takes."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, page
from cargo_ai.console.views.orchestration.names import optional
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.wire import JsonObject

WRITE = "orchestration:workflow:write"


async def tool_node(request: PageRequest) -> Response:
    """A node of a tool's draft."""
    row = (await request.call("orchestration.tool.get", {"uuid": request.path["uuid"]}))["tool"]
    return await _node(request, row, "/console/tools/")


async def play_node(request: PageRequest) -> Response:
    """A node of a play's draft."""
    row = (await request.call("orchestration.play.get", {"uuid": request.path["uuid"]}))["play"]
    return await _node(request, row, "/console/plays/")


async def _node(request: PageRequest, row: JsonObject, pages: str) -> Response:
    slug, base = request.query.get("node", ""), pages + row["uuid"]
    release = (await request.call("orchestration.draftRelease.get", {"workflowUuid": row["workflowUuid"]}))["release"]
    nodes: list[JsonObject] = release["nodes"]
    node = next((node for node in nodes if node.get("slug") == slug), None)
    if node is None:
        raise Refusal(404, "nodeNotFound", f"The draft has no node {slug}.")
    if request.http.method == "POST":
        try:
            await _save(request, row["workflowUuid"], nodes, node)
            return request.redirect(f"{base}?release=draft&node={quote(slug)}", "Saved in the draft. Deploy it when it is complete.")
        except Refusal as refusal:
            if refusal.status not in (400, 409):
                raise
            return await _shown(request, row, base, node, refusal)
    return await _shown(request, row, base, node, None)


async def _save(request: PageRequest, workflow: str, nodes: list[JsonObject], node: JsonObject) -> None:
    """Replace the node in the draft. Refusal for what is no JSON, and (409) where it was changed since the form was opened."""
    if request.form.get("state") != _state(node):
        raise Refusal(409, "conflict", "Someone changed this node since you opened the form. Copy what you wrote, and reload the page.")
    changed = {
        **node,
        "name": request.form.get("name", "").strip() or None,
        "description": request.form.get("description", "").strip() or None,
        "config": _object(request.form.get("config", ""), "config"),
        "retry": _object(request.form.get("retry", ""), "retry") or None,
    }
    kept = {name: value for name, value in changed.items() if value is not None}
    replaced = [kept if other is node else other for other in nodes]
    await request.call("orchestration.draftRelease.update", {"workflowUuid": workflow, "nodes": replaced})


def _object(text: str, name: str) -> JsonObject:
    try:
        value: object = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise invalid_input([{"path": name, "message": f"is not valid JSON: {error}"}]) from None
    if not isinstance(value, dict):
        raise invalid_input([{"path": name, "message": 'must be a JSON object, such as {"domain": "{{nodes.start.domain}}"}'}])
    return cast("JsonObject", value)


def _state(node: JsonObject) -> str:
    """What tells one state of a node from another."""
    return hashlib.sha256(json.dumps(node, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:32]


async def _shown(request: PageRequest, row: JsonObject, base: str, node: JsonObject, refusal: Refusal | None) -> Response:
    def text(name: str) -> str:
        return request.form.get(name) or json.dumps(node.get(name) or {}, ensure_ascii=False, indent=2)

    values: dict[str, Any] = {
        "row": row,
        "base": base,
        "node": node,
        "slug": node["slug"],
        "state": request.form.get("state") or _state(node),
        "name": request.form.get("name", node.get("name") or ""),
        "description": request.form.get("description", node.get("description") or ""),
        "config": text("config"),
        "retry": text("retry"),
        "refusal": refusal,
        "inputs": await _inputs(request, node),
    }
    edited = line("orchestration draft-release update", {"workflowUuid": row["workflowUuid"], "nodes": "@nodes.json"})
    command = [
        f"{line('orchestration draft-release get', {'workflowUuid': row['workflowUuid'], 'jq': '.release.nodes'})} > nodes.json",
        edited,
    ]
    return request.render(
        "orchestration/node_form.html", command=command, title=f"Change {node['slug']}", status=refusal.status if refusal else 200, **values
    )


async def _inputs(request: PageRequest, node: JsonObject) -> list[JsonObject]:
    """What the node's action takes: name, type, whether it must be there, and what it is."""
    if node.get("kind") not in {"native", "connector"}:
        return []
    fields = {"query": node.get("actionSlug"), "kind": node["kind"], "integrationSlug": node.get("integrationSlug"), "limit": 50}
    found = (await optional(request, "orchestration.action.list", fields)).get("results", [])
    action = next((result for result in found if result["action"].get("actionSlug") == node.get("actionSlug")), None)
    if action is None:
        return []
    schema: JsonObject = action["inputs"]
    required = set(schema.get("required", ()))
    properties = cast("dict[str, JsonObject]", schema.get("properties") or {})
    return [
        {"name": name, "type": _type(field), "required": name in required, "about": field.get("description") or field.get("title") or ""}
        for name, field in list(properties.items())[:60]
    ]


def _type(field: JsonObject) -> str:
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"][:6])
    kind: object = field.get("type", "any")
    return " or ".join(map(str, cast("list[object]", kind))) if isinstance(kind, list) else str(kind)


PAGES = [
    page("/tools/{uuid}/node", tool_node, title="Change a node", section="Tools", permission=WRITE, methods=("GET", "POST")),
    page("/plays/{uuid}/node", play_node, title="Change a node", section="Plays", permission=WRITE, methods=("GET", "POST")),
]
