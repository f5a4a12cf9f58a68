"""Run rows: the runs that conditions describe, page by page, as rows of a file: their state, titles and outputs of their nodes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Text, and_, cast, desc, func, select

from cargo_ai.context.exports import StoredCell
from cargo_ai.domains.orchestration.runs import run_filter, run_reply
from cargo_ai.domains.orchestration.runs.run_filter import Condition
from cargo_ai.engine.journal.tables import executions, runs
from cargo_ai.kernel import clock
from cargo_ai.store.session import ALL_WORKSPACES, Database

PAGE = 1_000
GRAPHS = 50
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


async def pages(wanted: RunSelection) -> AsyncIterator[list[RowMapping]]:
    """Run rows by keyset, each page in a short session of its own. O(rows) in all, whatever the offset of the page."""
    left, skip = wanted.limit or 10**12, wanted.offset
    last: uuid.UUID | None = None
    order = runs.c.uuid.asc() if wanted.oldest_first else runs.c.uuid.desc()
    while left > 0:
        query = run_reply.query(wanted.workspace, record=True).where(*wanted.where)
        if last is not None:
            query = query.where(runs.c.uuid > last if wanted.oldest_first else runs.c.uuid < last)
        async with wanted.database.session(ALL_WORKSPACES) as session:
            page = (await session.execute(query.order_by(order).limit(min(PAGE, left)).offset(skip))).mappings().all()
        skip = 0
        if not page:
            return
        last, left = page[-1]["uuid"], left - len(page)
        yield list(page)


async def node_columns(wanted: RunSelection) -> dict[str, str]:
    """Slug → column of every node of the graphs that the runs walk, in the order of the newest graph."""
    walked = (
        select(runs.c.graph_uuid, func.max(cast(runs.c.uuid, Text)).label("newest"))
        .select_from(run_filter.joined)
        .where(*wanted.where)
        .group_by(runs.c.graph_uuid)
    )
    async with wanted.database.session(ALL_WORKSPACES) as session:
        newest_first = [row.graph_uuid for row in await session.execute(walked.order_by(desc("newest")))]
        columns: dict[str, str] = {}
        for begin in range(0, len(newest_first), GRAPHS):
            part = newest_first[begin : begin + GRAPHS]
            found = await run_reply.graphs_of(session, wanted.workspace, set(part))
            slugs = [str(node["slug"]) for graph in part for node in found.get(graph, ())]
            columns |= {slug: f"nodes.{slug}" if slug in HEAD else slug for slug in slugs if slug not in columns}
    return columns


async def titles(wanted: RunSelection, page: list[RowMapping], columns: Mapping[str, str]) -> dict[uuid.UUID, dict[str, str]]:
    """What stands in the nodes' columns, by run; of a node that was visited often, the last title."""
    query = _executions_of(wanted.workspace, page, executions.c.node_slug, executions.c.title).order_by(executions.c.seq)
    found: dict[uuid.UUID, dict[str, str]] = {}
    async with wanted.database.session(ALL_WORKSPACES) as session:
        for row in await session.execute(query):
            if row.node_slug in columns:
                found.setdefault(row.run_uuid, {})[columns[row.node_slug]] = row.title
    return found


def _executions_of(workspace: uuid.UUID, page: list[RowMapping], *columns: Any):
    uuids = sorted(row["uuid"] for row in page)
    return select(executions.c.run_uuid, *columns).where(
        executions.c.workspace_uuid == workspace, executions.c.run_uuid.in_(uuids), executions.c.run_uuid.between(uuids[0], uuids[-1])
    )


async def outputs(wanted: RunSelection, page: list[RowMapping], slug: str | None) -> dict[uuid.UUID, Any]:
    """What a node (by default the last one executed) gave, by run; large ones as `Stored`."""
    last = _executions_of(wanted.workspace, page, func.max(executions.c.seq).label("seq")).group_by(executions.c.run_uuid)
    if slug is not None:
        last = last.where(executions.c.node_slug == slug)
    chosen = last.subquery("chosen")
    query = _executions_of(wanted.workspace, page, executions.c.output, executions.c.output_file)
    query = query.join(chosen, and_(chosen.c.run_uuid == executions.c.run_uuid, chosen.c.seq == executions.c.seq))
    async with wanted.database.session(ALL_WORKSPACES) as session:
        found = (await session.execute(query)).all()
    return {row.run_uuid: row.output if row.output_file is None else StoredCell(row.output_file) for row in found}


def head(row: RowMapping) -> dict[str, Any]:
    """What every file tells about a run."""
    finished = run_reply.timestamp(row["finished_ms"])
    created = run_reply.timestamp(row["created_ms"])
    return {
        "runUuid": str(row["uuid"]),
        "recordId": row["record_id"],
        "recordTitle": row["record_title"],
        "status": row["status"],
        "errorMessage": row["error_message"],
        "creditsUsedCount": run_reply.number(row["credits"]),
        "createdAt": clock.to_iso(created) if created else None,
        "finishedAt": clock.to_iso(finished) if finished else None,
    }
