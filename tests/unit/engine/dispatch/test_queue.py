"""The queue on a real PostgreSQL: a job that no one does, though a living worker is said to, is found again."""

from __future__ import annotations

import asyncio
import logging

import pytest
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import places
from cargo_ai.engine.dispatch.queue import Queue, goes_on
from cargo_ai.kernel import ids
from tests.unit.engine.conftest import EngineHarness

FETCHED = "update procrastinate_jobs set status = 'doing', worker_id = %s, scheduled_at = null where task_name = %s"


async def until_gone(harness: EngineHarness, task: str) -> None:
    """Return when no job of that name is left."""
    for _ in range(500):
        if not await harness.rows("select 1 from procrastinate_jobs where task_name = %s", task):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("a job is left over")


async def test_a_job_that_was_fetched_by_a_word_that_got_lost_is_given_back_at_the_second_look(harness: EngineHarness) -> None:
    task, done, going, may_end = f"task {ids.new()}", list[str](), asyncio.Event(), asyncio.Event()
    queue = Queue(polling=0.05)

    async def work(name: str) -> None:
        going.set()
        if name == "long":
            await may_end.wait()
        done.append(name)

    queue.register(task, work)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 2}))
        async with pool.connection() as connection:
            await queue.defer(connection, task, "interactive", name="long")
        await asyncio.wait_for(going.wait(), 20)
        async with pool.connection() as connection:
            # In an hour, so that no one fetches it; then it is as if this process had, and had never heard of it.
            await queue.defer_later(connection, task, "interactive", 3_600, name="lost")
            await connection.execute(f"{FETCHED} and args ->> 'name' = 'lost'", (queue.ids()[0], task))
        assert [await queue.recover(), await queue.recover(), await queue.recover()] == [0, 1, 0]
        may_end.set()
        await until_gone(harness, task)
        queue.stop()
        await serving
    assert sorted(done) == ["long", "lost"]


async def test_the_next_job_comes_when_one_leaves_its_place_before_its_end(harness: EngineHarness) -> None:
    task, begun = f"task {ids.new()}", asyncio.Queue[str]()
    may_leave, may_end = asyncio.Event(), asyncio.Event()
    queue = Queue(polling=0.02)

    async def work(name: str) -> None:
        leave = queue.place()
        begun.put_nowait(name)
        if name == "first":
            await may_leave.wait()
            leave()
            leave()
        await may_end.wait()

    queue.register(task, work)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 1}))
        async with pool.connection() as connection:
            await queue.defer_many(connection, task, "interactive", [{"name": name} for name in ("first", "second", "third")])
        assert await asyncio.wait_for(begun.get(), 20) == "first"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(begun.get(), 0.1)
        may_leave.set()
        assert await asyncio.wait_for(begun.get(), 20) == "second"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(begun.get(), 0.1)
        states = await harness.rows("select args ->> 'name' as name, status from procrastinate_jobs where task_name = %s order by id", task)
        assert [tuple(row.values()) for row in states] == [("first", "doing"), ("second", "doing"), ("third", "todo")]
        may_end.set()
        await until_gone(harness, task)
        queue.stop()
        await asyncio.wait_for(serving, 20)


async def test_of_the_jobs_of_a_turn_one_is_done_after_the_other_and_others_find_slots(harness: EngineHarness) -> None:
    task, begun, may_end = f"task {ids.new()}", asyncio.Queue[str](), asyncio.Semaphore(0)
    queue = Queue(polling=60)

    async def work(name: str) -> None:
        begun.put_nowait(name)
        await may_end.acquire()

    queue.register(task, work)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        await pool.open()
        async with pool.connection() as connection:
            for name in ("a1", "a2", "a3", "b1"):
                await queue.defer_in_turn(connection, task, "interactive", f"{task} {name[0]}", name=name)
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 2}))
        assert [await asyncio.wait_for(begun.get(), 20) for _ in range(2)] == ["a1", "b1"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(begun.get(), 0.1)
        for name in ("a2", "a3"):
            # Also though both slots are free: b1 or a1 has ended, then the other.
            may_end.release()
            may_end.release()
            assert await asyncio.wait_for(begun.get(), 20) == name
        may_end.release()
        await until_gone(harness, task)
        queue.stop()
        await asyncio.wait_for(serving, 20)


async def test_jobs_of_a_workspace_that_has_all_slots_leave_the_reserve_to_others(harness: EngineHarness) -> None:
    task, begun, may_end = f"task {ids.new()}", asyncio.Queue[str](), asyncio.Semaphore(0)
    queue = Queue(polling=60)

    async def work(workspace: str, name: str) -> None:
        begun.put_nowait(f"{workspace}{name}")
        await may_end.acquire()

    queue.register(task, work)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        await pool.open()
        async with pool.connection() as connection:
            jobs = [{"workspace": name[0], "name": name[1]} for name in ("a1", "a2", "a3", "a4", "b1", "b2")]
            await queue.defer_many(connection, task, "interactive", jobs)
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 2}, {"interactive": 1}))
        assert [await asyncio.wait_for(begun.get(), 20) for _ in range(3)] == ["a1", "a2", "b1"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(begun.get(), 0.1)
        # When one ends, the next is fetched, though no one asks before a minute has passed.
        for name in ("a3", "a4", "b2"):
            may_end.release()
            assert await asyncio.wait_for(begun.get(), 20) == name
        for _ in range(3):
            may_end.release()
        await until_gone(harness, task)
        queue.stop()
        await asyncio.wait_for(serving, 20)


async def test_the_workspace_of_a_shard_and_of_a_batch_is_known(harness: EngineHarness) -> None:
    begun, may_end = asyncio.Queue[str](), asyncio.Event()
    queue = Queue(polling=60)

    async def work(batch: str = "", shard: str = "") -> None:
        begun.put_nowait("batch" if batch else "shard" if shard else "of no workspace")
        await may_end.wait()

    queue.register(task := f"task {ids.new()}", work)
    run, batch = await harness.run(), await harness.batch(1, enumerated=False)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        await pool.open()
        async with pool.connection() as connection:
            await queue.defer(connection, task, "interactive", shard=str(await harness.shard_of(run)))
            await queue.defer(connection, task, "interactive", batch=str(batch))
            await queue.defer(connection, task, "interactive")
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 1}, {"interactive": 1}))
        assert [await asyncio.wait_for(begun.get(), 20) for _ in range(2)] == ["shard", "of no workspace"]
        may_end.set()
        assert await asyncio.wait_for(begun.get(), 20) == "batch"
        await until_gone(harness, task)
        queue.stop()
        await asyncio.wait_for(serving, 20)


