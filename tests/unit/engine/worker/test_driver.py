"""Shards on a real PostgreSQL: who drives what, what waits, what is woken, and when a batch is over."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.dispatch import claim
from cargo_ai.engine.dispatch.claim import close_batch
from cargo_ai.engine.dispatch.timers import wake
from cargo_ai.engine.graph.action import Call, Done, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.journal.shard_flush import HOUR
from cargo_ai.engine.worker.driven_shard import CONCURRENT_RUNS
from cargo_ai.engine.worker.driver import LONG_PASSES, PASS_SECONDS, TIME_SLICE_RUNS, catch_up
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness, batch_of, end, now, park
from tests.unit.engine.engine_worker import Effects, EngineWorker
from tests.unit.engine.graphs import actions, effect

Link = psycopg.AsyncConnection[Any]


async def waiting_at_nodes(harness: EngineHarness) -> int:
    """How many runs the counters say are parked."""
    row = await harness.row("select coalesce(sum(idle), 0)::int as idle from node_metrics where workspace_uuid = %s", harness.workspace)
    return int(row["idle"])


async def test_a_shard_is_taken_over_by_the_next_epoch(harness: EngineHarness) -> None:
    shard = await harness.shard_of(await harness.run())
    first, _ = await harness.claimed(shard, "one")
    second, _ = await harness.claimed(shard, "two")
    assert (first.epoch, first.tries, second.epoch, second.tries) == (1, 1, 2, 2)
    assert (await harness.row("select owner, state from shards where uuid = %s", shard)) == {"owner": "two", "state": "running"}


async def test_a_shard_that_waits_or_is_done_cannot_be_taken(harness: EngineHarness) -> None:
    shard = await harness.shard_of(await harness.run())
    async with harness.pool.connection() as connection:
        for state in ("waiting", "done"):
            await connection.execute("update shards set state = %s where uuid = %s", (state, shard))
            assert await claim.claim(connection, shard, "me", now()) is None
        assert await claim.claim(connection, ids.new(), "me", now()) is None


async def test_what_is_left_of_a_shard_is_neither_finished_nor_parked_and_comes_in_pages(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(10)
    uuids = [row["uuid"] for row in await harness.runs(batch)]
    (row,) = await harness.shards(batch)
    claimed, shard = await harness.claimed(row["uuid"])
    await end(connection, shard, uuids[0], uuids[5])
    await park(connection, harness, shard, uuids[1], wake_at=10**15)
    await harness.do("update runs set status = 'cancelling' where uuid = %s", uuids[2])
    first = await claim.unfinished_runs(connection, claimed, None, 3)
    assert [one["uuid"] for one in first] == uuids[2:5]
    rest = await claim.unfinished_runs(connection, claimed, uuids[4], 100)
    assert [one["uuid"] for one in rest] == uuids[6:]
    assert await claim.cancelling_runs(connection, claimed) == {str(uuids[2])}


async def test_a_single_runs_shard_ends_with_it(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    claimed, shard = await harness.claimed(await harness.shard_of(run))
    await end(connection, shard, run)
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    assert await harness.rows("select 1 from shards where uuid = %s", claimed.uuid) == []


async def test_a_shard_that_is_given_back_is_queued_again_without_a_black_mark(harness: EngineHarness) -> None:
    claimed, _ = await harness.claimed(await harness.shard_of(await harness.run()))
    before = await harness.jobs()
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=True)
    assert (await harness.row("select state, tries, owner from shards where uuid = %s", claimed.uuid)) == {
        "state": "queued",
        "tries": 0,
        "owner": None,
    }
    assert await harness.jobs() == [*before, str(claimed.uuid)]


async def test_a_stale_owner_neither_ends_nor_gives_back_a_shard(harness: EngineHarness) -> None:
    stale, _ = await harness.claimed(await harness.shard_of(await harness.run()))
    await harness.claimed(stale.uuid, "two")
    before = await harness.jobs()
    for requeue in (True, False):
        await claim.finish_shard(harness.pool, harness.queue, stale, requeue=requeue)
    assert (await harness.row("select state, owner from shards where uuid = %s", stale.uuid)) == {"state": "running", "owner": "two"}
    assert await harness.jobs() == before


async def admitted(harness: EngineHarness) -> list[dict[str, Any]]:
    return await harness.rows(
        "select batch_uuid, no from shards where workspace_uuid = %s and state in ('queued', 'running') order by no, batch_uuid",
        harness.workspace,
    )


async def test_a_huge_batch_is_let_in_by_and_by(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(100, shard_size=10)
    assert [row["no"] for row in await admitted(harness)] == [10, 20, 30, 40]
    assert len(await harness.jobs()) == 4
    first, *_ = await harness.shards(batch)
    claimed, shard = await harness.claimed(first["uuid"])
    await end(connection, shard, *[row["uuid"] for row in (await harness.runs(batch))[:10]])
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    assert [row["no"] for row in await admitted(harness)] == [20, 30, 40, 50]
    assert (await harness.jobs())[-1] == str((await harness.shards(batch))[4]["uuid"])


async def test_more_slots_let_in_more(harness: EngineHarness) -> None:
    worker = "insert into workers (uuid, host, pid, queue_ids, slots, started_ms, beat_ms) values (%s, 'h', 1, '{}', %s, 0, %s)"
    await harness.do(worker, ids.new(), 3, now())
    await harness.do(worker, ids.new(), 50, now() - 61_000)
    try:
        await harness.batch(100, shard_size=10)
        assert len(await admitted(harness)) == 6
    finally:
        await harness.do("delete from workers")


async def test_batches_of_one_workspace_take_turns_and_another_workspace_is_not_held_up(harness: EngineHarness, connection: Link) -> None:
    big = await harness.batch(100, shard_size=10)
    small = await harness.batch(30, shard_size=10)
    other = EngineHarness(harness.pool, harness.queue, harness.sources)
    await other.batch(20, shard_size=10)
    assert len(await admitted(other)) == 2
    done = 0
    order: list[uuid.UUID] = []
    while queued := await harness.jobs():
        shard = uuid.UUID(queued[0])
        claimed, held = await harness.claimed(shard)
        assert claimed.batch is not None
        order.append(claimed.batch)
        runs = await harness.rows("select uuid from runs where shard_uuid = %s", shard)
        await end(connection, held, *[row["uuid"] for row in runs])
        await harness.do("delete from procrastinate_jobs where args ->> 'shard' = %s", str(shard))
        await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
        done += 1
    assert done == 13
    # Four shards of the big one were in the queue before the small one came; then its three go between.
    assert [at for at, batch in enumerate(order) if batch == small][-1] <= 9
    assert {(await batch_of(harness, batch))["status"] for batch in (big, small)} == {"success"}


async def test_the_first_shards_of_a_workspace_that_comes_late_go_before_the_later_ones_of_others(harness: EngineHarness) -> None:
    first, second = await harness.batch(100, shard_size=10), await harness.batch(100, shard_size=10)
    assert len(await admitted(harness)) == 4
    other = EngineHarness(harness.pool, harness.queue, harness.sources)
    late = await other.batch(20, shard_size=10)
    statement = """
    select s.batch_uuid from procrastinate_jobs j join shards s on s.uuid::text = j.args ->> 'shard'
    where s.batch_uuid = any(%s) and j.status = 'todo' order by j.priority desc, j.id
    """
    order = [row["batch_uuid"] == late for row in await harness.rows(statement, [first, second, late])]
    assert order == [False, True, False, True, False, False]


async def test_a_large_shard_gives_way_to_other_workspaces_and_goes_on_afterwards(harness: EngineHarness, engine_url: str) -> None:
    batch = await harness.batch(350, shard_size=400)
    (shard,) = await harness.shards(batch)
    other = EngineHarness(harness.pool, harness.queue, harness.sources)
    await other.batch(10)
    worker = EngineWorker(harness, engine_url, Effects())
    await harness.do("delete from procrastinate_jobs where args ->> 'shard' = %s", str(shard["uuid"]))
    await worker.driver.drive(str(shard["uuid"]))
    state = await harness.row("select state, executed, tries from shards where uuid = %s", shard["uuid"])
    assert state == {"state": "queued", "executed": TIME_SLICE_RUNS, "tries": 0}
    assert await harness.jobs() == [str(shard["uuid"])]
    await worker.work()
    assert (await batch_of(harness, batch))["executed_count"] == 350
    await worker.close()


async def test_shards_of_batches_have_no_more_runs_under_way_together_than_there_are_slots_for(
    harness: EngineHarness, engine_url: str
) -> None:
    """A shard begins while the last runs of the one before are under way: in the place of those that have ended."""
    effects = Counted()
    harness.nodes = [node("start", children=["act"]), effect("act", ["end"]), node("end")]
    batch = await harness.batch(300, shard_size=60)
    worker = EngineWorker(harness, engine_url, effects, Settings({"CARGO_AI_BATCH_SLOTS": "1"}))
    await worker.work()
    assert effects.most == CONCURRENT_RUNS
    assert len({call.key for call in effects.calls}) == len(effects.calls) == 300
    assert (await batch_of(harness, batch))["executed_count"] == 300
    await worker.close()


async def test_a_shard_does_not_end_without_a_run_that_was_broken_off(harness: EngineHarness, engine_url: str) -> None:
    calls = list[str]()

    class BrokenOff(Effects):
        def actions(self) -> Actions:
            async def act(call: Call) -> Outcome:
                calls.append(call.key)
                if len(calls) == 2:
                    raise asyncio.CancelledError
                return Done({})

            return actions(act)

    harness.nodes = [node("start", children=["act"]), effect("act", ["end"]), node("end")]
    batch = await harness.batch(3, shard_size=3)
    (shard,) = await harness.jobs()
    worker = EngineWorker(harness, engine_url, BrokenOff())
    with pytest.raises(RuntimeError, match="broken off"):
        await worker.driver.drive(shard)
    assert (await harness.row("select state from shards where uuid::text = %s", shard))["state"] == "running"
    await worker.driver.drive(shard)
    found = await batch_of(harness, batch)
    assert (found["status"], found["executed_count"]) == ("success", 3)
    await worker.close()


class Counted(Effects):
    """Effects that take until as many are under way as may be, and a moment longer, counted meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = self.most = 0
        self.are_many = asyncio.Event()

    def actions(self) -> Actions:
        """Of 20 ms after that."""

        async def act(call: Call) -> Outcome:
            self.calls.append(call)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            if self.under_way >= CONCURRENT_RUNS:
                self.are_many.set()
            await self.are_many.wait()
            await asyncio.sleep(0.02)
            self.under_way -= 1
            return Done({})

        return actions(act)


