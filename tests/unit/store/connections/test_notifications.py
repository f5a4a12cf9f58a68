"""Notifications on a real PostgreSQL: heard at once, and after a lost connection it is assumed that one was missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from cargo_ai.kernel import tasks
from cargo_ai.store.connections.notifications import Listener, Notifications
from tests.kit.data.databases import Databases


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    """A database of the test's."""
    with databases.lent() as lent:
        yield lent.replace("postgresql+psycopg://", "postgresql://")


async def test_what_is_heard_while_the_connection_does_something_else_is_not_lost(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as link, await psycopg.AsyncConnection.connect(url) as other:
        listener = Listener(link)
        await listener.listen("news")
        await other.execute("select pg_notify('news', 'first')")
        await other.commit()
        await link.execute("select 1")
        assert [note.payload for note in await listener.next(20)] == ["first"]
        waiting = asyncio.create_task(listener.next(20))
        await other.execute("select pg_notify('news', 'second')")
        await other.commit()
        assert [note.payload for note in await waiting] == ["second"]
        assert await listener.next(0.01) == []


async def test_a_lost_connection_is_replaced_and_the_gap_is_reported(url: str) -> None:
    calls = asyncio.Queue[str]()
    notifications = Notifications(url, "heard by the test")
    running = asyncio.create_task(notifications.listen({"others": calls.put_nowait}, lambda: calls.put_nowait("gap")))
    assert await asyncio.wait_for(calls.get(), 20) == "gap"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as link:
        await link.execute("select pg_notify('others', 'news')")
        assert await asyncio.wait_for(calls.get(), 20) == "news"
        await link.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heard by the test'")
        assert await asyncio.wait_for(calls.get(), 20) == "gap"
    await tasks.cancel(running)


async def test_all_who_listen_share_one_connection_which_ends_with_the_last_of_them(url: str) -> None:
    first, second = asyncio.Queue[str](), asyncio.Queue[str]()
    notifications = Notifications(url, "shared by the test")

    def broken(_payload: str) -> None:
        raise ValueError

    listening = asyncio.create_task(notifications.listen({"one": first.put_nowait, "both": broken}, lambda: first.put_nowait("gap")))
    assert await asyncio.wait_for(first.get(), 20) == "gap"
    # It comes when the connection waits already, and hears what the other one cannot take in.
    later = asyncio.create_task(notifications.listen({"both": second.put_nowait}, lambda: second.put_nowait("gap")))
    assert await asyncio.wait_for(second.get(), 20) == "gap"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as link:
        connections = "select count(*) from pg_stat_activity where application_name = 'shared by the test'"
        await link.execute("select pg_notify('both', 'for both')")
        assert await asyncio.wait_for(second.get(), 20) == "for both"
        await link.execute("select pg_notify('one', 'for the first')")
        assert await asyncio.wait_for(first.get(), 20) == "for the first"
        assert await (await link.execute(connections)).fetchone() == (1,)
        await tasks.cancel(listening)
        await link.execute("select pg_notify('both', 'for who is left')")
        assert await asyncio.wait_for(second.get(), 20) == "for who is left"
        await tasks.cancel(later)
        async with asyncio.timeout(20):
            while await (await link.execute(connections)).fetchone() != (0,):  # noqa: ASYNC110 - the database says it
                await asyncio.sleep(0.02)
    assert first.empty() and second.empty()
