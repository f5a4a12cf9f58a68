"""Cancelling: what waits and is parked ends at once, what is driven at its next node."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.dispatch import cancel, claim
from cargo_ai.engine.dispatch.claim import close_batch
from cargo_ai.engine.dispatch.timers import wake
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.worker.cancelling import Cancelling
from cargo_ai.kernel import ids
from tests.unit.engine.conftest import EngineHarness, batch_of, end, now, park

Link = psycopg.AsyncConnection[Any]


async def wake_all(harness: EngineHarness) -> int:
    return await wake.wake_due_runs(harness.pool, harness.queue)


async def waiting_at_nodes(harness: EngineHarness) -> int:
    """How many runs the counters say are parked."""
    row = await harness.row("select coalesce(sum(idle), 0)::int as idle from node_metrics where workspace_uuid = %s", harness.workspace)
    return int(row["idle"])


async def test_a_batch_that_was_not_read_yet_is_cancelled_at_once(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(10, enumerated=False)
    assert await cancel.cancel_batch(connection, harness.workspace, batch)
    assert await close_batch(connection, batch)
    await harness.enumerator().enumerate(str(batch))
    found = await batch_of(harness, batch)
    assert (found["status"], found["cursor"]) == ("cancelled", 0)
    assert await harness.runs(batch) == []


async def test_cancelling_a_batch_ends_what_waits_and_is_parked_and_signals_who_drives(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(60, shard_size=10)
    first, second, *_ = await harness.shards(batch)
    runs = [row["uuid"] for row in await harness.runs(batch)]
    _, one = await harness.claimed(first["uuid"])
    parked, two = await harness.claimed(second["uuid"])
    await end(connection, one, runs[0])
    await park(connection, harness, two, *runs[10:20], wake_at=now() + 10**9, batch=batch)
    await claim.finish_shard(harness.pool, harness.queue, parked, requeue=False)
    assert await waiting_at_nodes(harness) == 10
    assert await cancel.cancel_batch(connection, harness.workspace, batch)
    assert await waiting_at_nodes(harness) == 0
    states = {row["uuid"]: row for row in await harness.shards(batch)}
    assert (states[one.uuid]["state"], states[one.uuid]["signal"]) == ("running", 1)
    assert {row["state"] for uid, row in states.items() if uid != one.uuid} == {"done"}
    statuses = [row["status"] for row in await harness.runs(batch)]
    assert statuses == ["success", *["pending"] * 9, *["cancelled"] * 50]
    assert not await close_batch(connection, batch)
    await end(connection, one, *runs[1:10], status="cancelled")
    claimed, _ = await harness.claimed(one.uuid)
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    found = await batch_of(harness, batch)
    assert (found["status"], found["executed_count"], found["cancelled_count"]) == ("cancelled", 1, 59)
    assert not await cancel.cancel_batch(connection, harness.workspace, batch)


async def test_a_large_batch_is_cancelled_part_by_part_also_when_the_worker_dies(
    harness: EngineHarness, connection: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel, "SMALL_BATCH", 50)
    monkeypatch.setattr(cancel, "SHARDS_AT_ONCE", 2)
    monkeypatch.setattr(cancel, "PARKED_AT_ONCE", 7)
    batch = await harness.batch(100, shard_size=10)
    first, *_ = await harness.shards(batch)
    runs = [row["uuid"] for row in await harness.runs(batch)]
    _, held = await harness.claimed(first["uuid"])
    await park(connection, harness, held, *runs[:10], wake_at=now() + 10**9, batch=batch)
    assert await cancel.cancel_batch(connection, harness.workspace, batch)
    # The caller hears that it has begun: the rest is for a job.
    assert Counter(row["status"] for row in await harness.runs(batch)) == {"pending": 90, "idle": 10}
    jobs = await harness.rows("select args from procrastinate_jobs where task_name = %s and args ->> 'batch' = %s", cancel.TASK, str(batch))
    assert len(jobs) == 1
    with monkeypatch.context() as dying:
        dying.setattr(crash_points, "point", die)
        with pytest.raises(Died):
            await Cancelling(harness.pool, harness.queue).end(str(batch))
    assert 0 < Counter(row["status"] for row in await harness.runs(batch))["cancelled"] < 100
    await Cancelling(harness.pool, harness.queue).end(str(batch))
    assert {row["status"] for row in await harness.runs(batch)} == {"cancelled"}
    assert await waiting_at_nodes(harness) == 0
    claimed = await harness.row("select sum(cancelled)::int as cancelled from shards where batch_uuid = %s", batch)
    found = await batch_of(harness, batch)
    assert (claimed["cancelled"] or found["cancelled_count"]) == 100


async def test_a_part_of_a_cancel_goes_on_behind_the_one_before_and_at_last_finds_what_was_parked_in_front(
    harness: EngineHarness, connection: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel, "SMALL_BATCH", 5)
    monkeypatch.setattr(cancel, "PARKED_AT_ONCE", 3)
    batch = await harness.batch(10, shard_size=10)
    (row,) = await harness.shards(batch)
    runs = [run["uuid"] for run in await harness.runs(batch)]
    claimed, held = await harness.claimed(row["uuid"])
    await park(connection, harness, held, *runs[1:], wake_at=now() + 10**9, batch=batch)
    assert await cancel.cancel_batch(connection, harness.workspace, batch)
    ended = list[int]()
    more, last = True, None
    while more:
        more, last = await cancel.cancel_undriven(connection, batch, last)
        ended.append(sum(run["status"] == "cancelled" for run in await harness.runs(batch)))
    assert ended == [3, 6, 9, 9] and last is None
    await park(connection, harness, held, runs[0], wake_at=now() + 10**9, batch=batch)
    await Cancelling(harness.pool, harness.queue).end(str(batch))
    assert {run["status"] for run in await harness.runs(batch)} == {"cancelled"}
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    assert (await batch_of(harness, batch))["status"] == "cancelled" and await waiting_at_nodes(harness) == 0


async def test_parts_of_a_cancel_read_no_run_that_has_ended(harness: EngineHarness, connection: Link) -> None:
    # The planner's numbers say that nearly all runs are parked, as those of a large batch are.
    named: dict[str, Any] = {"batch": ids.new(), "after": ids.new(), "workspace": harness.workspace, "shards": [], "parked": 1_000}
    named |= {"now": now(), "nil": ids.new(), "hour": 1}
    await connection.execute("set local enable_seqscan = off")
    await connection.execute("set local enable_bitmapscan = off")
    plan = "\n".join(row[0] for row in await (await connection.execute(f"explain {cancel.END}", named)).fetchall())
    assert plan.count("AND (ROW(rare_status, uuid) > ROW('idle'::text") >= 2, plan


class Died(Exception):
    """Stands for the end of the process."""


def die(_: str) -> None:
    raise Died


async def test_what_parks_after_its_batch_was_cancelled_ends_with_the_shard(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(2)
    (row,) = await harness.shards(batch)
    claimed, shard = await harness.claimed(row["uuid"])
    runs = [run["uuid"] for run in await harness.runs(batch)]
    await cancel.cancel_batch(connection, harness.workspace, batch)
    await end(connection, shard, runs[0])
    await park(connection, harness, shard, runs[1], wake_at=now() + 10**9, batch=batch)
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    found = await batch_of(harness, batch)
    assert (found["status"], found["executed_count"], found["cancelled_count"]) == ("cancelled", 1, 1)
    assert await waiting_at_nodes(harness) == 0


async def test_a_batch_of_another_workspace_cannot_be_cancelled(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(1)
    assert not await cancel.cancel_batch(connection, ids.new(), batch)
    assert (await batch_of(harness, batch))["status"] == "running"


async def test_parked_runs_are_cancelled_at_once_and_others_at_their_next_node(harness: EngineHarness, connection: Link) -> None:
    parked, live, done = [await harness.run() for _ in range(3)]
    await park(connection, harness, await harness.held(parked), parked, wake_at=now() + 10**9)
    held = await harness.held(live)
    await end(connection, await harness.held(done), done)
    touched, over = await cancel.cancel_runs(connection, harness.workspace, [parked, live, done, ids.new()])
    assert (set(touched), over) == ({parked, live}, set())
    found = {
        row["uuid"]: row["status"] for row in await harness.rows("select uuid, status from runs where uuid = any(%s)", [parked, live, done])
    }
    assert found == {parked: "cancelled", live: "cancelling", done: "success"}
    assert (await harness.row("select signal from shards where uuid = %s", held.uuid))["signal"] == 1
    assert await waiting_at_nodes(harness) == 0
    assert await cancel.cancel_runs(connection, ids.new(), [live]) == ([], set())


async def test_runs_that_no_worker_drives_yet_are_cancelled_at_once(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(30, shard_size=10)
    first, *_ = await harness.shards(batch)
    runs = [row["uuid"] for row in await harness.runs(batch)]
    claimed, driven = await harness.claimed(first["uuid"])
    touched, over = await cancel.cancel_runs(connection, harness.workspace, runs[5:])
    assert (touched, over) == (runs[5:], {batch})
    statuses = [row["status"] for row in await harness.runs(batch)]
    assert statuses == [*["pending"] * 5, *["cancelling"] * 5, *["cancelled"] * 20]
    assert not await close_batch(connection, batch)
    await end(connection, driven, *runs[:5])
    await end(connection, driven, *runs[5:10], status="cancelled")
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    found = await batch_of(harness, batch)
    assert (found["status"], found["executed_count"], found["cancelled_count"]) == ("success", 5, 25)


async def test_the_last_parked_run_of_a_batch_that_is_cancelled_ends_the_batch(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(2)
    (row,) = await harness.shards(batch)
    claimed, shard = await harness.claimed(row["uuid"])
    runs = [run["uuid"] for run in await harness.runs(batch)]
    await end(connection, shard, runs[0])
    await park(connection, harness, shard, runs[1], wake_at=now() + 10**9, batch=batch)
    await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    assert await cancel.cancel_runs(connection, harness.workspace, [runs[1]]) == ([runs[1]], {batch})
    assert await close_batch(connection, batch)
    found = await batch_of(harness, batch)
    assert (found["status"], found["executed_count"], found["cancelled_count"]) == ("success", 1, 1)


async def test_a_run_cancelled_while_it_was_parked_stays_so_when_it_is_woken(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    shard = await harness.held(run)
    await cancel.cancel_runs(connection, harness.workspace, [run])
    await park(connection, harness, shard, run, wake_at=now() + 10**9)
    assert await wake_all(harness) == 1
    claimed, _ = await harness.claimed(await harness.shard_of(run))
    (left,) = await claim.unfinished_runs(connection, claimed, None, 10)
    assert left["status"] == "cancelling"
    assert await waiting_at_nodes(harness) == 0
