"""The writer of a process that has claimed a shard again, while what it did with the former claim still goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.graph.action import Call, Done, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.journal import flush
from cargo_ai.engine.journal import writer as writer_module
from cargo_ai.engine.journal.shard_flush import RunUpdate
from cargo_ai.engine.journal.writer import GROUP_EFFECTS, MAX_UNCOMMITTED_EFFECTS, PLANNER, ShardLost, Writer
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness, batch_of
from tests.unit.engine.engine_worker import Effects, EngineWorker
from tests.unit.engine.graphs import actions, effect
from tests.unit.engine.journal.test_flush import entry


@pytest.mark.parametrize("is_former_first", [True, False])
async def test_only_what_the_last_claim_of_a_shard_did_is_written(harness: EngineHarness, engine_url: str, is_former_first: bool) -> None:
    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection[Any].connect(engine_url, autocommit=True)

    batch = await harness.batch(2, shard_size=2)
    ((shard,), runs) = await harness.shards(batch), [str(run["uuid"]) for run in await harness.runs(batch)]
    (_, former), (_, present) = await harness.claimed(shard["uuid"]), await harness.claimed(shard["uuid"])
    writer, scope = Writer(connect, 0), harness.counts_for(batch)
    writer.hold(former)
    writer.hold(present)

    def put_former() -> None:
        writer.put(former, runs[0], scope, [(entry(), None)], RunUpdate(runs[0], "success", 1))

    if is_former_first:
        put_former()
    for run in runs:
        writer.put(present, run, scope, [(entry(), None)], RunUpdate(run, "success", 1))
    if not is_former_first:
        put_former()
    with pytest.raises(ShardLost):
        await writer.durable(former, urgent=True)
    await writer.durable(present)
    writer.release(former)
    assert (await harness.row("select executed from shards where uuid = %s", shard["uuid"]))["executed"] == 2
    assert [run["status"] for run in await harness.runs(batch)] == ["success", "success"]
    counted = "select sum(total)::int as total from node_metrics where batch_uuid = %s"
    assert (await harness.row(counted, batch))["total"] == 2
    await writer.close()


async def test_the_ends_of_a_flush_are_found_without_comparing_each_with_each(harness: EngineHarness, engine_url: str) -> None:
    await harness.batch(300)
    await harness.do("analyze runs")
    runs = [str(run["uuid"]) for run in await harness.runs(await harness.batch(300))]
    columns = (["success"], [None], [0.0], [None], [None], [None], [1], [1], [None])
    values = (runs, *(column * len(runs) for column in columns), runs[0], runs[-1])
    async with await psycopg.AsyncConnection[Any].connect(engine_url, options=PLANNER) as connection:
        cursor = await connection.execute(b"explain (analyze, format json) " + flush.RUNS.encode(), values)
        plan = str(await cursor.fetchall())
    assert "Rows Removed by Join Filter" not in plan and "'Actual Rows': 300" in plan


async def test_effects_wait_while_many_that_have_ended_are_not_committed(harness: EngineHarness, engine_url: str) -> None:
    reachable = asyncio.Event()

    async def connect() -> psycopg.AsyncConnection[Any]:
        await reachable.wait()
        return await psycopg.AsyncConnection[Any].connect(engine_url, autocommit=True)

    batch = await harness.batch(MAX_UNCOMMITTED_EFFECTS, shard_size=MAX_UNCOMMITTED_EFFECTS)
    ((shard,), runs) = await harness.shards(batch), [str(run["uuid"]) for run in await harness.runs(batch)]
    _, held = await harness.claimed(shard["uuid"])
    writer, scope = Writer(connect, 0), harness.counts_for(batch)
    for run in runs[:-1]:
        writer.put(held, run, scope, [(entry()._replace(effect=True), None)], RunUpdate(run, "success", 1))
    await asyncio.wait_for(writer.wait_for_effects(), 1)
    writer.put(held, runs[-1], scope, [(entry()._replace(effect=True), None)], RunUpdate(runs[-1], "success", 1))
    waiting = asyncio.create_task(writer.wait_for_effects())
    await asyncio.sleep(0)
    assert not waiting.done()
    reachable.set()
    await asyncio.wait_for(waiting, 20)
    await writer.durable(held)
    assert {run["status"] for run in await harness.runs(batch)} == {"success"}
    await writer.close()


async def test_some_effects_that_have_ended_wait_for_no_others(
    harness: EngineHarness, engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection[Any].connect(engine_url, autocommit=True)

    monkeypatch.setattr(writer_module, "GROUP_SECONDS", 3_600)
    batch = await harness.batch(GROUP_EFFECTS, shard_size=GROUP_EFFECTS)
    ((shard,), runs) = await harness.shards(batch), [str(run["uuid"]) for run in await harness.runs(batch)]
    _, held = await harness.claimed(shard["uuid"])
    writer = Writer(connect, 0)
    for run in runs:
        writer.put(held, run, harness.counts_for(batch), [(entry(effect=True), None)], RunUpdate(run, "success", 1))
    async with asyncio.timeout(30):
        await writer.durable(held)
    assert {run["status"] for run in await harness.runs(batch)} == {"success"}
    await writer.close()


async def test_a_shard_that_its_own_process_claims_again_is_driven_to_its_end_once(harness: EngineHarness, engine_url: str) -> None:
    """As when the heartbeats were late because the database was away: the job is given back, and the same worker may fetch it."""
    begun, calls = asyncio.Event(), list[Call]()

    class Slow(Effects):
        def actions(self) -> Actions:
            async def act(call: Call) -> Outcome:
                calls.append(call)
                if len(calls) == 25:
                    begun.set()
                await asyncio.sleep(0.01 * (len(calls) % 4))
                return Done({})

            return actions(act)

    harness.nodes = [node("start", children=["act"]), effect("act", ["again"]), effect("again", ["end"]), node("end")]
    batch = await harness.batch(60, shard_size=60)
    (shard,) = await harness.jobs()
    worker = EngineWorker(harness, engine_url, Slow())
    first = asyncio.create_task(worker.driver.drive(shard))
    await begun.wait()
    async with asyncio.timeout(30):
        await asyncio.gather(first, worker.driver.drive(shard))
    found = await batch_of(harness, batch)
    assert (found["status"], found["executed_count"]) == ("success", 60)
    journal = "select count(*)::int as n, count(distinct (run_uuid, seq))::int as different from executions where run_uuid = any(%s)"
    runs = [run["uuid"] for run in await harness.runs(batch)]
    assert await harness.row(journal, runs) == {"n": 240, "different": 240}
    await worker.close()
