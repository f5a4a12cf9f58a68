"""Audit log: every write, with filters, and as a file."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, page

LIMIT = 50
FILTERS = ("operation", "userUuid", "tokenUuid", "targetUuid", "outcome", "createdAfter", "createdBefore")
FORMATS = ("csv", "json", "ndjson", "parquet")
_WRITE = "workspaceManagement:write"


async def audit(request: PageRequest) -> Response:
    """The entries that match, newest first."""
    filters = _filters(request)
    offset = _number(request.query.get("offset", ""))
    entries = (await request.call("workspaceManagement.audit.list", {**filters, "limit": LIMIT, "offset": offset}))["entries"]
    users = (await request.call("workspaceManagement.user.all"))["users"]
    return request.render(
        "workspace/audit.html",
        command=[line("workspace audit list", {**filters, "limit": LIMIT}), line("workspace audit download", filters)],
        entries=entries,
        users=[(user["uuid"], user["email"]) for user in users],
        formats=FORMATS,
        filters=urlencode(filters),
        newer=f"/console/audit?{urlencode({**filters, 'offset': max(offset - LIMIT, 0)})}" if offset else "",
        older=f"/console/audit?{urlencode({**filters, 'offset': offset + LIMIT})}" if len(entries) == LIMIT else "",
    )


async def download(request: PageRequest) -> Response:
    """The entries that match, as a file."""
    chosen = request.query.get("format", "csv")
    reply = await request.call("workspaceManagement.audit.download", {**_filters(request), "format": chosen})
    return RedirectResponse(str(reply["url"]), 303)


def _filters(request: PageRequest) -> dict[str, str]:
    return {name: value for name in FILTERS if (value := request.query.get(name, "").strip())}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


PAGES = [
    page("/audit", audit, title="Audit log", section="Audit log", permission=_WRITE),
    page("/audit/download", download, title="Audit log", section="Audit log", permission=_WRITE),
]
