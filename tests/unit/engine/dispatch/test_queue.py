"""The queue on a real PostgreSQL: a job that no one does, though a living worker is said to, is found again."""

from __future__ import annotations

import asyncio

from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch.queue import Queue
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


async def test_a_job_that_another_worker_has_recovered_and_a_third_one_does_is_left_alone(harness: EngineHarness) -> None:
    """Two workers that start after a total kill see the same dead worker's job; the slower one comes when it is being done again."""
    task = f"task {ids.new()}"
    made = "insert into procrastinate_workers (last_heartbeat) values (now() - %s * interval '1 second') returning id"
    (dead,), (living,) = await harness.rows(made, 3_600), await harness.rows(made, 0)
    async with AsyncConnectionPool(harness.pool.conninfo, min_size=2, max_size=6, open=False) as pool:
        slower = Queue(polling=0.05)
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


async def until_waiting(harness: EngineHarness) -> None:
    """Return when a session of this database waits for a row."""
    waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    for _ in range(500):
        if await harness.rows(waits):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no session waits")
