"""Housekeeping on a real PostgreSQL: a chore that fails keeps none of the others from being done."""

from __future__ import annotations

import asyncio

from cargo_ai.engine.keep import Keeper
from cargo_ai.kernel import clock, ids
from tests.unit.engine.conftest import Ground, park


async def test_parked_runs_are_woken_whatever_the_other_chores_do(ground: Ground) -> None:
    done = asyncio.Event()

    async def fails() -> None:
        raise RuntimeError("a table is gone")

    async def follows() -> None:
        done.set()

    keeper = Keeper(ground.pool, ground.queue, ids.new(), 1, stalled_after=30, hourly=(fails, follows))
    run = await ground.run()
    async with ground.pool.connection() as link:
        await park(link, ground, await ground.held(run), run)
    keeping = asyncio.create_task(keeper.run())
    try:
        await asyncio.wait_for(done.wait(), 30)
        deadline = clock.seconds() + 30
        while (await ground.row("select status from runs where uuid = %s", run))["status"] == "idle":
            assert clock.seconds() < deadline
            await asyncio.sleep(0.02)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await keeper.leave()
