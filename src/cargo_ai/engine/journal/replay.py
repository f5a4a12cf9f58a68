"""Replay: copy executions of an earlier run into a new one, so that the nodes before the point where it continues are not done again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from cargo_ai.engine.graph.action import Json
from cargo_ai.engine.journal import failures
from cargo_ai.engine.journal.rows import OriginalRow, rows_of
from cargo_ai.store.driver import Connection


class ReplayPoint(NamedTuple):
    """The new run continues where `run` was before its execution number `taken`, at the node `node` of its own graph (None: at the start).

    `root`: the first of the runs that repeat each other; random splits go as they went there. `path`: slugs with dots: where inside the
    child runs of that node; those reuse what comes before, too.
    """

    run: uuid.UUID
    root: uuid.UUID
    taken: int = 0
    node: str | None = None
    path: str | None = None


class ReplayRecord(dict[str, Any]):
    """The record of a run that repeats another one. `skip`: a sentence that says why it cannot."""

    def __init__(self, record: dict[str, Any], record_id: str, record_title: str, seed: ReplayPoint, skip: str | None = None) -> None:
        super().__init__(record)
        self.record_id, self.record_title, self.seed, self.skip = record_id, record_title, seed, skip


# Outputs and files are shared, calls were made and paid before: the copies cost nothing.
COPY = """
with copied as (
insert into execution_rows (run_uuid, seq, workspace_uuid, node_uuid, node_slug, visit, status, child_index, next_node_uuid, title,
    error_message, reason, warnings, attempts, log, output, output_file, config, credits, started_ms, finished_ms)
select v.run, e.seq, e.workspace_uuid, e.node_uuid, e.node_slug, e.visit, e.status, e.child_index,
    case when e.seq = v.taken - 1 and v.node is not null then v.node else e.next_node_uuid end, e.title, e.error_message, e.reason,
    e.warnings, e.attempts, e.log, e.output, e.output_file, e.config, 0, e.started_ms, e.finished_ms
from unnest(%s::uuid[], %s::uuid[], %s::int[], %s::text[]) as v(run, old, taken, node)
cross join lateral (select * from executions x where x.run_uuid = v.old and x.seq < v.taken offset 0) e
returning run_uuid, status
) select distinct run_uuid::text from copied where status = 'error'
"""
# An item that never came to the node keeps everything that it did, and how it ended.
CUT = """
select v.run, v.old, coalesce(min(e.seq) filter (where e.node_slug = %s), max(e.seq) + 1, 0) as taken,
    coalesce(bool_or(e.node_slug = %s), false) as came
from unnest(%s::uuid[], %s::uuid[]) as v(run, old)
    left join lateral (select x.seq, x.node_slug from executions x where x.run_uuid = v.old offset 0) e on true group by 1, 2 order by 1
"""
SET_REUSED = """
update runs r set taken = v.taken, replay_path = case when v.came then %s end
from unnest(%s::uuid[], %s::int[], %s::boolean[]) as v(run, taken, came) where r.uuid = v.run and r.uuid between %s and %s
"""
# The number of a fan-out is that of the execution of its node. Later attempts repeat only what has failed.
ORIGINALS = """
select r.item, r.uuid, coalesce(r.replay_root, r.uuid) as root, r.record
from fanouts f join runs r on r.fanout_uuid = f.uuid and r.uuid between f.first_run and f.last_run
where f.run_uuid = %s and (f.node_uuid = %s or f.seq in (select e.seq from executions e where e.run_uuid = %s and e.node_slug = %s))
order by f.attempt, r.item
"""


async def copy_executions(connection: Connection, seeds: Sequence[tuple[uuid.UUID, ReplayPoint]]) -> None:
    """Copy into the journals of new runs, whose rows are there, the executions that they reuse. O(executions copied); one statement, and
    another where some had failed."""
    pairs = [(run, seed) for run, seed in seeds if seed.taken > 0]
    if not pairs:
        return
    former = [seed.run for _, seed in pairs]
    columns = ([run for run, _ in pairs], former, [seed.taken for _, seed in pairs], [seed.node for _, seed in pairs])
    failed = [row[0] for row in await (await connection.execute(COPY, columns)).fetchall()]
    if failed:
        await failures.note(connection, failed)


class OriginalRun(NamedTuple):
    """A run that a node of an earlier run has started."""

    uuid: uuid.UUID
    root: uuid.UUID
    record: Json


async def original_items(connection: Connection, run: uuid.UUID, node: str, slug: str) -> dict[int, OriginalRun]:
    """By item, the run that a node of an earlier run started for it; of several attempts the last."""
    async with connection.cursor(row_factory=rows_of(OriginalRow)) as cursor:
        await cursor.execute(ORIGINALS, (run, node, run, slug))
        return {row["item"] or 0: OriginalRun(row["uuid"], row["root"], row["record"]) for row in await cursor.fetchall()}


async def copy_into_children(connection: Connection, pairs: Sequence[tuple[uuid.UUID, uuid.UUID]], node: str | None, path: str) -> None:
    """Let new runs (new, original) reuse what comes before the first slug of the path; `node` has that slug."""
    if not pairs:
        return
    slug, _, rest = path.partition(".")
    new, old = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    cuts = await (await connection.execute(CUT, (slug, slug, new, old))).fetchall()
    runs, taken, came = [row[0] for row in cuts], [row[2] for row in cuts], [row[3] for row in cuts]
    await connection.execute(SET_REUSED, (rest or None, runs, taken, came, min(runs), max(runs)))
    await copy_executions(connection, [(row[0], ReplayPoint(row[1], row[1], row[2], node if row[3] else None)) for row in cuts])
