"""The log of a run: what the code of its nodes printed, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, page

LINES = 200
"""How many lines a page shows: ten thousand at once would freeze it."""
_LONGEST = 2_000
"""Characters of a line that are shown."""


async def run_log(request: PageRequest) -> Response:
    """Lines of a run, or of one node of it; for htmx only those."""
    uuid, slug = request.path["uuid"], request.query.get("node", "")[:200]
    written = request.query.get("offset", "0")
    values = await lines_of(request, uuid, slug, int(written) if written.isdecimal() and len(written) < 8 else 0)
    command = line(f"orchestration run get-log {uuid}", {"nodeSlug": slug, "limit": LINES, "offset": values["log"]["offset"] or None})
    return request.render("orchestration/run_log.html", command=command, block="log", **values)


async def lines_of(request: PageRequest, uuid: str, slug: str, offset: int = 0) -> dict[str, Any]:
    """One page of lines from an offset on, with the addresses of the pages beside it."""
    fields = {"uuid": uuid, "nodeSlug": slug or None, "limit": LINES, "offset": offset}
    reply = await request.call("orchestration.run.getLog", fields)

    def at(place: int) -> str:
        return f"/console/runs/{uuid}/log?{urlencode({'node': slug, 'offset': place})}"

    count: int = reply["count"]
    last = max(count - 1, 0) // LINES * LINES
    return {
        "log": {
            "uuid": uuid,
            "slug": slug,
            "offset": offset,
            "count": count,
            "until": offset + len(reply["lines"]),
            "text": "\n".join(_shown(entry["text"]) for entry in reply["lines"]),
            "before": at(max(offset - LINES, 0)) if offset else "",
            "after": at(offset + LINES) if offset + LINES < count else "",
            "last": at(last) if offset < last else "",
        }
    }


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"


PAGES = [page("/runs/{uuid}/log", run_log, title="Log of a run", section="Runs", permission="orchestration:workflow:read")]
