"""A node of a draft, by form: its name, its config as fields or as JSON, and its retries."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.forms.names import ACTION
from cargo_ai.console.forms.posted import posted_form
from cargo_ai.console.forms.texts import written
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.views.connection.account_fields import with_account_fields
from cargo_ai.console.views.connection.choices import offer
from cargo_ai.console.views.orchestration import node_config
from cargo_ai.console.views.orchestration.names import optional
from cargo_ai.console.views.orchestration.node_config import CONFIG, Config
from cargo_ai.console.views.orchestration.node_target import Choice, choices_of, chosen
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

WRITE = "orchestration:workflow:write"
_FOUND_WRONG = (400, 409, 422)


@dataclass(frozen=True, slots=True)
class Place:
    """A node, the draft that it is in, and the page of its tool or play."""

    row: JsonObject
    base: str
    nodes: list[JsonObject]
    node: JsonObject

    @property
    def slug(self) -> str:
        """The node's slug."""
        return self.node["slug"]


async def tool_node(request: PageRequest) -> Response:
    """A node of a tool's draft."""
    return await _node(request, await _in_tool(request))


async def play_node(request: PageRequest) -> Response:
    """A node of a play's draft."""
    return await _node(request, await _in_play(request))


async def tool_choices(request: PageRequest) -> Response:
    """What a field of a node of a tool's draft may hold."""
    return await _choices(request, await _in_tool(request))


async def play_choices(request: PageRequest) -> Response:
    """What a field of a node of a play's draft may hold."""
    return await _choices(request, await _in_play(request))


async def _in_tool(request: PageRequest) -> Place:
    row = (await request.call("orchestration.tool.get", {"uuid": request.path["uuid"]}))["tool"]
    return await _place(request, row, "/console/tools/")


async def _in_play(request: PageRequest) -> Place:
    row = (await request.call("orchestration.play.get", {"uuid": request.path["uuid"]}))["play"]
    return await _place(request, row, "/console/plays/")


async def _place(request: PageRequest, row: JsonObject, pages: str) -> Place:
    slug = request.query.get("node", "")
    release = (await request.call("orchestration.draftRelease.get", {"workflowUuid": row["workflowUuid"]}))["release"]
    nodes: list[JsonObject] = release["nodes"]
    node = next((node for node in nodes if node.get("slug") == slug), None)
    if node is None:
        raise Refusal(404, "nodeNotFound", f"The draft has no node {slug}.")
    return Place(row, pages + row["uuid"], nodes, node)


async def _choices(request: PageRequest, place: Place) -> Response:
    node = chosen(place.node, request)
    form = await node_config.form_of_node(request, node)
    if form is None:
        raise Refusal(404, "fieldNotFound", "The node's action has no such field.")
    connector = await _connector(request, node)
    form = await with_account_fields(request, form, posted_form(request.form), CONFIG, connector)
    return await offer(request, form, CONFIG, connector)


async def _connector(request: PageRequest, node: JsonObject) -> str | None:
    """The connector that carries the node out: the one it names, else the default one of its integration."""
    if node.get("kind") != "connector":
        return None
    if node.get("connectorUuid"):
        return str(node["connectorUuid"])
    fields = {"integrationSlug": node.get("integrationSlug")}
    rows: list[JsonObject] = (await optional(request, "connection.connector.list", fields)).get("connectors", [])
    default = next((row for row in rows if row["isDefault"]), None) or next(iter(sorted(rows, key=lambda row: row["uuid"])), None)
    return str(default["uuid"]) if default else None


