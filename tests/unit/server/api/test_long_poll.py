"""The long poll and its signals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import psycopg
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from cargo_ai.domains.workspace import public
from cargo_ai.kernel import ids
from cargo_ai.server.api import signals as signals_module
from cargo_ai.server.api.http import requests
from cargo_ai.server.api.signals import Signals
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.unit.server import example_operations

PLANTS = "/v1/garden/plants"


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def grow(state: State, first_workspace: public.Bootstrap, *uuids: str, tell: bool = True) -> None:
    """Let plants end, as a worker would: the row and the notification commit together."""
    async with state.database.session(first_workspace.workspace_uuid) as db:
        for uuid in uuids:
            db.add(example_operations.entry(first_workspace.workspace_uuid, "grown", uuid))
            if tell:
                await db.execute(text("SELECT pg_notify('cargo_done', :uuid)"), {"uuid": uuid})
        await db.commit()


async def test_without_the_preference_the_reply_comes_at_once(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.get(f"{PLANTS}/{ids.new()}")
    assert reply.json()["status"] == "growing"
    assert "preference-applied" not in reply.headers


async def test_a_held_reply_comes_when_the_work_ends(
    example_client: httpx.AsyncClient, state: State, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the signal can end it before the 20 seconds are over.
    monkeypatch.setattr(signals_module, "RECHECK_SECONDS", 3600)
    uuid = str(ids.new())
    await until(lambda: state.signals.connected)
    waiting = asyncio.create_task(example_client.get(f"{PLANTS}/{uuid}", headers={"Prefer": "wait=20"}))
    await until(lambda: state.signals.waiting == 1)
    began = time.monotonic()
    await grow(state, first_workspace, uuid)
    reply = await waiting
    assert time.monotonic() - began < 15
    assert reply.json()["status"] == "grown"
    assert reply.headers["preference-applied"] == "wait=20"
    assert state.signals.waiting == 0


async def test_a_hold_ends_after_the_time_that_was_asked_for(example_client: httpx.AsyncClient, state: State) -> None:
    began = time.monotonic()
    reply = await example_client.get(f"{PLANTS}/{ids.new()}", headers={"Prefer": "respond-async, wait=1"})
    assert 0.9 < time.monotonic() - began < 20
    assert reply.json()["status"] == "growing"


async def test_a_hold_is_at_most_twenty_five_seconds_and_an_ended_one_comes_at_once(
    example_client: httpx.AsyncClient, state: State, first_workspace: public.Bootstrap
) -> None:
    uuid = str(ids.new())
    await grow(state, first_workspace, uuid)
    reply = await example_client.get(f"{PLANTS}/{uuid}", headers={"Prefer": "wait=900"})
    assert reply.headers["preference-applied"] == "wait=25"


async def test_a_refusal_is_not_held(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.get(f"{PLANTS}/unknown", headers={"Prefer": "wait=20"})
    assert reply.status_code == 404


async def test_two_hundred_waiting_clients_hold_no_connection(
    example_client: httpx.AsyncClient, state: State, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No hold ends before the last client has come, however slow the machine is.
    monkeypatch.setattr(requests, "MAX_WAIT_SECONDS", 600)
    uuids = [str(ids.new()) for _ in range(200)]
    await until(lambda: state.signals.connected)
    waiting = [asyncio.create_task(example_client.get(f"{PLANTS}/{uuid}", headers={"Prefer": "wait=600"})) for uuid in uuids]
    await until(lambda: state.signals.waiting == 200)
    pool = state.database.engine.pool
    await until(lambda: pool.checkedout() == 0)  # type: ignore[attr-defined]
    # With four connections in the pool, others are served while 200 wait.
    assert (await example_client.get(f"{PLANTS}/list")).status_code == 200
    assert state.signals.waiting == 200
    await grow(state, first_workspace, *uuids)
    replies = await asyncio.gather(*waiting)
    assert {reply.json()["status"] for reply in replies} == {"grown"}


async def test_a_client_that_leaves_is_waited_for_no_longer(
    example_app: Starlette, state: State, first_workspace: public.Bootstrap
) -> None:
    left = asyncio.Event()
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        if not sent:
            sent.append("body")
            return {"type": "http.request", "body": b"", "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{PLANTS}/{ids.new()}",
        "raw_path": b"",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("test", 80),
        "headers": [(b"authorization", f"Bearer {first_workspace.token}".encode()), (b"prefer", b"wait=25")],
    }
    request = asyncio.create_task(example_app(scope, receive, send))  # type: ignore[arg-type]
    await until(lambda: state.signals.waiting == 1)
    left.set()
    async with asyncio.timeout(20):
        await request
    assert state.signals.waiting == 0


async def test_a_server_that_stops_sends_waiters_home(example_client: httpx.AsyncClient, state: State) -> None:
    waiting = asyncio.create_task(example_client.get(f"{PLANTS}/{ids.new()}", headers={"Prefer": "wait=25"}))
    await until(lambda: state.signals.waiting == 1)
    state.signals.release()
    async with asyncio.timeout(20):
        assert (await waiting).json()["status"] == "growing"


async def test_a_lost_channel_comes_back_and_those_who_waits_looks_again(
    example_client: httpx.AsyncClient, state: State, first_workspace: public.Bootstrap
) -> None:
    await until(lambda: state.signals.connected)
    uuid = str(ids.new())
    waiting = asyncio.create_task(example_client.get(f"{PLANTS}/{uuid}", headers={"Prefer": "wait=25"}))
    await until(lambda: state.signals.waiting == 1)
    async with state.database.session(ALL_WORKSPACES) as db:
        theirs = "application_name = 'cargo-ai signals' AND datname = current_database()"
        killed = await db.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {theirs}"))
        assert len(killed.all()) == 1
    await until(lambda: not state.signals.connected)
    await grow(state, first_workspace, uuid)
    async with asyncio.timeout(20):
        assert (await waiting).json()["status"] == "grown"
    await until(lambda: state.signals.connected)


async def test_what_ends_without_a_signal_is_seen_by_looking(
    example_client: httpx.AsyncClient, state: State, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals_module, "RECHECK_SECONDS", 0.2)
    uuid = str(ids.new())
    waiting = asyncio.create_task(example_client.get(f"{PLANTS}/{uuid}", headers={"Prefer": "wait=25"}))
    await until(lambda: state.signals.waiting == 1)
    await grow(state, first_workspace, uuid, tell=False)
    async with asyncio.timeout(20):
        assert (await waiting).json()["status"] == "grown"


async def test_a_database_that_is_away_leaves_the_channel_blind_and_closable(tmp_path: object) -> None:
    signals = Signals("postgresql://nobody@127.0.0.1:1/none")
    await signals.open()
    assert signals.recheck_seconds == signals_module.RECHECK_BLIND_SECONDS
    await signals.close()
    assert not signals.connected


async def test_a_ring_reaches_every_waiter_of_its_uuid_and_no_one_else(database_url: str) -> None:
    signals = Signals(database_url)
    await signals.open()
    await until(lambda: signals.connected)
    with signals.wait_for("a") as first, signals.wait_for("a") as second, signals.wait_for("b") as other:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as link:
            await link.execute("NOTIFY cargo_done, 'a'")
        assert await first.changed(10) and await second.changed(10)
        assert not await other.changed(0.01)
    await signals.close()


async def test_what_has_just_begun_here_is_looked_at_when_its_end_is_heard(
    example_client: httpx.AsyncClient, state: State, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals_module, "RECHECK_SECONDS", 3600)
    uuid = str(ids.new())
    await until(lambda: state.signals.connected)
    state.signals.begin(first_workspace.workspace_uuid, uuid)
    # One of another workspace looks at once: it hears nothing of it.
    assert not state.signals.is_under_way(ids.new(), uuid)
    assert state.signals.is_under_way(first_workspace.workspace_uuid, uuid)
    waiting = asyncio.create_task(example_client.get(f"{PLANTS}/{uuid}", headers={"Prefer": "wait=20"}))
    await until(lambda: state.signals.waiting == 1)
    await grow(state, first_workspace, uuid)
    assert (await waiting).json()["status"] == "grown"
    assert not state.signals.is_under_way(first_workspace.workspace_uuid, uuid)


async def test_nothing_counts_as_under_way_while_its_end_would_not_be_heard(state: State) -> None:
    here, uuid = ids.new(), str(ids.new())
    state.signals.begin(here, uuid)
    assert not state.signals.is_under_way(here, uuid)
