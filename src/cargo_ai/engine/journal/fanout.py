"""Fan-outs: write the child runs that a node starts, count those that end, and make the waiting parent due."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cargo_ai.engine.graph.group import MAXIMUM_DESCENDANTS
from cargo_ai.engine.journal import replay
from cargo_ai.engine.journal.copy_format import NULL, escape
from cargo_ai.engine.journal.replay import OriginalRun
from cargo_ai.engine.journal.rows import FanoutRow, ShardRow
from cargo_ai.engine.journal.tables import fanouts, runs, shards
from cargo_ai.store.driver import Connection
from cargo_ai.store.table_sql import copy_sql, insert_sql

FanoutKind = Literal["group", "tool", "alone"]
"""The items of a group; a tool's run that the node waits for; one that it does not wait for."""
PIECE_ROWS = 100


@dataclass(frozen=True, slots=True)
class SharedFields:
    """What the runs of one fan-out have in common. They are about the parent's record; `batch` is the batch of the root run."""

    workspace: uuid.UUID
    workflow: uuid.UUID
    graph: uuid.UUID
    release: uuid.UUID | None
    user: uuid.UUID | None
    trace: uuid.UUID
    batch: uuid.UUID | None
    record_id: str
    record_title: str


@dataclass(frozen=True, slots=True)
class ChildRun:
    """One child run: the number of its item and its input, as JSON."""

    uuid: uuid.UUID
    item: int
    record: bytes
    former: OriginalRun | None = None
    """In a replay: the run that did this item for the original of the parent."""


@dataclass(slots=True)
class Fanout:
    """The runs that a node starts at one attempt. `shards`: how they are cut; None while their parent drives them in its own shard.
    `at_once`: they are queued without waiting to be admitted.

    `refused` is set by a flush that found too many runs below the root run: then nothing of the fan-out was written.
    """

    uuid: uuid.UUID
    run: uuid.UUID
    node: str
    visit: int
    attempt: int
    seq: int
    kind: FanoutKind
    lane: str
    depth: int
    root: uuid.UUID
    top: uuid.UUID
    fail_fast: bool
    digest: bytes
    head: SharedFields
    children: list[ChildRun]
    shards: list[tuple[uuid.UUID, Sequence[ChildRun]]] | None = None
    at_once: bool = False
    now: int = 0
    refused: bool = field(default=False)
    node_inside: str | None = None
    path: str | None = None
    """In a replay: the runs reuse what their originals did before the first slug of this path, which `node_inside` has in their graph."""

    @property
    def takes_over(self) -> bool:
        """Whether its runs have a journal when they begin."""
        return self.path is not None and any(child.former for child in self.children)


# fmt: off
INSERT = insert_sql(
    fanouts, "uuid", "workspace_uuid", "run_uuid", "node_uuid", "visit", "attempt", "seq", "kind", "lane", "depth", "root_uuid", "top_uuid",
    "size", "left_count", "fail_fast", "digest", "first_run", "last_run", "created_ms",
)
RUNS = copy_sql(
    runs, "uuid", "fanout_uuid", "parent_uuid", "parent_node_uuid", "shard_uuid", "inline", "is_group_parent", "workspace_uuid",
    "workflow_uuid", "graph_uuid", "release_uuid", "user_uuid", "trace_uuid", "parent_batch_uuid", "record_id", "record_title", "item",
    "replay_of", "replay_root", "record", "created_ms", "updated_ms",
)
SHARDS = insert_sql(
    shards, "uuid", "workspace_uuid", "batch_uuid", "lane", "state", "children", "first_run", "last_run", "touched_ms",
)
# fmt: on
COUNT_BELOW = """
update fanouts f set below = f.below + v.added from unnest(%s::uuid[], %s::bigint[]) as v(uuid, added) where f.uuid = v.uuid
"""
TOTALS = """
select run_uuid, sum(size + below)::bigint from fanouts where run_uuid = any(%s) group by run_uuid
"""
LOCK = "select 1 from fanouts where uuid = any(%s) order by uuid for update"
COUNT_ENDED = """
update fanouts f set left_count = f.left_count - v.ended, failed_count = f.failed_count + v.failed
from unnest(%s::uuid[], %s::int[], %s::int[]) as v(uuid, ended, failed) where f.uuid = v.uuid
"""
# The run that waited is due: the next wake of parked runs takes it.
MAKE_DUE = """
update runs r set wake_ms = %s from fanouts f
where f.uuid = any(%s) and r.uuid = f.run_uuid and r.waiting_for = f.uuid and r.status = 'idle' and r.finished_ms is null
    and r.wake_ms is null and (f.left_count <= 0 or (f.fail_fast and f.failed_count > 0))
"""
# Replays and lists of items read them: they are deleted when their runs are gone. A run's id begins with its time.
PRUNE = "delete from fanouts where run_uuid < (select uuid from runs order by uuid limit 1)"


async def prune(connection: Connection) -> int:
    """Delete the fan-outs of runs that are gone; returns how many."""
    return (await connection.execute(PRUNE)).rowcount


async def insert(connection: Connection, new: Sequence[Fanout], parent_shards: Sequence[uuid.UUID]) -> None:
    """Write fan-outs and their runs; `parent_shards` are the shards that their parents are in. Sets `refused`."""
    await _count_descendants(connection, [fanout for fanout in new if fanout.depth > 1])
    pairs = [(fanout, shard) for fanout, shard in zip(new, parent_shards, strict=True) if not fanout.refused]
    if not pairs:
        return
    async with connection.cursor() as cursor:
        await cursor.executemany(INSERT, [to_row(fanout) for fanout, _ in pairs])
        shard_rows = [row for fanout, _ in pairs for row in _to_shard_rows(fanout)]
        if shard_rows:
            await cursor.executemany(SHARDS, shard_rows)
        async with cursor.copy(RUNS) as copy:
            for fanout, shard in pairs:
                for piece in _run_lines(fanout, shard):
                    await copy.write(piece)
                    await asyncio.sleep(0)
    for fanout, _ in pairs:
        if fanout.path is not None:
            originals = [(child.uuid, child.former.uuid) for child in fanout.children if child.former]
            await replay.copy_into_children(connection, originals, fanout.node_inside, fanout.path)