async def _node(request: PageRequest, place: Place) -> Response:
    node = chosen(place.node, request)
    form, connector, choices = await asyncio.gather(
        node_config.form_of_node(request, node), _connector(request, node), choices_of(request, node)
    )
    if request.http.method != "POST":
        config = await node_config.stored(request, form, node, connector)
        asked = {"nodes": place.nodes, "workflowUuid": place.row["workflowUuid"]}
        validation = await optional(request, "orchestration.node.validate", asked)
        problems = node_config.problems_of(config, validation.get("invalidNodes") or [], place.slug)
        return _shown(request, place, config, choices, problems, head="This node cannot be deployed yet.")
    config = Config(form, {}, is_json=True, text=request.form.get("config", "{}"))
    try:
        config = await node_config.posted(request, form, node, connector)
        if ACTION in request.form:
            config = await node_config.turned(request, config, request.form[ACTION], connector)
            return _shown(request, place, config, choices, [])
        value = config.value()
        if config.errors:
            return _shown(request, place, config, choices, ["Some fields need another look."], status=422)
        await _save(request, place, node, value)
    except Refusal as refusal:
        if refusal.status not in _FOUND_WRONG:
            raise
        return _shown(request, place, config, choices, [refusal.message], status=refusal.status)
    notice = "Saved in the draft. Deploy it when it is complete."
    return request.redirect(f"{place.base}?release=draft&node={quote(place.slug)}", notice)


async def _save(request: PageRequest, place: Place, node: JsonObject, config: JsonObject) -> None:
    """Replace the node in the draft. Refusal for what is not JSON, and (409) where it was changed since the form was opened."""
    if request.form.get("state") != _state(place.node):
        raise Refusal(409, "conflict", "Someone changed this node since you opened the form. Copy what you wrote, and reload the page.")
    changed = {
        **node,
        "name": request.form.get("name", "").strip() or None,
        "description": request.form.get("description", "").strip() or None,
        "config": config,
        "retry": node_config.object_of(request.form.get("retry", ""), "retry") or None,
    }
    kept = {name: value for name, value in changed.items() if value is not None}
    replaced = [kept if other is place.node else other for other in place.nodes]
    await request.call("orchestration.draftRelease.update", {"workflowUuid": place.row["workflowUuid"], "nodes": replaced})


def _state(node: JsonObject) -> str:
    """What tells one state of a node from another."""
    return hashlib.sha256(json.dumps(node, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _shown(
    request: PageRequest, place: Place, config: Config, choices: list[Choice], problems: list[str], *, head: str = "", status: int = 200
) -> Response:
    row, node = place.row, place.node
    where = f"{place.base}/node"
    values: dict[str, Any] = {
        "row": row,
        "base": place.base,
        "node": node,
        "slug": place.slug,
        "state": request.form.get("state") or _state(node),
        "name": request.form.get("name", node.get("name") or ""),
        "description": request.form.get("description", node.get("description") or ""),
        "retry": request.form.get("retry") or written(node.get("retry") or {}),
        "config": config,
        "choices": choices,
        "config_base": written(config.base),
        "entry": config.entry(),
        "head": head if problems or config.errors else "",
        "problems": problems,
        "form_page": f"{where}?node={quote(place.slug)}",
        "form_choices": f"{where}/choices?node={quote(place.slug)}" if node.get("kind") == "connector" else "",
    }
    edited = line("orchestration draft-release update", {"workflowUuid": row["workflowUuid"], "nodes": "@nodes.json"})
    command = [
        f"{line('orchestration draft-release get', {'workflowUuid': row['workflowUuid'], 'jq': '.release.nodes'})} > nodes.json",
        edited,
    ]
    # htmx shows nothing of a page that is refused.
    status = 200 if request.is_fragment else status
    return request.render("orchestration/node_form.html", command=command, title=f"Change {place.slug}", status=status, **values)


PAGES = [
    page("/tools/{uuid}/node", tool_node, title="Change a node", section="Tools", permission=WRITE, methods=("GET", "POST")),
    page("/plays/{uuid}/node", play_node, title="Change a node", section="Plays", permission=WRITE, methods=("GET", "POST")),
    action("/tools/{uuid}/node/choices", tool_choices, title="Change a node", section="Tools", permission=WRITE),
    action("/plays/{uuid}/node/choices", play_choices, title="Change a node", section="Plays", permission=WRITE),
]
