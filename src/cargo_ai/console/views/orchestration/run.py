"""A run: its graph with the path that it takes, live; input and output of each node; why it is as it is; replay and cancel."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.formats import moment
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.pictures.graph import graph
from cargo_ai.console.views.orchestration.names import optional, owner_of
from cargo_ai.console.views.orchestration.run_log import lines_of
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import JsonObject

READ, WRITE = "orchestration:workflow:read", "orchestration:workflow:write"
FINAL = frozenset({"success", "error", "cancelled", "skipped"})
QUICK_SECONDS = 60
"""How long a run is looked at every second; an older one every five seconds."""


async def run(request: PageRequest) -> Response:
    """The run; for htmx only the node that was chosen, or what has changed."""
    uuid = request.path["uuid"]
    detail = await request.call("orchestration.run.get", {"uuid": uuid})
    row: JsonObject = detail["run"]
    slug = request.query.get("node", "")
    if request.target == "node":
        return request.render("orchestration/run.html", command=_commands(uuid, row), block="node", **await _node(request, detail, slug))
    diagram, explanation = await asyncio.gather(
        request.call("orchestration.node.diagram", {"runUuid": uuid, "format": "layout"}),
        optional(request, "orchestration.run.explain", {"uuid": uuid}),
    )
    values: dict[str, Any] = {
        "run": row,
        "is_final": row["status"] in FINAL,
        "delay": _delay(row),
        "picture": graph(
            diagram["layout"],
            lambda name: f"/console/runs/{uuid}?node={quote(name)}",
            selected=slug,
            about="Graph of the run",
            replaces=request.target == "live",
        ),
        "explanation": explanation.get("explanation"),
        "slug": slug,
        "credits": sum(execution["creditsUsedCount"] for execution in row["executions"]),
    }
    if request.target == "live":
        return request.render("orchestration/run.html", command="", block="live", **values)
    values |= {"owner": await owner_of(request, row["workflowUuid"]), "children": await _children(request, row), "text": diagram["diagram"]}
    values |= await _node(request, detail, slug)
    return request.render(
        "orchestration/run.html", command=_commands(uuid, row), title=row["recordTitle"] or row["recordId"] or "Run", **values
    )


def _delay(row: JsonObject) -> int:
    begun = moment(row["createdAt"])
    return 1 if begun is not None and (clock.now() - begun).total_seconds() < QUICK_SECONDS else 5


def _commands(uuid: str, row: JsonObject) -> list[str]:
    watch = [] if row["status"] in FINAL else [line("orchestration node diagram", {"runUuid": uuid, "watch": True})]
    return [line(f"orchestration run get {uuid}"), line(f"orchestration run explain {uuid}"), *watch]


async def _children(request: PageRequest, row: JsonObject) -> JsonObject:
    """The runs that this one has started, where it has a group or a tool that starts some."""
    if not any(execution["nodeBatchUuid"] or execution["nodeRunUuid"] for execution in row["executions"]) and not row["isGroupParent"]:
        return {}
    return await optional(request, "orchestration.run.list", {"parentUuid": row["uuid"], "limit": 20})


async def _node(request: PageRequest, detail: JsonObject, slug: str) -> dict[str, Any]:
    """What the run knows of one node: by default the one that failed, else none."""
    row: JsonObject = detail["run"]
    executions: list[JsonObject] = row["executions"]
    if not slug:
        slug = next((execution["nodeSlug"] for execution in reversed(executions) if execution["status"] == "error"), "")
    visits = [execution for execution in executions if execution["nodeSlug"] == slug]
    node = await _declared(request, row, slug) if slug else None
    before = next((execution for execution in reversed(executions) if visits and execution["nextNodeUuid"] == visits[-1]["nodeUuid"]), None)
    logged = await lines_of(request, row["uuid"], slug) if any(visit["hasLog"] for visit in visits) else {}
    context, configs = cast("JsonObject", detail["runContext"]), cast("JsonObject", detail["runComputedConfigs"])
    return {
        "slug": slug,
        "run": row,
        "is_final": row["status"] in FINAL,
        "node": node,
        "log": logged.get("log"),
        "visits": visits,
        "output": context.get(slug),
        "has_output": slug in context,
        "config": configs.get(slug),
        "input": context.get(before["nodeSlug"]) if before else None,
        "input_of": before["nodeSlug"] if before else "",
    }


async def _declared(request: PageRequest, row: JsonObject, slug: str) -> JsonObject | None:
    nodes: list[JsonObject] | None = row["nodes"]
    if nodes is None and row["releaseUuid"]:
        reply = await optional(request, "orchestration.release.get", {"uuid": row["releaseUuid"]}, "releaseNotFound")
        nodes = reply.get("release", {}).get("nodes")
    return next((node for node in nodes or [] if node.get("slug") == slug), None)


async def replay(request: PageRequest) -> Response:
    """Run it again from a node on."""
    fields = {"uuid": request.path["uuid"], "fromNode": request.form.get("fromNode", "")}
    reply = await request.call("orchestration.run.replay", fields)
    return request.redirect(f"/console/runs/{reply['run']['uuid']}", f"Replayed from {fields['fromNode']}.")


async def cancel(request: PageRequest) -> Response:
    """Stop it before its next node."""
    uuid = request.path["uuid"]
    await request.call("orchestration.run.cancel", {"workflowUuid": request.form.get("workflowUuid", ""), "uuids": [uuid]})
    return request.redirect(f"/console/runs/{uuid}", "It stops before its next node.")


PAGES = [
    page("/runs/{uuid}", run, title="Run", section="Runs", permission=READ),
    action("/runs/{uuid}/replay", replay, title="Replay", section="Runs", permission=WRITE),
    action("/runs/{uuid}/cancel", cancel, title="Cancel", section="Runs", permission=WRITE),
]
