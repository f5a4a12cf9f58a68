"""Tools and plays: their lists, and the page of one with its graph, its releases and what it has run lately."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from urllib.parse import quote

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.pictures.graph import graph
from cargo_ai.console.views.orchestration.names import optional
from cargo_ai.kernel.wire import JsonObject

READ, WRITE = "orchestration:workflow:read", "orchestration:workflow:write"
SHOWN = 200
"""Rows of a list; the filter finds the others."""
Kind = Literal["tool", "play"]


async def tools(request: PageRequest) -> Response:
    """The tools of the workspace."""
    reply = await request.call("orchestration.tool.all")
    return await _list(request, "tool", reply["tools"], "orchestration tool list")


async def plays(request: PageRequest) -> Response:
    """The plays of the workspace."""
    reply = await request.call("orchestration.play.list")
    return await _list(request, "play", reply["plays"], "orchestration play list")


async def _list(request: PageRequest, kind: Kind, rows: list[JsonObject], words: str) -> Response:
    typed = request.query.get("name", "").strip().casefold()
    matching = [row for row in rows if typed in row["name"].casefold()]
    workflows = await request.soon(optional(request, "orchestration.workflow.all", {}))
    last = None if workflows is None else {workflow["uuid"]: workflow for workflow in workflows.get("workflows", [])}
    values: dict[str, Any] = {"rows": matching[:SHOWN], "count": len(matching), "kind": kind, "last": last, "has_any": bool(rows)}
    block = "listed" if request.target == "listed" else "content"
    return request.render("orchestration/workflows.html", block=block, command=line(words), **values)


async def tool(request: PageRequest) -> Response:
    """One tool."""
    row = (await request.call("orchestration.tool.get", {"uuid": request.path["uuid"]}))["tool"]
    return await _workflow(request, "tool", row)


async def play(request: PageRequest) -> Response:
    """One play."""
    row = (await request.call("orchestration.play.get", {"uuid": request.path["uuid"]}))["play"]
    return await _workflow(request, "play", row)


async def _workflow(request: PageRequest, kind: Kind, row: JsonObject) -> Response:
    workflow, base = row["workflowUuid"], f"/console/{kind}s/{row['uuid']}"
    releases = (await request.call("orchestration.release.list", {"workflowUuid": workflow, "limit": 20}))["releases"]
    release = _chosen(request, releases)
    if release is None:
        release = (await request.call("orchestration.draftRelease.get", {"workflowUuid": workflow}))["release"]
    slug, which = request.query.get("node", ""), request.query.get("release", "")
    nodes: list[JsonObject] = release["nodes"]
    values: dict[str, Any] = {
        "row": row,
        "kind": kind,
        "base": base,
        "release": release,
        "slug": slug,
        "node": next((node for node in nodes if node.get("slug") == slug), None),
        "is_draft": _is_draft(release),
    }
    if request.target == "node":
        return request.render("orchestration/workflow.html", command="", block="node", **values)
    diagram, runs, batches, validation = await asyncio.gather(
        request.call("orchestration.node.diagram", {"nodes": nodes, "format": "layout"}) if nodes else _nothing(),
        optional(request, "orchestration.run.list", {"workflowUuid": workflow, "limit": 10}),
        optional(request, "orchestration.batch.list", {"workflowUuids": [workflow], "limit": 5}),
        request.call("orchestration.node.validate", {"nodes": nodes, "workflowUuid": workflow})
        if _is_draft(release) and nodes
        else _nothing(),
    )
    kept = f"release={quote(which)}&" if which else ""
    values |= {
        "picture": graph(diagram["layout"], lambda name: f"{base}?{kept}node={quote(name)}", selected=slug) if diagram else None,
        "text": diagram.get("diagram", ""),
        "releases": releases,
        "runs": runs.get("runs", []),
        "batches": batches.get("batches", []),
        "validation": validation,
        "nodes": nodes,
    }
    shown = line("orchestration node diagram", {"workflowUuid": workflow, "draft": _is_draft(release), "format": "ascii", "raw": True})
    command = [line(f"orchestration {kind} get {row['uuid']}"), shown]
    return request.render("orchestration/workflow.html", command=command, title=row["name"], **values)


def _is_draft(release: JsonObject) -> bool:
    return release["status"] == "draft"


def _chosen(request: PageRequest, releases: list[JsonObject]) -> JsonObject | None:
    """The release of the query, else the deployed one; None for the draft."""
    wanted = request.query.get("release", "deployed")
    return next((release for release in releases if wanted in {release["uuid"], release["status"]}), None)


async def _nothing() -> JsonObject:
    return {}


async def deploy(request: PageRequest) -> Response:
    """Make the draft live."""
    reply = await request.call("orchestration.draftRelease.deploy", {"workflowUuid": request.form.get("workflowUuid", "")})
    return request.redirect(_back(request), f"Release {reply['release']['version']} is deployed.")


async def rollback(request: PageRequest) -> Response:
    """Make an earlier release live again."""
    reply = await request.call("orchestration.release.rollback", {"uuid": request.form.get("releaseUuid", "")})
    return request.redirect(_back(request), f"Release {reply['release']['version']} is deployed.")


async def enable(request: PageRequest) -> Response:
    """Switch a play on or off."""
    is_enabled = request.form.get("isEnabled") == "true"
    await request.call("orchestration.play.update", {"uuid": request.path["uuid"], "isEnabled": is_enabled})
    return request.redirect(_back(request), "It is on." if is_enabled else "It is off.")


def _back(request: PageRequest) -> str:
    kind = "plays" if request.http.url.path.startswith("/console/plays/") else "tools"
    return f"/console/{kind}/{quote(request.path['uuid'])}"


PAGES = [
    page("/tools", tools, title="Tools", section="Tools", permission=READ),
    page("/tools/{uuid}", tool, title="Tool", section="Tools", permission=READ),
    page("/plays", plays, title="Plays", section="Plays", permission=READ),
    page("/plays/{uuid}", play, title="Play", section="Plays", permission=READ),
    action("/tools/{uuid}/deploy", deploy, title="Deploy", section="Tools", permission=WRITE),
    action("/plays/{uuid}/deploy", deploy, title="Deploy", section="Plays", permission=WRITE),
    action("/tools/{uuid}/rollback", rollback, title="Roll back", section="Tools", permission=WRITE),
    action("/plays/{uuid}/rollback", rollback, title="Roll back", section="Plays", permission=WRITE),
    action("/plays/{uuid}/enable", enable, title="Switch", section="Plays", permission=WRITE),
]
