"""Batches: the list, and the page of one with its progress, its errors by cause, and what can be done about them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.views.orchestration.names import optional, owner_of, owners, workflow_options
from cargo_ai.kernel.wire import JsonObject

READ, WRITE = "orchestration:workflow:read", "orchestration:workflow:write"
LIMIT = 50
CAUSES = 10
"""How many causes of errors a batch shows."""
FINAL = frozenset({"success", "error", "cancelled", "skipped"})
STATUSES = ("pending", "syncing", "querying", "running", "success", "error", "cancelling", "cancelled", "skipped")


async def batches(request: PageRequest) -> Response:
    """The batches that match, newest first."""
    workflow, status = request.query.get("workflowUuid", "").strip(), request.query.get("status", "")
    offset = int(text) if (text := request.query.get("offset", "0")).isdecimal() and len(text) < 10 else 0
    filters: dict[str, object] = {"workflowUuids": [workflow] if workflow else None, "statuses": [status] if status in STATUSES else None}
    rows = (await request.call("orchestration.batch.list", {**filters, "limit": LIMIT, "offset": offset}))["batches"]
    known = await owners(request)

    def at(place: int) -> str:
        kept = {name: value for name, value in request.query.items() if value and name != "offset"}
        return f"/console/batches?{urlencode({**kept, 'offset': place})}"

    return request.render(
        "orchestration/batches.html",
        command=line("orchestration batch list", {**filters, "limit": LIMIT, "offset": offset or None}),
        batches=rows,
        owners=known,
        workflows=workflow_options(known, workflow),
        statuses=STATUSES,
        newer=at(max(0, offset - LIMIT)) if offset else "",
        older=at(offset + LIMIT) if len(rows) == LIMIT else "",
    )


async def batch(request: PageRequest) -> Response:
    """One batch; for htmx only how far it is, what went wrong, or how each node went."""
    uuid = request.path["uuid"]
    row: JsonObject = (await request.call("orchestration.batch.get", {"uuid": uuid}))["batch"]
    values: dict[str, Any] = {"batch": row, "is_final": row["status"] in FINAL, "parts": _parts(row)}
    if request.target in _PARTS:
        values |= await _PARTS[request.target](request, row)
        return request.render("orchestration/batch.html", command="", block=request.target, **values)
    causes, metrics, runs, owner = await asyncio.gather(
        request.soon(_causes(request, row)),
        request.soon(_metrics(request, row)),
        optional(request, "orchestration.run.list", {"batchUuid": uuid, "limit": 20}),
        owner_of(request, row["workflowUuid"]),
    )
    values |= causes or {"errors": None, "more_errors": 0}
    values |= metrics or {"metrics": None}
    values |= {"runs": runs.get("runs", []), "owner": owner}
    command = [
        line(f"orchestration batch get {uuid}"),
        line("orchestration run get-errors", {"workflowUuid": row["workflowUuid"], "batchUuid": uuid}),
    ]
    if not values["is_final"]:
        command.append(line("orchestration run tail", {"batchUuid": uuid}))
    return request.render("orchestration/batch.html", command=command, **values)


def _parts(row: JsonObject) -> list[tuple[int, str, str]]:
    """How far it is, for the bar: counts with their tones."""
    ended, failed, skipped = row["executedRunsCount"], row["failedRunsCount"], row["skippedRunsCount"]
    return [(ended - failed, "good", "succeeded"), (failed, "bad", "failed"), (skipped, "off", "skipped")]


async def _progress(_request: PageRequest, _row: JsonObject) -> dict[str, Any]:
    return {}


async def _causes(request: PageRequest, row: JsonObject) -> dict[str, Any]:
    """Its most frequent errors by cause, each with what explains the newest of them; and how many more causes there are."""
    if not row["failedRunsCount"]:
        return {"errors": [], "more_errors": 0}
    fields = {"workflowUuid": row["workflowUuid"], "batchUuid": row["uuid"], "limit": CAUSES}
    reply = await optional(request, "orchestration.run.getErrors", fields, "workflowNotFound")
    groups: list[JsonObject] = reply.get("runErrors", [])
    explained = await asyncio.gather(
        *(optional(request, "orchestration.run.explain", {"uuid": group["runUuid"]}, "runNotFound") for group in groups[:5])
    )
    explanations = [reply.get("explanation") for reply in explained] + [None] * len(groups)
    # A replay takes all that failed at a node, whatever the message was: one button for each node.
    firsts: dict[tuple[object, bool], str] = {}
    for group in groups:
        firsts.setdefault((group["nodeSlug"], group["reason"] == "outcomeUnknown"), group["runUuid"])
    shown = [
        {**group, "explanation": explanation, "isReplayable": bool(group["nodeSlug"]) and group["runUuid"] in firsts.values()}
        for group, explanation in zip(groups, explanations, strict=False)
    ]
    return {"errors": shown, "more_errors": max(int(reply.get("count", 0)) - len(groups), 0)}


async def _metrics(request: PageRequest, row: JsonObject) -> dict[str, Any]:
    """How each node went, in the order of the graph."""
    fields = {"workflowUuid": row["workflowUuid"], "batchUuid": row["uuid"]}
    metrics, nodes = await asyncio.gather(
        optional(request, "orchestration.run.getMetrics", fields, "workflowNotFound"), _nodes(request, row)
    )
    return {"metrics": _by_node(metrics.get("runMetrics", []), nodes)}


_PARTS: Mapping[str, Callable[[PageRequest, JsonObject], Awaitable[dict[str, Any]]]] = {
    "progress": _progress,
    "causes": _causes,
    "metrics": _metrics,
}
"""The parts for which htmx asks: the blocks of the template, and what they show."""


async def _nodes(request: PageRequest, row: JsonObject) -> list[JsonObject]:
    if row["nodes"] is not None:
        return row["nodes"]
    if not row["releaseUuid"]:
        return []
    reply = await optional(request, "orchestration.release.get", {"uuid": row["releaseUuid"]}, "releaseNotFound")
    return reply.get("release", {}).get("nodes", [])


def _by_node(metrics: list[JsonObject], nodes: list[JsonObject]) -> list[JsonObject]:
    """The metrics in the order of the graph, with the names of their nodes."""
    counted = {metric["nodeUuid"]: metric for metric in metrics}
    return [
        {**counted[node["uuid"]], "slug": node["slug"], "name": node.get("name") or node["slug"]}
        for node in nodes
        if node["uuid"] in counted
    ]


async def replay(request: PageRequest) -> Response:
    """Run the failed runs of a batch again, from the node at which they failed."""
    fields: dict[str, object] = {"uuid": request.path["uuid"], "fromNode": request.form.get("fromNode", ""), "statuses": ["error"]}
    if request.form.get("repeatUnknown") == "true":
        fields["repeatUnknown"] = True
    made = (await request.call("orchestration.batch.replay", fields))["batch"]
    return request.redirect(f"/console/batches/{made['uuid']}", f"The failed runs are replayed from {fields['fromNode']}.")


async def cancel(request: PageRequest) -> Response:
    """Stop a batch."""
    uuid = request.path["uuid"]
    await request.call("orchestration.batch.cancel", {"uuid": uuid})
    return request.redirect(f"/console/batches/{uuid}", "It is cancelled: each run stops before its next node.")


async def resume(request: PageRequest) -> Response:
    """Let a batch go on that a limit stopped."""
    uuid = request.path["uuid"]
    await request.call("orchestration.batch.resume", {"uuid": uuid})
    return request.redirect(f"/console/batches/{uuid}", "It goes on.")


PAGES = [
    page("/batches", batches, title="Batches", section="Batches", permission=READ),
    page("/batches/{uuid}", batch, title="Batch", section="Batches", permission=READ),
    action("/batches/{uuid}/replay", replay, title="Replay", section="Batches", permission=WRITE),
    action("/batches/{uuid}/cancel", cancel, title="Cancel", section="Batches", permission=WRITE),
    action("/batches/{uuid}/resume", resume, title="Resume", section="Batches", permission=WRITE),
]
