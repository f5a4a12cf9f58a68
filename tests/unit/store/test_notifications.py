"""Notifications on a real PostgreSQL: heard at once, and after a lost connection it is assumed that one was missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from cargo_ai.store.notifications import Listener, Notifications
from tests.kit.databases import Databases


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
    channels = {"others": calls.put_nowait}
    notifications = Notifications(url, "heard by the test", channels, lambda: calls.put_nowait("gap"))
    running = asyncio.create_task(notifications.listen())
    assert await asyncio.wait_for(calls.get(), 20) == "gap"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as link:
        await link.execute("select pg_notify('others', 'news')")
        assert await asyncio.wait_for(calls.get(), 20) == "news"
        await link.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heard by the test'")
        assert await asyncio.wait_for(calls.get(), 20) == "gap"
    running.cancel()
