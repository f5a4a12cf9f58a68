"""The ceiling: no more runs of a workspace at once than the server allows, whatever starts them, and every one of them to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from cargo_ai.engine.dispatch import cancel, claim, concurrency
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.graph.action import Call, Done, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.kernel import clock, ids
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.engine_worker import Effects, EngineWorker, submit_run
from tests.unit.engine.graphs import Body, effect
from tests.unit.engine.graphs import actions as native

MAX = 5
CALL = [node("start", children=["call"]), effect("call", ["end"]), node("end")]
PAUSED = [node("start", children=["wait"]), node("wait", "delay", ["call"], config={"minutes": 0.0001}), *CALL[1:]]
MANY = [node("start", children=["loop"]), node("loop", "group", ["end"], config={"items": [*range(60)], "_nodes": CALL}), node("end")]
SPAWN = [node("start", children=["tool"]), node("tool", kind="tool", toolUuid="call", waitUntilFinished=False, children=[None])]


@dataclass
class Busy(Effects):
    """Effects of which a call takes a moment, and that know how many were under way at once."""

    now: int = 0
    most: int = 0
    enough: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """The calls of slow records wait until enough have been made."""

    def actions(self) -> Actions:
        known = super().actions()

        async def act(call: Call) -> Outcome:
            self.calls.append(call)
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.002)
            if len(self.calls) >= self.enough:
                self.over.set()
            if call.context["start"].get("slow"):
                await self.over.wait()
            self.now -= 1
            return Done({})

        return native(act, known.tools)


@dataclass
class Limited:
    """A ground with a limit, a worker on it with four slots, and its effects."""

    harness: EngineHarness
    effects: Busy
    worker: EngineWorker

    async def unfinished(self) -> int:
        """How many runs have not ended."""
        statement = "select count(*) as n from runs where workspace_uuid = %s and finished_ms is null"
        return int((await self.harness.row(statement, self.harness.workspace))["n"])

    async def shards(self, state: str) -> list[Body]:
        """Lane, width and batch of the shards in a state."""
        statement = "select lane, width, batch_uuid from shards where workspace_uuid = %s and state = %s order by lane, no"
        return await self.harness.rows(statement, self.harness.workspace, state)


@pytest.fixture
async def limited(harness: EngineHarness, engine_url: str) -> AsyncIterator[Limited]:
    harness.queue = Queue(most_runs=MAX)
    beat = "insert into workers (uuid, host, pid, queue_ids, slots, started_ms, beat_ms) values (%s, 'here', 1, '{}', 4, 0, %s)"
    worker_uuid = ids.new()
    await harness.do(beat, worker_uuid, clock.now_ms())
    effects = Busy(tools={"call": CALL})
    made = Limited(harness, effects, EngineWorker(harness, engine_url, effects))
    yield made
    await made.worker.close()
    await harness.do("delete from workers where uuid = %s", worker_uuid)


async def test_batches_groups_single_runs_and_tools_that_no_one_waits_for_stay_below_it_together_and_all_end(limited: Limited) -> None:
    harness = limited.harness
    for nodes, records, size in ((CALL, 60, 20), (PAUSED, 30, 10), (CALL, 25, 200), (SPAWN, 10, 5)):
        harness.nodes = nodes
        await harness.batch(records, shard_size=size)
    for nodes in (MANY, CALL, PAUSED, SPAWN):
        await submit_run(harness, nodes, {})
    await limited.worker.work()
    assert await limited.unfinished() == 0
    assert len(limited.effects.calls) == 60 + 30 + 25 + 10 + 60 + 1 + 1 + 1
    assert 1 < limited.effects.most <= MAX
    assert await limited.shards("waiting") == await limited.shards("queued") == await limited.shards("running") == []


async def test_batches_share_it_and_leave_one_place_to_single_runs(limited: Limited) -> None:
    harness = limited.harness
    harness.nodes = CALL
    await harness.batch(50, shard_size=10)
    await harness.batch(2, shard_size=10)
    # Four slots share four places: one each, the fifth place is kept free.
    assert [shard["width"] for shard in await limited.shards("queued")] == [1, 1, 1, 1]
    async with harness.pool.connection() as connection:
        assert not await concurrency.is_limit_reached(connection, harness.workspace, MAX)
    await submit_run(harness, CALL, {})
    async with harness.pool.connection() as connection:
        assert await concurrency.is_limit_reached(connection, harness.workspace, MAX)
    await submit_run(harness, CALL, {})
    assert [shard["lane"] for shard in await limited.shards("waiting")][-1] == "interactive"
    await limited.worker.work()
    assert await limited.unfinished() == 0
    assert limited.effects.most <= MAX


async def test_a_small_shard_takes_no_more_than_it_has_runs_and_a_lone_one_as_much_as_there_is(limited: Limited) -> None:
    harness = limited.harness
    harness.nodes = CALL
    await harness.batch(2, shard_size=10)
    assert [shard["width"] for shard in await limited.shards("queued")] == [2]
    await harness.batch(40, shard_size=90)
    assert [shard["width"] for shard in await limited.shards("queued")] == [2, 2]


async def test_what_was_next_in_line_and_is_cancelled_makes_room(limited: Limited) -> None:
    harness = limited.harness
    harness.nodes = CALL
    first = await harness.batch(40, shard_size=10)
    second = await harness.batch(3, shard_size=10)
    async with harness.pool.connection() as connection:
        await cancel.cancel_batch(connection, harness.workspace, first)
    async with harness.pool.connection() as connection:
        await claim.admit_shards(connection, harness.queue, harness.workspace)
    assert [shard["batch_uuid"] for shard in await limited.shards("queued")] == [second]
    await limited.worker.work()
    assert (await limited.unfinished(), len(limited.effects.calls)) == (0, 3)


async def test_the_end_of_a_shard_gives_back_what_it_no_longer_needs(limited: Limited) -> None:
    harness = limited.harness
    harness.nodes = CALL
    await harness.batch([{"_id": str(number), "slow": number == 0} for number in range(4)], shard_size=4)
    assert [shard["width"] for shard in await limited.shards("queued")] == [4]
    await harness.batch(8, shard_size=4)
    limited.effects.enough = 12
    await limited.worker.work(30)
    assert (await limited.unfinished(), len(limited.effects.calls)) == (0, 12)