async def test_a_job_that_fails_or_that_no_one_knows_leaves_its_place(harness: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 30.0)
    task, unknown = f"task {ids.new()}", f"unknown {ids.new()}"
    queue = Queue(polling=0.02)

    async def work() -> None:
        raise ValueError

    queue.register(task, work)
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 1}))
        for _ in range(3):
            async with pool.connection() as connection:
                await queue.defer(connection, unknown, "interactive")
                await queue.defer(connection, task, "interactive")
        await until_gone(harness, unknown)
        await until_gone(harness, task)
        queue.stop()
        await asyncio.wait_for(serving, 20)


async def test_a_job_that_another_worker_has_recovered_and_a_third_one_does_is_left_alone(harness: EngineHarness) -> None:
    """Two workers that start after a total kill see the same dead worker's job; the slower one comes when it is being done again."""
    task = f"task {ids.new()}"
    made = "insert into procrastinate_workers (last_heartbeat) values (now() - %s * interval '1 second') returning id"
    (dead,), (living,) = await harness.rows(made, 3_600), await harness.rows(made, 0)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        slower = Queue(polling=0.05, stalled_after=0.1)  # a database that has just come up judges no one for that long
        await slower.open(pool)
        async with pool.connection() as connection:
            await slower.defer(connection, task, "interactive")
            await connection.execute(FETCHED, (dead["id"], task))
        async with pool.connection() as faster:
            await faster.execute("select 1 from procrastinate_jobs where task_name = %s for update", (task,))
            recovering = asyncio.create_task(slower.recover())
            await until_waiting(harness)
            again = "update procrastinate_jobs set status = 'todo', attempts = attempts + 1 where task_name = %s"
            await faster.execute(again, (task,))
            await faster.execute(FETCHED, (living["id"], task))
        assert await recovering == 0
        row = await harness.row("select status, worker_id, attempts from procrastinate_jobs where task_name = %s", task)
        assert (row["status"], row["worker_id"], row["attempts"]) == ("doing", living["id"], 1)
        await harness.do("delete from procrastinate_jobs where task_name = %s", task)


async def test_an_owner_that_ends_a_job_which_was_given_to_another_leaves_it_to_that(harness: EngineHarness) -> None:
    task, begun, may_end = f"task {ids.new()}", asyncio.Event(), asyncio.Event()
    queue = Queue(polling=0.05)

    async def work() -> None:
        begun.set()
        await may_end.wait()

    queue.register(task, work)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 1}))
        async with pool.connection() as connection:
            await queue.defer(connection, task, "interactive")
        await asyncio.wait_for(begun.wait(), 20)
        # As if the job of a silent worker had been given back, and another had it now.
        await harness.rows(
            "update procrastinate_jobs set attempts = attempts + 1, worker_id = null where task_name = %s returning id", task
        )
        may_end.set()
        queue.stop()
        await serving
    assert len(await harness.rows("delete from procrastinate_jobs where task_name = %s returning id", task)) == 1


async def until_waiting(harness: EngineHarness) -> None:
    """Return when a session of this database waits for a row."""
    waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    for _ in range(500):
        if await harness.rows(waits):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no session waits")


async def test_a_queue_that_stops_waits_for_its_jobs_but_leaves_those_that_go_on_elsewhere_to_another(harness: EngineHarness) -> None:
    short, long = f"task {ids.new()}", f"task {ids.new()}"
    begun, may_end, done = asyncio.Queue[str](), asyncio.Event(), list[str]()

    async def end_in_order() -> None:
        begun.put_nowait("short")
        await may_end.wait()
        done.append("short")

    @goes_on
    async def go_on(part: str) -> None:
        begun.put_nowait(part)
        await asyncio.Event().wait()

    async def go_on_elsewhere(part: str) -> None:
        done.append(part)

    queue, other = Queue(polling=0.05), Queue(polling=0.05)
    queue.register(short, end_in_order)
    queue.register(long, go_on)
    other.register(long, go_on_elsewhere)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        serving = asyncio.create_task(queue.serve(pool, {"interactive": 4}))
        async with pool.connection() as connection:
            await queue.defer(connection, long, "interactive", part="long")
            await queue.defer(connection, short, "interactive")
        assert {await asyncio.wait_for(begun.get(), 20) for _ in range(2)} == {"short", "long"}
        queue.stop()
        next_one = asyncio.create_task(other.serve(pool, {"interactive": 4}))
        await until_gone(harness, long)
        assert (done, serving.done()) == (["long"], False)
        may_end.set()
        await asyncio.wait_for(serving, 20)
        other.stop()
        await asyncio.wait_for(next_one, 20)
    assert done == ["long", "short"]
