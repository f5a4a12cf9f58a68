"""Queue: what waits and why, and the workers that serve it."""

from __future__ import annotations

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, page
from cargo_ai.kernel.wire import JsonObject

_PAGES = (
    ("runUuid", "/console/runs/"),
    ("batchUuid", "/console/batches/"),
    ("connectorUuid", "/console/connectors/"),
    ("modelUuid", "/console/models/"),
)


async def queue(request: PageRequest) -> Response:
    """The queue as it is now; the browser asks again every few seconds."""
    reply = await request.call("orchestration.queue.get")
    items = [{**item, "page": _page_of(item)} for item in reply["items"]]
    return request.render(
        "server/queue.html",
        command="cargo-ai orchestration queue get",
        alerts=reply["alerts"],
        workers=reply["workers"],
        items=items,
    )


def _page_of(item: JsonObject) -> str:
    """The page of what an item is about, the most precise one."""
    return next((f"{path}{item[name]}" for name, path in _PAGES if item.get(name)), "")


PAGES = [page("/queue", queue, title="Queue", section="Queue", permission="orchestration:workflow:read")]
