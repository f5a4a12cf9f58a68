"""Two API processes count together: what one lets in, the other knows a moment later."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as api_app
from cargo_ai.server.api.state import State
from tests.kit import application

USER = "/v1/workspaceManagement/users/current"
MAX = 100


@pytest.fixture(name="processes")
async def _processes(database_url: str, settings: Settings) -> AsyncGenerator[list[State]]:
    """The states of two API processes of a server; they listen."""
    more = {"API_PROCESSES": "2", "TOKEN_REQUESTS_PER_MINUTE": str(MAX), "WRONG_TOKENS_PER_MINUTE": "8"}
    shared = Settings(settings.environment | {f"CARGO_AI_{name}": value for name, value in more.items()})
    states = [application.make_state(database_url, shared) for _ in range(2)]
    for state in states:
        await state.signals.open()
    try:
        await _until(lambda: all(state.signals.connected for state in states))
        yield states
    finally:
        for state in states:
            await state.signals.close()
            await state.database.close()


async def _until(holds: Callable[[], bool], seconds: float = 20) -> None:
    began = clock.seconds()
    while not holds():
        assert clock.seconds() - began < seconds
        await asyncio.sleep(0.01)


async def test_a_token_gets_its_limit_once_from_both_together(processes: list[State]) -> None:
    token = (await application.bootstrap(processes[0])).token
    outcomes: list[Counter[int]] = [Counter(), Counter()]
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(application.signed_in(api_app.build(state), token)) for state in processes]
        began = clock.seconds()
        while sum(counted[429] for counted in outcomes) < 20:
            replies = await asyncio.gather(*[http.get(USER) for http in clients])
            for counted, reply in zip(outcomes, replies, strict=True):
                counted[reply.status_code] += 1
        refilled = MAX * (clock.seconds() - began) / 60
    let_in = sum(counted[200] for counted in outcomes)
    # A hundredth of the limit, and what comes while a note is on its way.
    assert MAX - 5 <= let_in <= MAX + refilled + 40, outcomes
    assert all(set(counted) == {200, 429} and counted[200] >= MAX / 4 for counted in outcomes), outcomes


async def test_wrong_tokens_at_one_process_are_known_at_the_other(processes: list[State]) -> None:
    first, other = processes
    sender = "192.0.2.1"
    apps = [api_app.build(state) for state in processes]
    for _ in range(8):
        first.limits.wrong_tokens.count(sender)
    await _until(lambda: other.limits.wrong_tokens.counted(sender) == 8)
    transport = httpx.ASGITransport(apps[1], client=(sender, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        assert (await http.get(USER, headers={"Authorization": "Bearer wrong"})).status_code == 429
    assert first.limits.wrong_tokens.counted(sender) == 8, "its own notes are not counted twice"


async def test_thousands_of_keys_are_sent_in_notes_that_postgresql_takes(processes: list[State]) -> None:
    first, other = processes
    assert other.limits.hooks is not None
    keys = [f'hook "{at}" \N{SNOWMAN}' for at in range(2_000)]
    for key in keys:
        first.limits.hooks.take(key, 1)

    def is_known(key: str) -> bool:
        level = other.limits.hooks._levels.get(key)  # pyright: ignore[reportPrivateUsage]
        return level is not None and level.left < 1

    await _until(lambda: all(is_known(key) for key in keys))


async def test_a_process_alone_tells_no_one(database_url: str, settings: Settings) -> None:
    state = application.make_state(database_url, settings)
    try:
        assert state.limits.wrong_tokens._tell is None  # pyright: ignore[reportPrivateUsage]
    finally:
        await state.database.close()
