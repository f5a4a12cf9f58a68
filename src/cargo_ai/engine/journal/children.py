"""Child runs: read which runs a node has started, how they ended and what they returned."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Collection
from typing import Any, LiteralString, TypeVar

from cargo_ai.engine.journal.rows import ChildRow, ContextRow, FanoutRow, LastExecutionRow, RunRow, rows_of
from cargo_ai.store.driver import Connection

R = TypeVar("R")
AT_ONCE = 500

FANOUTS = "select * from fanouts where uuid = any(%s)"
OF_NODE = "select * from fanouts where run_uuid = %s and node_uuid = %s and visit = %s order by attempt"
TOTAL = "select coalesce(sum(size + below), 0)::bigint from fanouts where run_uuid = %s"
# The runs of a fan-out were numbered together: bounds on their ids leave out everything else, and the other months.
UNFINISHED = """
select uuid, workspace_uuid, workflow_uuid, batch_uuid, graph_uuid, release_uuid, trace_uuid, record, status, position, pending, created_ms,
    user_uuid, record_id, record_title, parent_batch_uuid, fanout_uuid, item, replay_of, replay_root, taken, replay_path
from runs where uuid between %s and %s and fanout_uuid = %s and finished_ms is null and status <> 'idle' and inline order by uuid
"""
ALL = """
select uuid, item, status, error_message, credits, graph_uuid, finished_ms, status <> 'idle' and inline and finished_ms is null as here,
    status = 'error' and exists (select from executions e where e.run_uuid = runs.uuid and e.reason = 'outcomeUnknown') as is_unknown
from runs where uuid between %s and %s and fanout_uuid = %s order by uuid
"""
LAST = """
select distinct on (run_uuid) run_uuid, node_uuid, output::text as output, output_file from executions
where run_uuid = any(%s) and run_uuid between %s and %s order by run_uuid, seq desc
"""
CONTEXT = """
select node_slug, output::text as output, output_file from executions where run_uuid = %s and seq < %s order by seq
"""


async def fanouts_by_id(connection: Connection, uuids: Collection[uuid.UUID]) -> dict[uuid.UUID, FanoutRow]:
    """Fan-outs by id."""
    return {row["uuid"]: row for row in await _rows(FanoutRow, connection, FANOUTS, list(uuids))}


async def fanouts_of_node(connection: Connection, run: str, node: str, visit: int) -> list[FanoutRow]:
    """The fan-outs of one visit of a node, in the order of its attempts."""
    return await _rows(FanoutRow, connection, OF_NODE, run, node, visit)


async def count_descendants(connection: Connection, root: uuid.UUID) -> int:
    """How many runs were ever started below a root run, at any depth."""
    row = await (await connection.execute(TOTAL, (root,))).fetchone()
    return int(row[0]) if row else 0


async def parent_outputs(connection: Connection, fan: FanoutRow) -> list[ContextRow]:
    """The outputs of the parent's nodes before it started these runs, in order."""
    return await _rows(ContextRow, connection, CONTEXT, fan["run_uuid"], fan["seq"])


async def unfinished_children(connection: Connection, fan: FanoutRow) -> list[RunRow]:
    """The runs of a fan-out that their parent has still to drive, in order."""
    return await _rows(RunRow, connection, UNFINISHED, fan["first_run"], fan["last_run"], fan["uuid"])


async def children_of(connection: Connection, fan: FanoutRow) -> list[ChildRow]:
    """All runs of a fan-out, in order; `here`: its parent has still to drive it."""
    return await _rows(ChildRow, connection, ALL, fan["first_run"], fan["last_run"], fan["uuid"])


async def last_executions(connection: Connection, runs: list[uuid.UUID]) -> AsyncIterator[list[LastExecutionRow]]:
    """The last execution of each run that has any, in pieces. `runs` are in order."""
    for begin in range(0, len(runs), AT_ONCE):
        piece = runs[begin : begin + AT_ONCE]
        yield await _rows(LastExecutionRow, connection, LAST, piece, piece[0], piece[-1])


async def _rows(kind: type[R], connection: Connection, statement: LiteralString, *values: Any) -> list[R]:
    async with connection.cursor(row_factory=rows_of(kind)) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()
