"""Housekeeping on a real PostgreSQL: a chore that fails, or waits, keeps none of the others from being done."""

from __future__ import annotations

import asyncio
import uuid

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.worker.housekeeping import Chore, Housekeeping
from cargo_ai.kernel import clock, ids, tasks
from cargo_ai.store.session import with_options
from tests.unit.engine.conftest import EngineHarness, now, park


async def test_parked_runs_are_woken_whatever_the_other_chores_do(harness: EngineHarness) -> None:
    done = asyncio.Event()

    async def fails() -> None:
        raise RuntimeError("a table is gone")

    async def follows() -> None:
        done.set()

    chores = (Chore("fails", fails), Chore("follows", follows))
    housekeeping = Housekeeping(harness.pool, harness.queue, ids.new(), 1, stalled_after=30, chores=chores)
    run = await harness.run()
    async with harness.pool.connection() as link:
        await park(link, harness, await harness.held(run), run)
    housekeeping_task = asyncio.create_task(housekeeping.run())
    try:
        await asyncio.wait_for(done.wait(), 30)
        await _until(harness, "select count(*) as n from runs where uuid = %s and status = 'idle'", 0, run)
    finally:
        await tasks.cancel(housekeeping_task)
        await housekeeping.deregister()


async def test_one_of_two_workers_does_the_chores_and_the_other_when_that_is_gone(harness: EngineHarness) -> None:
    done, chore_of = list[str](), {"first": asyncio.Event(), "second": asyncio.Event()}

    def housekeeping_of(name: str, worker: uuid.UUID) -> Housekeeping:
        async def note() -> None:
            done.append(name)
            chore_of[name].set()

        async def note_own() -> None:
            done.append(f"{name}'s own")

        chores = (Chore("for all", note), Chore("own", note_own, in_each=True))
        return Housekeeping(harness.pool, harness.queue, worker, 1, stalled_after=6, chores=chores)

    least, other = sorted([ids.new(), ids.new()])
    first, second = housekeeping_of("first", least), housekeeping_of("second", other)
    tasks_of = [asyncio.create_task(housekeeping.run()) for housekeeping in (first, second)]
    beaten = "select count(*) as n from workers where beat_ms > started_ms + 700"
    try:
        await _until(harness, beaten, 2)
        await asyncio.wait_for(chore_of["first"].wait(), 60)
        assert sorted(done) == ["first", "first's own", "second's own"]
        await tasks.cancel(tasks_of[0])
        await first.deregister()
        await asyncio.wait_for(chore_of["second"].wait(), 60)
    finally:
        await tasks.cancel(*tasks_of)
        await second.deregister()


async def test_a_worker_that_stopped_in_the_middle_of_a_transaction_is_reaped_though_others_wait_for_its_lock(
    harness: EngineHarness, engine_url: str
) -> None:
    dead, long_ago = ids.new(), now() - 60_000
    row = "insert into workers (uuid, host, pid, queue_ids, slots, started_ms, beat_ms) values (%s, 'here', 1, '{}', 2, %s, %s)"
    await harness.do(row, dead, long_ago, now())
    batch = await harness.batch(1)
    (run,) = await harness.runs(batch)
    (shard,) = await harness.shards(batch)
    async with harness.pool.connection() as link:
        await park(link, harness, (await harness.claimed(shard["uuid"]))[1], run["uuid"], batch=batch)
    housekeeping = Housekeeping(harness.pool, harness.queue, ids.new(), 1, stalled_after=6)
    url = with_options(engine_url, application_name=f"cargo-ai engine {dead}")
    async with await psycopg.AsyncConnection[tuple[int]].connect(url) as holder:
        await holder.execute("select pg_advisory_xact_lock(hashtextextended(%s, 7))", (str(harness.workspace),))
        housekeeping_task = asyncio.create_task(housekeeping.run())
        try:
            await _until(harness, "select count(*) as n from pg_locks where locktype = 'advisory' and not granted", 1)
            await harness.do("update workers set beat_ms = %s where uuid = %s", long_ago, dead)
            await _until(harness, "select count(*) as n from runs where batch_uuid = %s and status = 'idle'", 0, batch)
            with pytest.raises(psycopg.OperationalError):
                await holder.execute("select 1")
        finally:
            await tasks.cancel(housekeeping_task)
            await housekeeping.deregister()


async def test_who_was_silent_does_not_take_others_for_dead_before_they_could_beat(
    harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a machine slept, or the database was away, the first worker that beats finds the heartbeats of all others overdue."""
    this, other, asleep = ids.new(), ids.new(), 0.0
    awake = clock.seconds
    monkeypatch.setattr(clock, "seconds", lambda: awake() + asleep)
    housekeeping = Housekeeping(harness.pool, harness.queue, this, 1, stalled_after=3)
    housekeeping_task = asyncio.create_task(housekeeping.run())
    beaten = "select count(*) as n from workers where uuid = %s and beat_ms > %s"
    try:
        await _until(harness, beaten, 1, this, 0)
        row = "insert into workers (uuid, host, pid, queue_ids, slots, started_ms, beat_ms) values (%s, 'here', 1, '{}', 2, %s, %s)"
        await harness.do(row, other, now() - 60_000, now())
        asleep = 60.0
        await harness.do("update workers set beat_ms = %s", now() - 60_000)
        await _until(harness, beaten, 1, this, now() - 30_000)
        assert (await harness.row("select count(*) as n from workers where uuid = %s", other))["n"] == 1
        await _until(harness, "select count(*) as n from workers where uuid = %s", 0, other)
    finally:
        await tasks.cancel(housekeeping_task)
        await housekeeping.deregister()


async def test_what_a_worker_could_not_end_is_given_to_others_as_soon_as_it_has_left(harness: EngineHarness) -> None:
    task, begun, may_end = f"task {ids.new()}", asyncio.Event(), asyncio.Event()
    queue, other = Queue(polling=0.05, stalled_after=3_600), Queue(stalled_after=3_600)

    async def work() -> None:
        begun.set()
        await may_end.wait()

    queue.register(task, work)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 1}))
        async with pool.connection() as connection:
            await queue.defer(connection, task, "interactive")
        await asyncio.wait_for(begun.wait(), 20)
        await other.open(pool)
        before = await other.recover()
        await Housekeeping(pool, queue, ids.new(), 1, stalled_after=3_600).deregister()
        assert (before, await other.recover()) == (0, 1)
        await harness.do("delete from procrastinate_jobs where task_name = %s", task)
        may_end.set()
        queue.stop()
        await asyncio.wait_for(serving, 20)


async def _until(harness: EngineHarness, statement: str, wanted: int, *values: object) -> None:
    deadline = clock.seconds() + 60
    while (await harness.row(statement, *values))["n"] != wanted:
        assert clock.seconds() < deadline
        await asyncio.sleep(0.02)
