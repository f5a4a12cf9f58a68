"""Single runs: claimed with their rows by one of the workers that hear of them, and ended in one statement together with their shards."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.dispatch import singles
from cargo_ai.engine.dispatch.singles import ClaimedRun
from cargo_ai.engine.graph.walk import Attempt, Execution
from cargo_ai.engine.journal import single_flush
from cargo_ai.engine.journal.flush import new_flush_id, write
from cargo_ai.engine.journal.shard_flush import HeldShard, RunUpdate, ShardFlush
from cargo_ai.engine.journal.tables import executions
from cargo_ai.engine.worker.single_runs import SingleRuns
from cargo_ai.kernel import clock, ids
from cargo_ai.ledger.amounts import ZERO
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.engine_worker import Effects, EngineWorker

Link = psycopg.AsyncConnection[Any]
NASTY = 'tab\t line\n back\\slash "quoted" {a,b} NULL \\N é 会社 🎉 \x01'
JOURNAL = "select * from execution_rows where run_uuid = %s order by seq"
COUNTED = (
    "select node_uuid, sum(total) as total, sum(success) as success, sum(error) as error, sum(idle) as idle from node_metrics "
    "where workflow_uuid = %s group by 1 order by 1"
)
USED = (
    "select sum(u.count) as count, sum(u.amount) as amount from ledger_usage u join ledger_labels l on l.uuid = u.label_uuid "
    "where l.workflow_uuid = %s and l.unit = 'orchestration.executions'"
)


async def claimed(harness: EngineHarness, run: uuid.UUID, owner: str = "me") -> ClaimedRun:
    """The run, claimed as by a worker that has heard of it."""
    async with harness.pool.connection() as connection:
        (found,) = await singles.claim_runs(connection, [await harness.shard_of(run)], owner, clock.now_ms())
    return found


def ending(harness: EngineHarness, shard: HeldShard, run: uuid.UUID, *, status: str = "success", text: str = "") -> ShardFlush:
    """What ends a run of one node."""
    shard.single = True
    part = ShardFlush(shard)
    outcome = "success" if status == "success" else "error"
    entry = Execution(
        0, "a", "a", 1, outcome, 0, "b", f"done {text}", None if status == "success" else text, (text, "two") if text else (),
        b'{"x":"\\u0000"}', b"{}", 0.0, 1_000, 2_000, False, attempts=2, earlier=(Attempt(1, 2, text),), log=text,
    )  # fmt: skip
    part.executions.append((str(run), entry, None))
    part.count(harness.counts_for(), entry)
    part.updates.append(RunUpdate(str(run), status, 5_000, None if status == "success" else text))
    return part


def held(run: ClaimedRun) -> HeldShard:
    """The shard as its owner holds it."""
    return HeldShard(run.shard.uuid, run.shard.epoch, run.shard.workspace, None, run.shard.lane)


@pytest.mark.parametrize("status", ["success", "error"])
async def test_one_statement_writes_what_the_common_way_does_and_removes_the_shard(
    harness: EngineHarness, connection: Link, status: str
) -> None:
    other = EngineHarness(harness.pool, harness.queue, harness.sources)
    run, twin = await harness.run({"a": 1}), await other.run({"a": 1})
    single, common = held(await claimed(harness, run)), held(await claimed(other, twin))
    parts = [ending(harness, single, run, status=status, text=NASTY), ending(other, common, twin, status=status, text=NASTY)]
    assert all(single_flush.is_single(part) for part in parts)
    assert await single_flush.write(connection, parts[:1], 0)
    await write(connection, parts[1:], new_flush_id(), 0, clock.now_ms(), ZERO)
    own = {"run_uuid", "workspace_uuid"}
    for statement in (JOURNAL, "select status, rare_status, error_message, finished_ms, position, credits from runs where uuid = %s"):
        ours, theirs = [await at.rows(statement, uid) for at, uid in ((harness, run), (other, twin))]
        assert [{name: row[name] for name in row if name not in own} for row in ours] == [
            {name: row[name] for name in row if name not in own} for row in theirs
        ]
        assert len(ours) == 1
        noted = [await at.rows("select run_uuid from failed_runs where workflow_uuid = %s", at.workflow) for at in (harness, other)]
        assert [len(rows) for rows in noted] == [status == "error"] * 2
    assert await harness.rows(COUNTED, harness.workflow) == await other.rows(COUNTED, other.workflow)
    assert await harness.rows(USED, harness.workflow) == await other.rows(USED, other.workflow) != []
    assert await harness.rows("select 1 from shards where uuid = %s", single.uuid) == []


def test_no_column_of_executions_is_forgotten() -> None:
    assert {column.name for column in executions.c} == {*single_flush.COLUMNS, "warnings", "output_file", "is_dropped"}


async def test_where_one_shard_was_taken_over_nothing_of_all_is_written_at_once(harness: EngineHarness, connection: Link) -> None:
    kept, lost = await harness.run(), await harness.run()
    ours, theirs = held(await claimed(harness, kept)), held(await claimed(harness, lost))
    await harness.claimed(theirs.uuid, "another")
    assert not await single_flush.write(connection, [ending(harness, ours, kept), ending(harness, theirs, lost)], 0)
    assert await harness.rows("select 1 from executions where run_uuid = any(%s)", [kept, lost]) == []
    assert await harness.rows(COUNTED, harness.workflow) == []
    assert {row["status"] for row in await harness.rows("select status from runs where uuid = any(%s)", [kept, lost])} == {"pending"}
    assert len(await harness.rows("select 1 from shards where uuid = any(%s)", [ours.uuid, theirs.uuid])) == 2


async def test_a_run_is_claimed_once_and_given_back_when_its_worker_is_dead(harness: EngineHarness) -> None:
    run = await harness.run({"a": 1})
    first = await claimed(harness, run, "dead")
    assert first.row is not None
    assert (first.row["uuid"], first.row["record"], first.shard.epoch) == (run, {"a": 1}, 1)
    async with harness.pool.connection() as connection:
        assert await singles.claim_runs(connection, [first.shard.uuid], "me", clock.now_ms()) == []
        assert await singles.give_back(connection, ["dead"]) == 1
    again = await claimed(harness, run)
    assert (again.shard.epoch, again.shard.tries) == (2, 2)


class Worker:
    """A worker that claims single runs and drives them."""

    def __init__(self, harness: EngineHarness, url: str, slots: int) -> None:
        self.name = str(ids.new())
        self.engine = EngineWorker(harness, url, Effects())
        self.single = SingleRuns(harness.pool, self.name, slots, 1, self.engine.driver.drive_single)


@asynccontextmanager
async def working(harness: EngineHarness, url: str, slots: int = 4) -> AsyncGenerator[Worker]:
    worker = Worker(harness, url, slots)
    serving = asyncio.create_task(worker.single.serve())
    try:
        yield worker
    finally:
        worker.single.drain()
        await serving
        await worker.engine.close()


async def ended(harness: EngineHarness, runs: list[uuid.UUID]) -> None:
    """Return when all have ended well, and none of their shards is left."""
    statement = (
        "select count(*) filter (where status = 'success') as ended, (select count(*) from shards where first_run = any(%s)) as left "
        "from runs where uuid = any(%s)"
    )
    async with asyncio.timeout(30):
        while await harness.row(statement, runs, runs) != {"ended": len(runs), "left": 0}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_workers_share_what_they_hear_and_what_one_leaves_another_takes(harness: EngineHarness, engine_url: str) -> None:
    runs = [await harness.run({"n": number}) for number in range(12)]
    shards = [str(await harness.shard_of(run)) for run in runs]
    async with working(harness, engine_url) as here, working(harness, engine_url) as there:
        # The third of them never does anything.
        for worker in (here, there):
            worker.single.share_with([here.name, there.name, str(ids.new())])
            for shard in shards:
                worker.single.hear(shard)
        await ended(harness, runs)
    rows = await harness.rows("select run_uuid, count(*) as nodes from executions where run_uuid = any(%s) group by 1", runs)
    assert {row["run_uuid"]: row["nodes"] for row in rows} == dict.fromkeys(runs, 3)


async def test_a_worker_that_has_missed_notifications_finds_the_runs_by_looking(harness: EngineHarness, engine_url: str) -> None:
    runs = [await harness.run({"n": number}) for number in range(6)]
    async with working(harness, engine_url, slots=2) as worker:
        worker.single.look()
        await ended(harness, runs)


async def test_of_one_workspace_a_worker_takes_no_more_than_its_slots_at_once(harness: EngineHarness) -> None:
    begun, may_end = asyncio.Queue[uuid.UUID](), asyncio.Event()

    async def drive(run: ClaimedRun) -> None:
        begun.put_nowait(run.shard.uuid)
        await may_end.wait()

    mine = [str(await harness.shard_of(await harness.run())) for _ in range(4)]
    single = SingleRuns(harness.pool, str(ids.new()), 2, 1, drive)
    serving = asyncio.create_task(single.serve())
    for shard in mine:
        single.hear(f"{shard} {harness.workspace}")
    assert [str(await asyncio.wait_for(begun.get(), 20)) for _ in range(2)] == mine[:2]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(begun.get(), 0.1)
    # As if another workspace had created it.
    other = str(await harness.shard_of(await harness.run()))
    single.hear(f"{other} {ids.new()}")
    assert str(await asyncio.wait_for(begun.get(), 20)) == other
    may_end.set()
    assert {str(await asyncio.wait_for(begun.get(), 20)) for _ in range(2)} == set(mine[2:])
    single.drain()
    await asyncio.wait_for(serving, 20)


async def test_one_that_drains_takes_no_more(harness: EngineHarness, engine_url: str) -> None:
    run = await harness.run()
    async with working(harness, engine_url) as worker:
        worker.single.drain()
        worker.single.hear(str(await harness.shard_of(run)))
    assert (await harness.row("select state from shards where first_run = %s", run))["state"] == "queued"