async def _count_descendants(connection: Connection, nested: Sequence[Fanout]) -> None:
    """Count runs below depth 1, under a lock on their fan-out of depth 1, and refuse those that would be too many below one run."""
    for fanout in nested:
        fanout.refused = False
    if not nested:
        return
    await _add_descendants(connection, nested, 1)
    cursor = await connection.execute(TOTALS, (list({fanout.root for fanout in nested}),))
    totals: dict[uuid.UUID, int] = dict(await cursor.fetchall())
    for fanout in reversed(nested):
        if totals.get(fanout.root, 0) > MAXIMUM_DESCENDANTS:
            totals[fanout.root] -= len(fanout.children)
            fanout.refused = True
    await _add_descendants(connection, [fanout for fanout in nested if fanout.refused], -1)


async def _add_descendants(connection: Connection, nested: Sequence[Fanout], sign: int) -> None:
    added: dict[uuid.UUID, int] = defaultdict(int)
    for fanout in nested:
        added[fanout.top] += sign * len(fanout.children)
    if added:
        await connection.execute(LOCK, (list(added),))
        await connection.execute(COUNT_BELOW, (list(added), list(added.values())))


def to_row(fanout: Fanout) -> FanoutRow:
    """The fan-out as its table has it: the values of INSERT."""
    size = len(fanout.children)
    return {
        "uuid": fanout.uuid,
        "workspace_uuid": fanout.head.workspace,
        "run_uuid": fanout.run,
        "node_uuid": fanout.node,
        "visit": fanout.visit,
        "attempt": fanout.attempt,
        "seq": fanout.seq,
        "kind": fanout.kind,
        "lane": fanout.lane,
        "depth": fanout.depth,
        "root_uuid": fanout.root,
        "top_uuid": fanout.top,
        "size": size,
        "left_count": size,
        "fail_fast": fanout.fail_fast,
        "digest": fanout.digest,
        "first_run": fanout.children[0].uuid,
        "last_run": fanout.children[-1].uuid,
        "created_ms": fanout.now,
    }


def _to_shard_rows(fanout: Fanout) -> Iterator[ShardRow]:
    """The values of SHARDS."""
    for shard, children in fanout.shards or ():
        yield {
            "uuid": shard,
            "workspace_uuid": fanout.head.workspace,
            "batch_uuid": fanout.head.batch,
            "lane": fanout.lane,
            # A tool that its node does not wait for gets its job at once; the many items of a group are admitted a few shards at a time.
            "state": "queued" if fanout.at_once else "waiting",
            "children": True,
            "first_run": children[0].uuid,
            "last_run": children[-1].uuid,
            "touched_ms": fanout.now,
        }


def _run_lines(fanout: Fanout, parent_shard: uuid.UUID) -> Iterator[str]:
    """The lines of RUNS, in pieces."""
    head = fanout.head
    names = (head.workspace, head.workflow, head.graph, head.release or NULL, head.user or NULL, head.trace, head.batch or NULL)
    shared = "\t".join(str(name) for name in names) + f"\t{escape(head.record_id)}\t{escape(head.record_title)}"
    parent = f"{fanout.uuid}\t{fanout.run}\t{escape(fanout.node)}"
    flags = f"{'t' if fanout.shards is None else 'f'}\t{'t' if fanout.kind == 'group' else 'f'}"
    for shard, children in fanout.shards if fanout.shards is not None else [(parent_shard, fanout.children)]:
        for begin in range(0, len(children), PIECE_ROWS):
            yield "".join(
                f"{run.uuid}\t{parent}\t{shard}\t{flags}\t{shared}\t{run.item}\t{_original(run)}\t{escape(run.record.decode())}\t"
                f"{fanout.now}\t{fanout.now}\n"
                for run in children[begin : begin + PIECE_ROWS]
            )


def _original(run: ChildRun) -> str:
    return f"{run.former.uuid}\t{run.former.root}" if run.former else f"{NULL}\t{NULL}"


async def lock(connection: Connection, uuids: Sequence[uuid.UUID]) -> None:
    """Lock fan-outs, before the rows of any runs: one order for all transactions that make parents due, so that there is no deadlock."""
    if uuids:
        await connection.execute(LOCK, (list(uuids),))


async def count_ended(connection: Connection, ended: Sequence[tuple[uuid.UUID, bool]], waiting: Sequence[uuid.UUID], now: int) -> bool:
    """Count ended runs (fan-out, failed) on their fan-outs, and make due the parents that no longer have to wait; True if any is.

    `waiting`: the fan-outs for which a parent has begun to wait in this transaction: all their runs may have ended already.
    """
    counts: dict[uuid.UUID, list[int]] = {}
    for fanout, failed in ended:
        row = counts.setdefault(fanout, [0, 0])
        row[0] += 1
        row[1] += failed
    if counts:
        columns = list(zip(*counts.values(), strict=True))
        await connection.execute(COUNT_ENDED, (list(counts), list(columns[0]), list(columns[1])))
    affected = list({*counts, *waiting})
    if not affected:
        return False
    return (await connection.execute(MAKE_DUE, (now, affected))).rowcount > 0
