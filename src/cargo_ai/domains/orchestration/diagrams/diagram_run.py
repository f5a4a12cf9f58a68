"""Diagrams of runs: mark the executed nodes, and draw again for every step."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration import diagram as contract
from cargo_ai.contract.orchestration.fields import RunStatus
from cargo_ai.domains.orchestration.diagrams import ascii_text, layout, mermaid
from cargo_ai.domains.orchestration.diagrams.diagram_graph import Drawing, picture
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.workflows import validation
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.journal.tables import executions, runs
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.session import ALL_WORKSPACES

WATCH_SECONDS = 240.0
"""Below the silence that clients and proxies take for a lost connection."""
QUICK, SLOW = 0.25, 2.0
"""Seconds between two looks at a run that moves, and at one that has been still for long."""
GROWTH = 1.2

_FANOUT = text("select size, left_count from fanouts where uuid = :uuid and workspace_uuid = :workspace")


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a run is. `visited`: how each node that it came to went, by uuid; `at`: the node that it is at, None when it has ended;
    `left`: how many of the runs that it waits for have not ended, and how many there are."""

    nodes: Sequence[JsonObject]
    status: RunStatus
    visited: Mapping[str, str]
    at: str | None
    left: tuple[int, int] | None
    over: bool


async def look(db: AsyncSession, workspace: uuid.UUID, run: uuid.UUID, nodes: Sequence[JsonObject] | None = None) -> Walked | None:
    """How far the run is; None when there is no such run. `nodes`: its graph, which never changes, from an earlier look."""
    # The run first: what it did before it ended is then in the journal.
    row = (await db.execute(run_response.query(workspace).where(runs.c.uuid == run))).mappings().one_or_none()
    if row is None:
        return None
    if nodes is None:
        nodes = (await run_response.graphs_of(db, workspace, {row["graph_uuid"]})).get(row["graph_uuid"], [])
    query = select(executions.c.node_uuid, executions.c.status, executions.c.next_node_uuid)
    query = query.where(executions.c.run_uuid == run, executions.c.workspace_uuid == workspace).order_by(executions.c.seq)
    entries = (await db.execute(query)).all()
    ahead = entries[-1].next_node_uuid if entries else next((str(one["uuid"]) for one in nodes if one.get("slug") == "start"), None)
    over = row["finished_ms"] is not None
    return Walked(
        nodes=nodes,
        status=cast("RunStatus", row["status"]),
        visited={str(entry.node_uuid): str(entry.status) for entry in entries},
        at=None if over else row["position"] if row["status"] == "idle" else ahead,
        left=None if over else await _left(db, workspace, row),
        over=over,
    )


async def _left(db: AsyncSession, workspace: uuid.UUID, row: RowMapping) -> tuple[int, int] | None:
    if row["waiting_for"] is None:
        return None
    fanout = (await db.execute(_FANOUT, {"uuid": row["waiting_for"], "workspace": workspace})).one_or_none()
    return (int(fanout.left_count), int(fanout.size)) if fanout else None


def draw(
    actions: Actions, nodes: Sequence[JsonObject], request: contract.DrawDiagram, walked: Walked | None = None, url: str | None = None
) -> contract.Diagram:
    """The picture that is asked for. What is wrong with the graph is a warning: unfinished graphs are drawn, too."""
    visited: Mapping[str, str] = walked.visited if walked else {}
    at, left = (walked.at, walked.left) if walked else (None, None)
    note = f"{left[0]:,} of {left[1]:,} left" if left else ""
    drawing = Drawing(
        picture(nodes, actions), request.title, request.direction, request.highlight or (), request.paid or (), visited, at, note
    )
    render = mermaid.render if request.format == "mermaid" else ascii_text.render
    return contract.Diagram(
        diagram=render(drawing),
        format=request.format,
        warnings=[*drawing.warnings(), *(f"Several nodes have the slug {slug}." for slug in validation.repeated_slugs(nodes))],
        layout=layout.lay_out(drawing) if request.format == "layout" else None,
        run_status=walked.status if walked and request.watch else None,
        node_slug=next((str(node.get("slug")) for node in nodes if at is not None and node.get("uuid") == at), None),
        url=url,
    )


def asked(request: contract.DrawDiagram) -> JsonObject:
    """What is asked of a run, as the URL of its pictures keeps it."""
    return request.model_dump(mode="json", by_alias=True, exclude_defaults=True)


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The pictures of a run, one for every change, the first one at once."""
    request = contract.DrawDiagram.model_validate(params)
    return Export(_pictures(services, workspace, request), None, "diagram")


async def _pictures(services: Services, workspace: uuid.UUID, request: contract.DrawDiagram) -> AsyncIterator[list[Record]]:
    run, ends = ids.parse(request.run_uuid or ""), clock.seconds() + WATCH_SECONDS
    before: Walked | None = None
    pause = QUICK
    while run is not None:
        async with services.database.session(ALL_WORKSPACES) as db:
            look_now = await look(db, workspace, run, before.nodes if before else None)
        if look_now is None:
            return
        if look_now != before:
            before, pause = look_now, QUICK
            yield [draw(await services.actions.within(workspace), look_now.nodes, request, look_now).to_wire()]
        if look_now.over or clock.seconds() >= ends:
            return
        await asyncio.sleep(min(pause, max(0.0, ends - clock.seconds())))
        pause = min(SLOW, pause * GROWTH)