async def test_a_batch_is_over_only_when_all_is_read_and_all_has_ended(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(5)
    uuids = [row["uuid"] for row in await harness.runs(batch)]
    (row,) = await harness.shards(batch)
    _, shard = await harness.claimed(row["uuid"])
    await end(connection, shard, *uuids[:3])
    await end(connection, shard, uuids[3], status="error")
    assert not await close_batch(connection, batch)
    await harness.do("update batches set enumerated = false where uuid = %s", batch)
    await end(connection, shard, uuids[4], status="cancelled")
    assert not await close_batch(connection, batch)
    await harness.do("update batches set enumerated = true where uuid = %s", batch)
    assert await close_batch(connection, batch)
    assert not await close_batch(connection, batch)
    found = await batch_of(harness, batch)
    counts = {name: found[name] for name in ("status", "executed_count", "failed_count", "cancelled_count", "credits")}
    assert counts == {"status": "success", "executed_count": 4, "failed_count": 1, "cancelled_count": 1, "credits": 5.0}
    assert await harness.shards(batch) == []


async def test_of_many_who_end_a_batch_together_one_does(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(1)
    (row,) = await harness.shards(batch)
    _, shard = await harness.claimed(row["uuid"])
    await end(connection, shard, (await harness.runs(batch))[0]["uuid"])

    async def close() -> bool:
        async with harness.pool.connection() as link:
            return await close_batch(link, batch)

    assert sorted(await asyncio.gather(*(close() for _ in range(4)))) == [False, False, False, True]


async def test_the_end_of_a_batch_is_reported(harness: EngineHarness, connection: Link, engine_url: str) -> None:
    async with await psycopg.AsyncConnection[Any].connect(engine_url, autocommit=True) as listener:
        await listener.execute("listen cargo_done")
        batch = await harness.batch(0)
        assert [note.payload async for note in listener.notifies(timeout=60, stop_after=1)] == [str(batch)]


async def wake_all(harness: EngineHarness) -> int:
    return await wake.wake_due_runs(harness.pool, harness.queue)


async def test_due_runs_of_a_batch_come_into_one_shard_that_goes_first(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(30, shard_size=5)
    first, *_ = await harness.shards(batch)
    _, shard = await harness.claimed(first["uuid"])
    uuids = [row["uuid"] for row in (await harness.runs(batch))[:5]]
    await park(connection, harness, shard, *uuids[:3], batch=batch)
    await park(connection, harness, shard, uuids[3], wake_at=now() + 10**9, batch=batch)
    assert await waiting_at_nodes(harness) == 4
    assert await wake_all(harness) == 3
    assert await waiting_at_nodes(harness) == 1
    moved = [await harness.shard_of(run) for run in uuids]
    assert len(set(moved[:3])) == 1 and set(moved[3:]) == {shard.uuid} and moved[0] != shard.uuid
    row = await harness.row("select * from shards where uuid = %s", moved[0])
    assert (row["no"], row["lane"], row["state"], row["first_run"], row["last_run"]) == (0, "batch", "waiting", uuids[0], uuids[2])
    claimed, _ = await harness.claimed(first["uuid"])
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    assert (await harness.row("select state from shards where uuid = %s", moved[0]))["state"] == "queued"
    woken = await harness.row("select status, wake_ms, position from runs where uuid = %s", uuids[0])
    assert woken == {"status": "pending", "wake_ms": None, "position": "v"}


async def test_due_single_runs_are_each_queued_on_the_interactive_lane(harness: EngineHarness, connection: Link) -> None:
    runs = [await harness.run() for _ in range(3)]
    for run in runs:
        claimed, shard = await harness.claimed(await harness.shard_of(run))
        await park(connection, harness, shard, run)
        await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    assert await wake_all(harness) == 3
    shards = [await harness.shard_of(run) for run in runs]
    assert len(set(shards)) == 3
    assert await harness.jobs() == [str(shard) for shard in shards]
    found = await harness.rows("select distinct lane, state from shards where uuid = any(%s)", shards)
    assert found == [{"lane": "interactive", "state": "queued"}]


async def test_many_wake_together_and_no_run_is_woken_twice(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(600, shard_size=400)
    for row in await harness.shards(batch):
        _, shard = await harness.claimed(row["uuid"])
        runs = await harness.rows("select uuid from runs where shard_uuid = %s", shard.uuid)
        await park(connection, harness, shard, *[run["uuid"] for run in runs], batch=batch)
    assert sum(await asyncio.gather(*(wake_all(harness) for _ in range(4)))) == 600
    woken = await harness.rows(
        "select count(*)::int as runs from runs where batch_uuid = %s and status = 'pending' group by shard_uuid", batch
    )
    sizes = [one["runs"] for one in woken]
    # Of four that scan at once, each may find the rest of a group locked by another, and make a smaller shard.
    assert (sum(sizes), max(sizes)) == (600, 200) and len(sizes) <= 3 + 4
    assert await waiting_at_nodes(harness) == 0


async def test_the_next_due_moment_is_known(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    at = now() + 10**8
    await park(connection, harness, await harness.held(run), run, wake_at=at)
    assert await wake.next_due(connection) == at
    await harness.do("update runs set wake_ms = null where uuid = %s", run)


def test_an_hour_of_counting_is_an_hour() -> None:
    assert HOUR == 3_600_000


@pytest.mark.parametrize(("seconds", "passes", "waited"), [(0.0, 100, 1), (PASS_SECONDS, 2, 3), (PASS_SECONDS, 100, LONG_PASSES)])
async def test_a_shard_starts_no_more_runs_while_passes_of_the_event_loop_take_long(seconds: float, passes: int, waited: int) -> None:
    """What has come to this process and is not yet in the journal is asked for again after a crash."""
    made = 0

    def work() -> None:
        nonlocal made
        made += 1
        end = clock.worked_seconds() + seconds
        while clock.worked_seconds() < end:
            pass
        if made < passes:
            asyncio.get_running_loop().call_soon(work)

    asyncio.get_running_loop().call_soon(work)
    await catch_up()
    assert made == waited if waited == LONG_PASSES else made <= waited
