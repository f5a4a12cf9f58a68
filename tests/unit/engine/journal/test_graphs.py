"""Graphs that nothing refers to are removed, but none that a run may come to refer to."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.journal import graphs
from cargo_ai.engine.worker.graph_cache import GraphCache
from cargo_ai.kernel import clock, ids
from tests.kit.graphs import node
from tests.unit.engine.graphs import Body, actions

WORKSPACE = uuid.UUID(int=1)
Connection = psycopg.AsyncConnection[Any]
WAITS = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
async def sweeper(database_url: str) -> AsyncIterator[Connection]:
    async with await Connection.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def writer(database_url: str) -> AsyncIterator[Connection]:
    async with await Connection.connect(database_url) as connection:
        yield connection


def graph(name: str) -> list[Body]:
    return [node("start", children=["end"]), node("end", name=name)]


async def stored(connection: Connection) -> set[uuid.UUID]:
    return {row[0] for row in await (await connection.execute("select uuid from graphs")).fetchall()}


async def age(connection: Connection) -> None:
    """Let what is stored be of eight days ago."""
    await connection.execute("update graphs set stored_ms = stored_ms - 8 * %s", (graphs.RENEW_MS,))


async def refer(connection: Connection, table: str, graph: uuid.UUID) -> None:
    """A run or a batch of a graph."""
    of_runs, of_batches = ("shard_uuid, record_id, record_title, record", ", %(u)s, '', '', '{}'"), ("data, shard_size", ", '{}', 1")
    names, values = of_runs if table == "runs" else of_batches
    await connection.execute(
        f"insert into {table} (uuid, workspace_uuid, workflow_uuid, graph_uuid, trace_uuid, status, created_ms, updated_ms, {names}) "
        f"values (%(u)s, %(w)s, %(u)s, %(g)s, %(u)s, 'pending', 0, 0 {values})".encode(),
        {"u": ids.new(), "w": WORKSPACE, "g": graph},
    )


async def until_waiting(connection: Connection) -> None:
    for _ in range(1_000):
        if await (await connection.execute(WAITS)).fetchone():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no session waits")


async def test_only_old_graphs_without_runs_and_batches_are_removed(sweeper: Connection) -> None:
    of_run, of_batch, renewed, _ = [await graphs.store_graph(sweeper, WORKSPACE, graph(name)) for name in ("run", "batch", "new", "none")]
    await refer(sweeper, "runs", of_run)
    await refer(sweeper, "batches", of_batch)
    assert await graphs.remove_unused(sweeper) == 0
    await age(sweeper)
    assert await graphs.store_graph(sweeper, WORKSPACE, graph("new")) == renewed
    assert await graphs.remove_unused(sweeper) == 1
    assert await stored(sweeper) == {of_run, of_batch, renewed}


async def test_a_graph_that_a_transaction_under_way_refers_to_stays(sweeper: Connection, writer: Connection, database_url: str) -> None:
    name = await graphs.store_graph(sweeper, WORKSPACE, graph("a"))
    await age(sweeper)
    assert await graphs.store_graph(writer, WORKSPACE, graph("a")) == name
    async with await Connection.connect(database_url, autocommit=True) as other:
        removing = asyncio.create_task(graphs.remove_unused(sweeper))
        await until_waiting(other)
        await refer(writer, "runs", name)
        await writer.commit()
    assert await removing == 0
    assert await stored(sweeper) == {name}


async def test_a_graph_that_is_just_being_removed_is_stored_again(sweeper: Connection, writer: Connection, database_url: str) -> None:
    name = await graphs.store_graph(sweeper, WORKSPACE, graph("a"))
    await age(sweeper)
    async with await Connection.connect(database_url, autocommit=True) as other:
        async with sweeper.transaction():
            assert await graphs.remove_unused(sweeper) == 1
            storing = asyncio.create_task(graphs.store_graph(writer, WORKSPACE, graph("a")))
            await until_waiting(other)
        assert await storing == name
        await refer(writer, "runs", name)
        await writer.commit()
    assert await stored(sweeper) == {name}


async def test_a_worker_stores_the_graphs_that_it_has_compiled_again_after_a_day(
    sweeper: Connection, writer: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, cache = await graphs.store_graph(sweeper, WORKSPACE, graph("a")), GraphCache(actions())
    await cache.programs(writer, {name})
    await sweeper.execute("delete from graphs")
    assert (await cache.take(writer, WORKSPACE, graph("a")))[0] == name
    assert await stored(sweeper) == {name}
    later = clock.now_ms() + 8 * graphs.RENEW_MS
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    await cache.take(writer, WORKSPACE, graph("a"))
    assert await graphs.remove_unused(sweeper) == 0
