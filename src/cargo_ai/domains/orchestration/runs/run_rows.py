"""Run rows: read runs page by page as rows of a file: states, titles and outputs of nodes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Text, cast, desc, func, select, text

from cargo_ai.context.downloads.exports import StoredCell
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.domains.orchestration.runs.filters.run_filter import Condition
from cargo_ai.engine.journal.tables import executions, runs
from cargo_ai.kernel import clock
from cargo_ai.store.session import ALL_WORKSPACES, Database

PAGE = 1_000
GRAPHS = 50
# Run by run: joined plainly, what all of them gave would be unpacked for each (see engine/journal/packing).
_OUTPUTS = text("""
select r.uuid as run_uuid, e.output, e.output_file from unnest(cast(:uuids as uuid[])) as r(uuid)
cross join lateral (
    select max(x.seq) as seq from executions x
    where x.run_uuid = r.uuid and x.run_uuid between :first and :last and x.workspace_uuid = :workspace
        and (cast(:slug as text) is null or x.node_slug = :slug) offset 0
) chosen
cross join lateral (
    select x.output, x.output_file from executions x
    where x.run_uuid = r.uuid and x.run_uuid between :first and :last and x.seq = chosen.seq offset 0
) e
""")
HEAD = ("runUuid", "recordId", "recordTitle", "status", "errorMessage", "creditsUsedCount", "createdAt", "finishedAt")


@dataclass(frozen=True, slots=True)
class RunSelection:
    """Which runs a file is about, and which part of them. `where` names the workspace."""

    database: Database
    workspace: uuid.UUID
    where: Sequence[Condition]
    oldest_first: bool = False
    limit: int | None = None
    offset: int = 0


async def pages(selection: RunSelection) -> AsyncIterator[list[RowMapping]]:
    """Run rows by keyset, each page in a short session of its own. O(rows) in all, whatever the offset of the page."""
    left, skip = selection.limit or 10**12, selection.offset
    last: uuid.UUID | None = None
    order = runs.c.uuid.asc() if selection.oldest_first else runs.c.uuid.desc()
    while left > 0:
        query = run_response.query(selection.workspace, record=True).where(*selection.where)
        if last is not None:
            query = query.where(runs.c.uuid > last if selection.oldest_first else runs.c.uuid < last)
        async with selection.database.session(ALL_WORKSPACES) as session:
            page = (await session.execute(query.order_by(order).limit(min(PAGE, left)).offset(skip))).mappings().all()
        skip = 0
        if not page:
            return
        last, left = page[-1]["uuid"], left - len(page)
        yield list(page)


async def node_columns(selection: RunSelection) -> dict[str, str]:
    """Slug → column of every node of the graphs that the runs walk, in the order of the newest graph."""
    graphs = (
        select(runs.c.graph_uuid, func.max(cast(runs.c.uuid, Text)).label("newest"))
        .select_from(run_filter.joined)
        .where(*selection.where)
        .group_by(runs.c.graph_uuid)
    )
    async with selection.database.session(ALL_WORKSPACES) as session:
        newest_first = [row.graph_uuid for row in await session.execute(graphs.order_by(desc("newest")))]
        columns: dict[str, str] = {}
        for begin in range(0, len(newest_first), GRAPHS):
            part = newest_first[begin : begin + GRAPHS]
            nodes_by_graph = await run_response.graphs_of(session, selection.workspace, set(part))
            slugs = [str(node["slug"]) for graph in part for node in nodes_by_graph.get(graph, ())]
            columns |= {slug: f"nodes.{slug}" if slug in HEAD else slug for slug in slugs if slug not in columns}
    return columns


async def titles(selection: RunSelection, page: list[RowMapping], columns: Mapping[str, str]) -> dict[uuid.UUID, dict[str, str]]:
    """What stands in the nodes' columns, by run; of a node that was visited often, the last title."""
    query = _executions_of(selection.workspace, page, executions.c.node_slug, executions.c.title).order_by(executions.c.seq)
    titles_by_run: dict[uuid.UUID, dict[str, str]] = {}
    async with selection.database.session(ALL_WORKSPACES) as session:
        for row in await session.execute(query):
            if row.node_slug in columns:
                titles_by_run.setdefault(row.run_uuid, {})[columns[row.node_slug]] = row.title
    return titles_by_run


def _executions_of(workspace: uuid.UUID, page: list[RowMapping], *columns: Any):
    uuids = sorted(row["uuid"] for row in page)
    return select(executions.c.run_uuid, *columns).where(
        executions.c.workspace_uuid == workspace, executions.c.run_uuid.in_(uuids), executions.c.run_uuid.between(uuids[0], uuids[-1])
    )


async def outputs(selection: RunSelection, page: list[RowMapping], slug: str | None) -> dict[uuid.UUID, Any]:
    """What a node (by default the last one executed) gave, by run; large ones as `Stored`."""
    uuids = sorted(row["uuid"] for row in page)
    values = {"uuids": uuids, "first": uuids[0], "last": uuids[-1], "workspace": selection.workspace, "slug": slug}
    async with selection.database.session(ALL_WORKSPACES) as session:
        rows = (await session.execute(_OUTPUTS, values)).all()
    return {row.run_uuid: row.output if row.output_file is None else StoredCell(row.output_file) for row in rows}


def head(row: RowMapping) -> dict[str, Any]:
    """The columns of a run that every file has."""
    finished = run_response.timestamp_or_none(row["finished_ms"])
    created = run_response.timestamp(row["created_ms"])
    return {
        "runUuid": str(row["uuid"]),
        "recordId": row["record_id"],
        "recordTitle": row["record_title"],
        "status": row["status"],
        "errorMessage": row["error_message"],
        "creditsUsedCount": run_response.number(row["credits"]),
        "createdAt": clock.to_iso(created),
        "finishedAt": clock.to_iso(finished) if finished else None,
    }
