"""Credits of batches and runs: who may not spend more than there is begins no more than can be paid for, and stops with a sentence."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from cargo_ai.engine.dispatch import cancel, stages, submit
from cargo_ai.engine.dispatch.credits import RunCosts
from cargo_ai.engine.dispatch.enumerate import Chunks, Enumerator
from cargo_ai.engine.dispatch.pace import Pace
from cargo_ai.engine.graph.action import Call, Done, Outcome
from cargo_ai.ledger import reservations, transfers
from cargo_ai.ledger.balances import Balance, balance_of
from cargo_ai.ledger.reservations import NotEnoughCredits
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness, batch_of
from tests.unit.engine.engine_worker import Effects, EngineWorker
from tests.unit.engine.graphs import effect
from tests.unit.engine.stage_steps import enumerations

WAITING = "select 1 from pg_locks where not granted"
PAID = [node("start", children=["act"]), effect("act", ["end"], config={"n": "{{nodes.start.n}}"}), node("end")]


class Priced:
    """A server on which a run of any graph costs this much."""

    def __init__(self, harness: EngineHarness, url: str, each: float, most: float | None) -> None:
        self.harness, self.url, self.each, self.most = harness, url, each, most
        harness.nodes = PAID

    def perform(self, _call: Call) -> Outcome:
        """What every call costs."""
        return Done({}, credits=self.each)

    async def estimate(self, _workspace: uuid.UUID, _nodes: Sequence[Mapping[str, Any]]) -> RunCosts:
        """What is known before."""
        return RunCosts(self.most)

    async def drain(self) -> None:
        """Enumerate and work until nothing is left to do."""
        worker = EngineWorker(self.harness, self.url, Effects(self.perform))
        while True:
            found = await enumerations(self.harness)
            for batch in found:
                await Enumerator(self.harness.pool, self.harness.queue, self.harness.sources, self.estimate).enumerate(batch)
            await worker.work()
            if not found:
                break
        await worker.close()

    async def give(self, credits: float, overage: Any = "deny") -> None:
        """Limit the workspace to these credits."""
        async with self.harness.pool.connection() as connection:
            await transfers.set_limit(connection, self.harness.workspace, overage)
            await transfers.set_granted(connection, self.harness.workspace, Decimal(str(credits)), f"{credits}:{self.harness.workspace}")

    async def balance(self) -> Balance:
        """What the workspace has."""
        async with self.harness.pool.connection() as connection:
            return await balance_of(connection, self.harness.workspace)


async def test_a_batch_of_a_hundred_with_ten_credits_ends_after_ten(harness: EngineHarness, engine_url: str) -> None:
    server = Priced(harness, engine_url, 1, 1)
    await server.give(10)
    batch = await harness.batch(100, enumerated=False)
    await server.drain()

    row = await batch_of(harness, batch)
    assert (row["status"], row["stopped"], row["cursor"], row["executed_count"], row["credits"]) == (
        "error",
        "notEnoughCredits",
        10,
        10,
        10.0,
    )
    assert row["error_message"].startswith("Stopped: 0 credits are left in the workspace. 10 records are enrolled.")
    balance = await server.balance()
    assert (balance.left, balance.used, balance.overdrawn, balance.reserved) == (0, 10, 0, 0)

    await server.give(30)
    async with harness.pool.connection() as connection:
        assert await stages.resume_batch(connection, harness.queue, harness.workspace, batch, Pace(), None)
    await server.drain()
    row = await batch_of(harness, batch)
    assert (row["status"], row["cursor"], row["credits"]) == ("error", 40, 40.0)


async def test_what_a_reservation_was_too_high_by_is_given_back_and_spent(harness: EngineHarness, engine_url: str) -> None:
    server = Priced(harness, engine_url, 1, 4)
    await server.give(20)
    batch = await harness.batch(100, enumerated=False)
    await server.drain()

    # 5 at 4 are reserved and cost 5; of 15 then 3, of 12 then 3, and so on, until one more might cost more than what is left.
    row = await batch_of(harness, batch)
    balance = await server.balance()
    assert (row["stopped"], balance.reserved, balance.overdrawn) == ("notEnoughCredits", 0, 0)
    assert balance.left == 20 - row["cursor"] == 3
    assert "3 credits are left in the workspace, and one more run may cost 4." in row["error_message"]


async def test_who_ends_a_batch_never_waits_for_the_credits_that_its_enumeration_reserves(harness: EngineHarness, engine_url: str) -> None:
    server = Priced(harness, engine_url, 1, 1)
    await server.give(10)
    batch = await harness.batch(100, enumerated=False)
    inner = harness.sources.kinds[str(batch)]
    async with harness.pool.connection() as ending, asyncio.TaskGroup() as group:

        async def read(workspace: uuid.UUID, data: Mapping[str, Any], skip: int, batch: uuid.UUID) -> Chunks:
            async for chunk in inner(workspace, data, skip, batch):
                await ending.execute("select 1 from batches where uuid = %s for update", (batch,))
                yield chunk

        harness.sources.kinds[str(batch)] = read
        enumerator = Enumerator(harness.pool, harness.queue, harness.sources, server.estimate)
        group.create_task(enumerator.enumerate(str(batch)))
        async with harness.pool.connection() as looking:
            await looking.set_autocommit(True)
            while await (await looking.execute(WAITING)).fetchone() is None:  # noqa: ASYNC110 - the database tells no one
                await asyncio.sleep(0)
            await looking.set_autocommit(False)
        await reservations.reserve(ending, harness.workspace, batch, Decimal(1))
        await ending.rollback()
    assert (await server.balance()).reserved == 10


async def test_batches_at_the_same_time_do_not_spend_the_same_credits(harness: EngineHarness, engine_url: str) -> None:
    server = Priced(harness, engine_url, 1, 1)
    await server.give(50)
    made = [await harness.batch(40, enumerated=False) for _ in range(3)]
    await server.drain()

    rows = [await batch_of(harness, batch) for batch in made]
    balance = await server.balance()
    assert (balance.used, balance.overdrawn, balance.reserved) == (50, 0, 0)
    assert sum(row["cursor"] for row in rows) == 50
    assert sorted(row["status"] for row in rows) == ["error", "error", "success"]


async def test_where_costs_are_not_known_before_no_more_than_a_stage_is_overspent(harness: EngineHarness, engine_url: str) -> None:
    server = Priced(harness, engine_url, 3, None)
    await server.give(10)
    batch = await harness.batch(100, enumerated=False)
    await server.drain()

    row = await batch_of(harness, batch)
    # One to learn what it costs, then as many as the rest pays for.
    assert (row["stopped"], row["cursor"], row["credits"]) == ("notEnoughCredits", 3, 9.0)


@pytest.mark.parametrize("overage", ["allow", None])
async def test_a_workspace_that_may_overspend_is_not_stopped(harness: EngineHarness, engine_url: str, overage: str | None) -> None:
    server = Priced(harness, engine_url, 1, 1)
    await server.give(10, overage)
    batch = await harness.batch(30, enumerated=False)
    await server.drain()

    balance = await server.balance()
    assert (await batch_of(harness, batch))["status"] == "success"
    assert (balance.left, balance.used, balance.overdrawn) == (0, 30, 20)


async def test_a_budget_that_is_set_while_a_batch_is_enumerated_stops_it(harness: EngineHarness, engine_url: str) -> None:
    server = Priced(harness, engine_url, 1, 1)
    batch = await harness.batch(6_000, enumerated=False)
    inner = harness.sources.kinds[str(batch)]

    async def interrupted(workspace: uuid.UUID, data: Mapping[str, Any], skip: int, batch: uuid.UUID) -> Chunks:
        async for chunk in inner(workspace, data, skip, batch):
            yield chunk
            await server.give(500)

    harness.sources.kinds[str(batch)] = interrupted
    await server.drain()
    row = await batch_of(harness, batch)
    assert (row["status"], row["stopped"]) == ("error", "notEnoughCredits")
    # The first 400 were enrolled before.
    assert 500 <= row["cursor"] <= 900
    assert (await server.balance()).overdrawn == max(0, row["cursor"] - 500)


async def test_a_run_is_refused_up_front_and_reserves_until_it_ends(harness: EngineHarness, engine_url: str) -> None:
    server = Priced(harness, engine_url, 1, 1)
    await server.give(2)

    async def run() -> uuid.UUID:
        async with harness.pool.connection() as connection:
            row = await submit.submit_run(connection, harness.queue, harness.origin, {}, RunCosts(1.0))
        return row["uuid"]

    first, second = await run(), await run()
    with pytest.raises(NotEnoughCredits, match=r"2 credits are left, and work under way may cost 2 of them; this may cost 1\."):
        await run()
    async with harness.pool.connection() as connection:
        request = submit.BatchRequest(spec=harness.origin, data={"kind": "none"}, costs=RunCosts(1.0))
        with pytest.raises(NotEnoughCredits):
            await submit.submit_batch(connection, harness.queue, request)
    async with harness.pool.connection() as connection:
        await cancel.cancel_runs(connection, harness.workspace, [second])
    await server.drain()
    balance = await server.balance()
    assert (balance.left, balance.used, balance.reserved) == (1, 1, 0)
    assert (await harness.row("select credits from runs where uuid = %s", first))["credits"] == 1.0
