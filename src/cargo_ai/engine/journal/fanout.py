"""Fan-out: the runs that one node has started below its run, how a flush writes them down, and how their ends let the parent go on."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cargo_ai.engine.graph.group import MAXIMUM_DESCENDANTS
from cargo_ai.engine.journal import replay
from cargo_ai.engine.journal.copy_format import NULL, escape
from cargo_ai.engine.journal.replay import OriginalRun
from cargo_ai.store.driver import Connection

FanoutKind = Literal["group", "tool", "alone"]
"""Items of a group, a tool's run that is waited for, one that nobody waits for."""
PIECE_ROWS = 100


@dataclass(frozen=True, slots=True)
class SharedFields:
    """What the runs of one fan-out have in common. They are about the parent's record; `batch` is that of the run at the top."""

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
    """One run: the number of its item and its input, as JSON."""

    uuid: uuid.UUID
    item: int
    record: bytes
    former: OriginalRun | None = None
    """The run that did this item when the parent's original walked here."""


@dataclass(slots=True)
class Fanout:
    """The runs that a node starts at one attempt. `shards`: how they are cut; None while their parent drives them in its own shard.
    `at_once`: they need not be let in.

    `refused` is set by a flush that found too many runs below the run at the top: then nothing of the fan-out was written.
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
    """The runs take over what their former ones did before the first slug of this path, which `node_inside` has in their graph."""

    @property
    def takes_over(self) -> bool:
        """Whether its runs have a journal when they begin."""
        return self.path is not None and any(child.former for child in self.children)


INSERT = """
insert into fanouts (uuid, workspace_uuid, run_uuid, node_uuid, visit, attempt, seq, kind, lane, depth, root_uuid, top_uuid, size,
    left_count, fail_fast, digest, first_run, last_run, created_ms)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
RUNS = """
copy runs (uuid, fanout_uuid, parent_uuid, parent_node_uuid, shard_uuid, inline, is_group_parent, workspace_uuid, workflow_uuid, graph_uuid,
    release_uuid, user_uuid, trace_uuid, parent_batch_uuid, record_id, record_title, item, replay_of, replay_root, record, created_ms,
    updated_ms) from stdin
"""
SHARDS = """
insert into shards (uuid, workspace_uuid, batch_uuid, no, lane, state, children, first_run, last_run, touched_ms)
values (%s, %s, %s, 0, %s, %s, true, %s, %s, %s)
"""
COUNT_BELOW = """
update fanouts f set below = f.below + v.added from unnest(%s::uuid[], %s::bigint[]) as v(uuid, added) where f.uuid = v.uuid
"""
TOTALS = """
select run_uuid, sum(size + below)::bigint from fanouts where run_uuid = any(%s) group by run_uuid
"""
LOCK = "select 1 from fanouts where uuid = any(%s) order by uuid for update"
COUNT_OFF = """
update fanouts f set left_count = f.left_count - v.ended, failed_count = f.failed_count + v.failed
from unnest(%s::uuid[], %s::int[], %s::int[]) as v(uuid, ended, failed) where f.uuid = v.uuid
"""
# The run that waited is due: whoever wakes parked runs takes it next.
LET_GO = """
update runs r set wake_ms = %s from fanouts f
where f.uuid = any(%s) and r.uuid = f.run_uuid and r.waiting_for = f.uuid and r.status = 'idle' and r.finished_ms is null
    and r.wake_ms is null and (f.left_count <= 0 or (f.fail_fast and f.failed_count > 0))
"""


# Runs that do others again, and whoever lists items, look at them: they go when the runs have gone. A run's id begins with its time.
FORGET = "delete from fanouts where run_uuid < (select uuid from runs order by uuid limit 1)"


async def prune(connection: Connection) -> int:
    """Let go of the fan-outs of runs that are gone; returns how many."""
    return (await connection.execute(FORGET)).rowcount


async def insert(connection: Connection, fanouts: Sequence[Fanout], parent_shards: Sequence[uuid.UUID]) -> None:
    """Write fan-outs and their runs; `parent_shards` are the shards that their parents are in. Sets `refused`."""
    await _count_below(connection, [fanout for fanout in fanouts if fanout.depth > 1])
    pairs = [(fanout, shard) for fanout, shard in zip(fanouts, parent_shards, strict=True) if not fanout.refused]
    if not pairs:
        return
    async with connection.cursor() as cursor:
        await cursor.executemany(INSERT, [_values(fanout) for fanout, _ in pairs])
        shards = [values for fanout, _ in pairs for values in _shards(fanout)]
        if shards:
            await cursor.executemany(SHARDS, shards)
        async with cursor.copy(RUNS) as copy:
            for fanout, shard in pairs:
                for piece in _lines(fanout, shard):
                    await copy.write(piece)
                    await asyncio.sleep(0)
    for fanout, _ in pairs:
        if fanout.path is not None:
            formers = [(child.uuid, child.former.uuid) for child in fanout.children if child.former]
            await replay.copy_into_children(connection, formers, fanout.node_inside, fanout.path)


