"""Runs: the list with its filters, and what is done to many of them."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from cargo_ai.console.commands import run_list
from cargo_ai.console.page import PageRequest, page
from cargo_ai.console.views.orchestration.names import owners, workflow_options

LIMIT = 50
READ = "orchestration:workflow:read"
STATUSES = ("running", "idle", "pending", "success", "error", "cancelling", "cancelled", "skipped")
UNFINISHED = "unfinished"
FILTERS = ("workflowUuid", "batchUuid", "parentUuid", "recordId", "recordTitleOrId", "createdAfter", "createdBefore")


async def runs(request: PageRequest) -> Response:
    """The runs that match, newest first."""
    filters: dict[str, object] = {name: value for name in FILTERS if (value := request.query.get(name, "").strip())}
    status = request.query.get("status", "")
    if status in STATUSES:
        filters["statuses"] = [status]
    elif status == UNFINISHED:
        filters["isFinished"] = False
    after = request.query.get("after")
    reply = await request.call("orchestration.run.list", {**filters, "limit": LIMIT, "after": after or None})
    rows = reply["runs"]
    kept = {name: value for name, value in request.query.items() if value and name != "after"}
    known = await owners(request)
    return request.render(
        "orchestration/runs.html",
        command=run_list({**filters, "limit": LIMIT, "after": after}),
        runs=rows,
        owners=known,
        workflows=workflow_options(known, request.query.get("workflowUuid", "")),
        count=None if after else reply["count"],
        older=f"/console/runs?{urlencode({**kept, 'after': rows[-1]['uuid']})}" if len(rows) == LIMIT else "",
        newest=f"/console/runs?{urlencode(kept)}" if after else "",
        statuses=(UNFINISHED, *STATUSES),
    )


PAGES = [page("/runs", runs, title="Runs", section="Runs", permission=READ)]
