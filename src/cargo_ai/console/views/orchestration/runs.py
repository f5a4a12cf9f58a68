"""Runs: the list with its filters."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, page

LIMIT = 50
STATUSES = ("running", "idle", "pending", "success", "error", "cancelled")
FILTERS = ("workflowUuid", "batchUuid", "parentUuid", "recordTitleOrId", "createdAfter", "createdBefore")


async def runs(request: PageRequest) -> Response:
    """The runs that match, newest first."""
    filters: dict[str, object] = {name: value for name in FILTERS if (value := request.query.get(name, "").strip())}
    status = request.query.get("status", "")
    if status in STATUSES:
        filters["statuses"] = [status]
    after = request.query.get("after")
    reply = await request.call("orchestration.run.list", {**filters, "limit": LIMIT, "after": after or None})
    rows = reply["runs"]
    kept = {name: value for name, value in request.query.items() if value and name != "after"}
    older = f"/console/runs?{urlencode({**kept, 'after': rows[-1]['uuid']})}" if len(rows) == LIMIT else ""
    return request.render(
        "orchestration/runs.html",
        command=line("orchestration run list", {**filters, "limit": LIMIT}),
        runs=rows,
        count=None if after else reply["count"],
        older=older,
        newest=f"/console/runs?{urlencode(kept)}" if after else "",
        statuses=STATUSES,
    )


PAGES = [page("/runs", runs, title="Runs", section="Runs", permission="orchestration:workflow:read")]
