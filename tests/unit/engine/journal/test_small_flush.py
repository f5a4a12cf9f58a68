"""What few runs of batches did to their ends, in one statement: the same as the common way writes, and nothing where a shard was taken."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.graph.action import Usage
from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal import flush, small_flush
from cargo_ai.engine.journal.fanout import Fanout
from cargo_ai.engine.journal.packing import KnownPaths
from cargo_ai.engine.journal.shard_flush import HeldShard, RunUpdate, ShardFlush
from cargo_ai.kernel import clock
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.journal.test_flush import NASTY, entry

Link = psycopg.AsyncConnection[Any]
TEXT = " ".join(NASTY)
JOURNAL = """
    select e.seq, e.node_slug, e.visit, e.status, e.next_node_uuid, e.title, e.error_message, e.output::text as output,
        e.config::text as config, e.started_ms, e.finished_ms
    from executions e where e.run_uuid = %s order by 1
"""
RUN = "select status, rare_status, error_message, credits, position, finished_ms, updated_ms from runs where uuid = %s"
COUNTED = "select node_uuid, total, success, error from node_metrics where batch_uuid = %s order by 1"
USED = """
    select l.slug, u.count from ledger_usage u join ledger_labels l on l.uuid = u.label_uuid where l.batch_uuid = %s order by 1
