"""Home: what runs, what fails, what waits for a decision, and what it costs."""

from __future__ import annotations

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, page
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

SHOWN = 8


async def home(request: PageRequest) -> Response:
    """The newest runs and batches, as far as the person may see them."""
    runs = await _list(request, "orchestration.run.list", {"limit": SHOWN})
    batches = await _list(request, "orchestration.batch.list", {"limit": SHOWN})
    command = ["cargo-ai orchestration run list --limit 8", "cargo-ai orchestration batch list --limit 8"]
    return request.render("home.html", command=command, runs=runs.get("runs"), batches=batches.get("batches"))


async def _list(request: PageRequest, name: str, fields: JsonObject) -> JsonObject:
    """The reply; nothing where the person may not see it."""
    try:
        return await request.call(name, fields)
    except Refusal as refusal:
        if refusal.reason != "forbidden":
            raise
        return {}


PAGES = [page("/", home, title="Home", section="Home")]
