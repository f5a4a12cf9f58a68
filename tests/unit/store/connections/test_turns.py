"""The turns of statements of users: how many of one workspace run, how many wait, and that others are not held up."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from cargo_ai.kernel import ids
from cargo_ai.store.connections.turns import MAX_WAITING, MAX_WAITING_CONNECTED, Busy, Turns

MINE, THEIRS = ids.new(), ids.new()


async def test_a_workspace_has_two_turns_and_another_one_its_own() -> None:
    patient, turns = Turns(2, 8, seconds=60), Turns(2, 8, seconds=0.05)
    async with patient.take(MINE):
        others = [asyncio.create_task(_hold(patient)) for _ in range(2)]
        assert [type(result) for result in await asyncio.gather(*others, return_exceptions=True)] == [type(None), type(None)]
    async with AsyncExitStack() as held:
        for _ in range(2):
            await asyncio.create_task(_enter(held, turns))
        with pytest.raises(Busy):
            await asyncio.create_task(_hold(turns))
        async with turns.take(THEIRS):
            pass
    await _hold(turns)


async def test_within_a_turn_another_is_the_same() -> None:
    turns = Turns(1, 1, seconds=0.05)
    async with turns.take(MINE), turns.take(MINE, connected=True):
        pass


async def test_what_waits_is_bounded_and_more_so_where_it_keeps_a_connection() -> None:
    turns = Turns(1, 8, seconds=30)
    async with AsyncExitStack() as held:
        await asyncio.create_task(_enter(held, turns))
        waiting = [asyncio.create_task(_hold(turns)) for _ in range(MAX_WAITING_CONNECTED)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await asyncio.create_task(_hold(turns, connected=True))
        waiting += [asyncio.create_task(_hold(turns)) for _ in range(MAX_WAITING - MAX_WAITING_CONNECTED)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await asyncio.create_task(_hold(turns))
    await asyncio.gather(*waiting)


async def _hold(turns: Turns, *, connected: bool = False) -> None:
    async with turns.take(MINE, connected=connected):
        await asyncio.sleep(0)


async def _enter(held: AsyncExitStack, turns: Turns) -> None:
    await held.enter_async_context(turns.take(MINE))