"""
SHARD = "select executed, failed, cancelled, credits, suspect, begun, last_flush = %s as ours from shards where uuid = %s"


def executions(number: int, text: str) -> list[Execution]:
    """Of a run of three nodes."""
    output = b'{"n":%d,"quoted":"\\"\\\\n"}' % number
    return [
        entry(seq, node=slug, slug=slug, next=following, title=f"{slug} {text}", output=output)
        for seq, (slug, following) in enumerate((("a", "b"), ("b", "c"), ("c", None)))
    ]


async def ended(
    harness: EngineHarness, runs: int = 5, *, begun: list[str] | None = None, credits: float = 0.0
) -> tuple[ShardFlush, uuid.UUID, list[str]]:
    """A flush in which all runs of a batch end, the last of them in error; the batch and its runs."""
    batch = await harness.batch(runs, shard_size=runs)
    (shard,) = await harness.shards(batch)
    part = ShardFlush((await harness.claimed(shard["uuid"]))[1])
    part.begun, part.shard.suspect = begun, "a:1"
    uuids = [str(run["uuid"]) for run in await harness.runs(batch)]
    for number, run in enumerate(uuids):
        made = executions(number, TEXT)
        if number == runs - 1:
            made[2] = made[2]._replace(status="error", error=TEXT, warnings=("one", TEXT), child=None)
        if credits:
            made[1] = made[1]._replace(credits=credits, usage=Usage("native.b"))
        for execution in made:
            part.executions.append((run, execution, None))
            part.count(harness.counts_for(batch), execution)
        is_last = number == runs - 1
        part.updates.append(RunUpdate(run, "error" if is_last else "success", 5_000 + number, TEXT if is_last else None))
    return part, batch, uuids


async def known_paths(harness: EngineHarness, connection: Link) -> KnownPaths:
    """Those that the runs of `ended` take, after a flush of them."""
    known, (part, _, _) = KnownPaths(), await ended(harness)
    await flush.write(connection, [part], flush.new_flush_id(), 0, clock.now_ms(), known=known)
    return known


async def written(harness: EngineHarness, batch: uuid.UUID, runs: list[str]) -> Any:
    """Everything that a flush writes."""
    return [
        [await harness.rows(JOURNAL, run) for run in runs],
        [await harness.rows(RUN, run) for run in runs],
        await harness.rows(COUNTED, batch),
        await harness.rows(USED, batch),
        len(await harness.rows("select 1 from failed_runs where run_uuid = any(%s::uuid[])", runs)),
        len(await harness.rows("select 1 from packed_executions where run_uuid = any(%s::uuid[])", runs)),
        len(await harness.rows("select 1 from execution_rows where run_uuid = any(%s::uuid[])", runs)),
    ]


async def test_one_statement_writes_what_the_common_way_does(harness: EngineHarness, connection: Link) -> None:
    known = await known_paths(harness, connection)
    first, batch, runs = await ended(harness, begun=["kept"])
    second, twin, others = await ended(harness, begun=["kept"])
    assert small_flush.is_small([first])
    flushes = [flush.new_flush_id(), flush.new_flush_id()]
    assert await small_flush.write(connection, [first], flushes[0], 3, clock.now_ms(), known)
    await flush.write(connection, [second], flushes[1], 3, clock.now_ms(), known=known)
    ours, theirs = await written(harness, batch, runs), await written(harness, twin, others)
    assert ours == theirs
    assert ours[4:] == [1, 4, 3], "four runs are packed, the one that failed is not"
    shards = [await harness.row(SHARD, name, part.shard.uuid) for name, part in zip(flushes, (first, second), strict=True)]
    assert shards[0] == shards[1]
    assert (shards[0]["executed"], shards[0]["failed"], shards[0]["begun"], shards[0]["ours"]) == (5, 1, ["kept"], True)


async def test_what_executions_cost_is_charged_as_by_the_common_way(harness: EngineHarness, connection: Link) -> None:
    made = [await ended(harness, credits=0.25) for _ in range(3)]
    known, ids = KnownPaths(), [flush.new_flush_id() for _ in made]
    for (part, _, _), uid, write in zip(made, ids, (flush.write, small_flush.write, flush.write), strict=True):
        assert small_flush.is_small([part])
        await write(connection, [part], uid, 0, clock.now_ms(), known=known)
    ours, theirs = [await written(harness, batch, runs) for _, batch, runs in made[1:]]
    assert ours == theirs
    statement = "select sum(amount)::float8 as amount, sum(executions)::int as executions from ledger_charges where source_uuid = %s"
    assert [await harness.row(statement, uid) for uid in ids] == [{"amount": 1.25, "executions": 5}] * 3
    shards = [await harness.row(SHARD, uid, part.shard.uuid) for (part, _, _), uid in zip(made, ids, strict=True)]
    assert [shard["credits"] for shard in shards] == [1.25] * 3


async def test_several_shards_are_written_together_and_hear_that_their_batch_is_cancelled(harness: EngineHarness, connection: Link) -> None:
    known = await known_paths(harness, connection)
    made = [await ended(harness) for _ in range(3)]
    await harness.do("update batches set status = 'cancelling' where uuid = %s", made[1][1])
    await harness.do("update shards set signal = 7 where uuid = %s", made[2][0].shard.uuid)
    parts = [part for part, _, _ in made]
    assert await small_flush.write(connection, parts, flush.new_flush_id(), 0, clock.now_ms(), known)
    assert [part.shard.cancelling for part in parts] == [False, True, False]
    assert [part.shard.signal for part in parts] == [0, 0, 7]
    for _, batch, runs in made:
        assert (await written(harness, batch, runs))[4:] == [1, 4, 3]


async def test_a_part_without_rows_only_keeps_its_claim_fresh(harness: EngineHarness, connection: Link) -> None:
    part, _, _ = await ended(harness)
    empty = ShardFlush(part.shard)
    assert await small_flush.write(connection, [empty], flush.new_flush_id(), 0, 9_000_000_000_000, KnownPaths())
    shard = await harness.row("select touched_ms, executed from shards where uuid = %s", part.shard.uuid)
    assert shard == {"touched_ms": 9_000_000_000_000, "executed": 0}


async def test_nothing_is_written_where_one_shard_was_taken_over(harness: EngineHarness, connection: Link) -> None:
    known = await known_paths(harness, connection)
    (kept, batch, runs), (lost, _, _) = await ended(harness), await ended(harness)
    await harness.claimed(lost.shard.uuid, "another")
    assert not await small_flush.write(connection, [kept, lost], flush.new_flush_id(), 0, clock.now_ms(), known)
    assert await written(harness, batch, runs) == [[[]] * 5, await _rows(harness, runs), [], [], 0, 0, 0]
    assert (await harness.row("select executed from shards where uuid = %s", kept.shard.uuid))["executed"] == 0


async def _rows(harness: EngineHarness, runs: list[str]) -> list[Any]:
    rows = [await harness.rows(RUN, run) for run in runs]
    assert all(row["finished_ms"] is None for ((row),) in rows)
    return rows


async def test_paths_that_are_not_stored_are_left_to_the_common_way(harness: EngineHarness, connection: Link) -> None:
    part, _, _ = await ended(harness)
    assert not await small_flush.write(connection, [part], flush.new_flush_id(), 0, clock.now_ms(), KnownPaths())


@pytest.mark.parametrize("what", ["parked", "file", "child", "fan-out", "single", "many"])
async def test_what_is_more_than_ended_runs_is_not_small(harness: EngineHarness, what: str) -> None:
    part, _, (run, *_) = await ended(harness)
    if what == "parked":
        part.updates.append(RunUpdate(run, "idle", 1, position="a"))
    elif what == "file":
        part.executions.append((run, entry(9), "a/file"))
    elif what == "child":
        part.updates[0].fanout = uuid.uuid4()
    elif what == "fan-out":
        part.fanouts.append(Fanout.__new__(Fanout))
    elif what == "single":
        part.shard = HeldShard(part.shard.uuid, 1, part.shard.workspace, None, "interactive")
    else:
        part.executions *= small_flush.MAX_EXECUTIONS
    assert not small_flush.is_small([part])


async def test_more_is_small_where_calls_were_answered(harness: EngineHarness) -> None:
    part, _, (run, *_) = await ended(harness)
    part.executions *= small_flush.MAX_EXECUTIONS // len(part.executions) + 1
    assert not small_flush.is_small([part])
    part.executions.append((run, entry(9)._replace(effect=True), None))
    assert small_flush.is_small([part])
    part.executions *= small_flush.MAX_WITH_EFFECTS // small_flush.MAX_EXECUTIONS
    assert not small_flush.is_small([part])
