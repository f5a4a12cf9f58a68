"""Rerun source: read earlier runs as the records of a batch, page by page, each with its replay point."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.batches.batch_data import RunsOfBatch
from cargo_ai.domains.orchestration.replay import replay_point, rerun
from cargo_ai.domains.orchestration.replay.replay_point import Graph, OriginalRun, Reset, Visited
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.engine.dispatch.enumerate import Chunks, SourceFailed
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.journal.replay import ReplayPoint, ReplayRecord
from cargo_ai.engine.journal.tables import batches, executions, runs
from cargo_ai.store.session import ALL_WORKSPACES, Database

PAGE = 500
COLUMNS = (runs.c.uuid, func.coalesce(runs.c.replay_root, runs.c.uuid).label("root"), runs.c.record_id, runs.c.record_title, runs.c.record)


async def chunks(database: Database, workspace: uuid.UUID, data: Mapping[str, Any], skip: int, batch: uuid.UUID) -> Chunks:
    """The runs of a batch's data, oldest first; after `skip` of them it goes on after the last one that was repeated."""
    async with database.session(ALL_WORKSPACES) as db:
        mine = select(batches.c.workflow_uuid, batches.c.graph_uuid).where(batches.c.uuid == batch, batches.c.workspace_uuid == workspace)
        row = (await db.execute(mine)).one_or_none()
        if row is None:
            raise SourceFailed("The batch is gone.")
        nodes = (await run_response.graphs_of(db, workspace, {row.graph_uuid})).get(row.graph_uuid, [])
        after = await _last(db, batch) if skip else None
    spec = RunSpec(workspace, row.workflow_uuid, None, None, nodes)
    async for chunk in of_filter(database, spec, data, batch, after):
        yield chunk


async def of_filter(
    database: Database, spec: RunSpec, data: Mapping[str, Any], before: uuid.UUID, after: uuid.UUID | None = None
) -> Chunks:
    """The runs of a batch's data that are older than `before`, after `after`, oldest first."""
    workspace, graph = spec.workspace, Graph.of([dict(node) for node in spec.nodes])
    reset = replay_point.reset_of(data["reset"])
    where = rerun.conditions(workspace, spec.workflow, RunsOfBatch.model_validate(data["filter"]), before)
    while True:
        async with database.session(ALL_WORKSPACES) as db:
            page = await _page(db, where, after)
            replays = await to_replays(db, workspace, page, reset, graph)
        if not page:
            return
        after = page[-1]["uuid"]
        yield list(replays)


async def _last(db: AsyncSession, batch: uuid.UUID) -> uuid.UUID | None:
    return await db.scalar(select(runs.c.replay_of).where(runs.c.batch_uuid == batch).order_by(runs.c.replay_of.desc()).limit(1))


async def _page(db: AsyncSession, where: list[Any], after: uuid.UUID | None) -> Sequence[RowMapping]:
    query = select(*COLUMNS).select_from(run_filter.joined).where(*where).order_by(runs.c.uuid).limit(PAGE)
    return (await db.execute(query if after is None else query.where(runs.c.uuid > after))).mappings().all()


async def to_replays(db: AsyncSession, workspace: uuid.UUID, rows: Sequence[RowMapping], reset: Reset, graph: Graph) -> list[ReplayRecord]:
    """The repetitions of runs (rows of COLUMNS), in their order; one that cannot be is marked with the reason. One statement."""
    needed = reset.start != "firstNode" or not reset.repeat_unknown
    visits = await _visits(db, workspace, [row["uuid"] for row in rows]) if rows and needed else {}
    replays: list[ReplayRecord] = []
    for row in rows:
        visited = visits.get(row["uuid"], [])
        seed = replay_point.find(reset, OriginalRun(row["uuid"], row["root"]), visited, graph)
        if isinstance(seed, ReplayPoint) and any(visit.is_dropped for visit in (visited if seed.path else visited[: seed.taken])):
            seed = "the retention of its outputs is over, so that it can be repeated from its first node only."
        record: dict[str, Any] = row["record"]
        fields = (record, row["record_id"], row["record_title"])
        replays.append(
            ReplayRecord(*fields, ReplayPoint(row["uuid"], row["root"]), f"Skipped: {seed}")
            if isinstance(seed, str)
            else ReplayRecord(*fields, seed)
        )
    return replays


async def _visits(db: AsyncSession, workspace: uuid.UUID, uuids: list[uuid.UUID]) -> dict[uuid.UUID, list[Visited]]:
    columns = (executions.c.run_uuid, executions.c.seq, executions.c.node_uuid, executions.c.node_slug, executions.c.status)
    query = (
        select(*columns, executions.c.next_node_uuid, executions.c.reason, executions.c.is_dropped)
        .where(executions.c.workspace_uuid == workspace, executions.c.run_uuid.in_(uuids))
        .where(executions.c.run_uuid.between(min(uuids), max(uuids)))
        .order_by(executions.c.run_uuid, executions.c.seq)
    )
    visits: dict[uuid.UUID, list[Visited]] = {}
    for run, *visit in await db.execute(query):
        visits.setdefault(run, []).append(Visited(*visit))
    return visits