async def _count_below(connection: Connection, nested: Sequence[Fanout]) -> None:
    """Count runs that are further down, under a lock on their first fan-out, and refuse what would be too many below one run."""
    for fanout in nested:
        fanout.refused = False
    if not nested:
        return
    await _add_below(connection, nested, 1)
    cursor = await connection.execute(TOTALS, (list({fanout.root for fanout in nested}),))
    totals: dict[uuid.UUID, int] = dict(await cursor.fetchall())
    for fanout in reversed(nested):
        if totals.get(fanout.root, 0) > MAXIMUM_DESCENDANTS:
            totals[fanout.root] -= len(fanout.children)
            fanout.refused = True
    await _add_below(connection, [fanout for fanout in nested if fanout.refused], -1)


async def _add_below(connection: Connection, nested: Sequence[Fanout], sign: int) -> None:
    added: dict[uuid.UUID, int] = defaultdict(int)
    for fanout in nested:
        added[fanout.top] += sign * len(fanout.children)
    if added:
        await connection.execute(LOCK, (list(added),))
        await connection.execute(COUNT_BELOW, (list(added), list(added.values())))


def _values(fanout: Fanout) -> tuple[Any, ...]:
    size, runs = len(fanout.children), fanout.children
    named = (
        fanout.uuid,
        fanout.head.workspace,
        fanout.run,
        fanout.node,
        fanout.visit,
        fanout.attempt,
        fanout.seq,
        fanout.kind,
        fanout.lane,
    )
    place = (fanout.depth, fanout.root, fanout.top, size, size, fanout.fail_fast, fanout.digest, runs[0].uuid, runs[-1].uuid, fanout.now)
    return (*named, *place)


def _shards(fanout: Fanout) -> Iterator[tuple[Any, ...]]:
    # A tool that nobody waits for gets its job at once; the many items of a group are let in a few shards at a time.
    state = "queued" if fanout.at_once else "waiting"
    for shard, runs in fanout.shards or ():
        yield (shard, fanout.head.workspace, fanout.head.batch, fanout.lane, state, runs[0].uuid, runs[-1].uuid, fanout.now)


def _lines(fanout: Fanout, parent_shard: uuid.UUID) -> Iterator[str]:
    head = fanout.head
    names = (head.workspace, head.workflow, head.graph, head.release or NULL, head.user or NULL, head.trace, head.batch or NULL)
    shared = "\t".join(str(name) for name in names) + f"\t{escape(head.record_id)}\t{escape(head.record_title)}"
    above = f"{fanout.uuid}\t{fanout.run}\t{escape(fanout.node)}"
    inline = fanout.shards is None
    place = f"{'t' if inline else 'f'}\t{'t' if fanout.kind == 'group' else 'f'}"
    for shard, runs in fanout.shards if fanout.shards is not None else [(parent_shard, fanout.children)]:
        for begin in range(0, len(runs), PIECE_ROWS):
            yield "".join(
                f"{run.uuid}\t{above}\t{shard}\t{place}\t{shared}\t{run.item}\t{_former(run)}\t{escape(run.record.decode())}\t"
                f"{fanout.now}\t{fanout.now}\n"
                for run in runs[begin : begin + PIECE_ROWS]
            )


def _former(run: ChildRun) -> str:
    return f"{run.former.uuid}\t{run.former.root}" if run.former else f"{NULL}\t{NULL}"


async def lock(connection: Connection, fanouts: Sequence[uuid.UUID]) -> None:
    """Before the rows of any runs: one order for everybody who lets parents go on, so that none waits for another in a circle."""
    if fanouts:
        await connection.execute(LOCK, (list(fanouts),))


async def count_ended(connection: Connection, ended: Sequence[tuple[uuid.UUID, bool]], waiting: Sequence[uuid.UUID], now: int) -> bool:
    """Take ended runs (fan-out, failed) off their fan-outs, and make due the parents that now have nothing to wait for; True if any is.

    `waiting`: the fan-outs for which a parent has begun to wait in this transaction: they may be over already.
    """
    counts: dict[uuid.UUID, list[int]] = {}
    for fanout, failed in ended:
        row = counts.setdefault(fanout, [0, 0])
        row[0] += 1
        row[1] += failed
    if counts:
        columns = list(zip(*counts.values(), strict=True))
        await connection.execute(COUNT_OFF, (list(counts), list(columns[0]), list(columns[1])))
    looked_at = list({*counts, *waiting})
    if not looked_at:
        return False
    return (await connection.execute(LET_GO, (now, looked_at))).rowcount > 0
