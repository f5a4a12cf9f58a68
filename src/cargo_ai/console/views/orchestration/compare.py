"""Comparing two runs: the first node at which they differ, and both graphs side by side."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, page
from cargo_ai.console.pictures.graph import graph
from cargo_ai.kernel.wire import JsonObject


async def compare(request: PageRequest) -> Response:
    """Two runs side by side."""
    uuids = (request.path["uuid"], request.query.get("other", "").strip())
    ignores = request.query.get("ignoreInput") == "true"
    diff = await request.call("orchestration.run.diff", {"uuid": uuids[0], "otherUuid": uuids[1], "ignoreInput": ignores})
    pairs = await asyncio.gather(*(_side(request, uuid, diff, at) for at, uuid in enumerate(uuids)))
    return request.render(
        "orchestration/compare.html",
        command=line(f"orchestration run diff {uuids[0]} {uuids[1]}", {"ignoreInput": ignores}),
        diff=diff,
        sides=pairs,
        ignores=ignores,
    )


async def _side(request: PageRequest, uuid: str, diff: JsonObject, at: int) -> JsonObject:
    lit = diff["divergence"]["nodeSlugs"][at] if diff["divergence"] else None
    fields = {"runUuid": uuid, "format": "layout", "highlight": [lit] if lit else None}
    run, diagram = await asyncio.gather(
        request.call("orchestration.run.get", {"uuid": uuid}), request.call("orchestration.node.diagram", fields)
    )
    drawn = graph(
        diagram["layout"], lambda slug: f"/console/runs/{uuid}?node={quote(slug)}", about=f"Graph of run {at + 1}", name=f"graph-{at}"
    )
    return {"run": run["run"], "picture": drawn}


PAGES = [page("/runs/{uuid}/compare", compare, title="Compare two runs", section="Runs", permission="orchestration:workflow:read")]
