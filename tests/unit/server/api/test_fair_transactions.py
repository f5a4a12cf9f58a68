"""Connections of the API: however many requests of one workspace wait in the database, those of others find one."""

from __future__ import annotations

import asyncio
import uuid

from sqlalchemy import select, text

from cargo_ai.domains.workspace.tables import Folder
from cargo_ai.kernel import ids
from cargo_ai.server.api.state import State
from cargo_ai.store.connections.turns import MAX_WAITING
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.user_sql.run.executor import MAX_CONCURRENT_PER_WORKSPACE, open_executor
from tests.kit.api_client import ApiClient

BLOCKED = text("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")


async def test_requests_of_one_workspace_that_wait_for_a_lock_leave_connections_to_others(
    api: ApiClient, other_api: ApiClient, state: State
) -> None:
    folder = (await api.call("workspaceManagement.folder.create", name="Leads", kind="play", emojiSlug="star"))["folder"]["uuid"]
    beside = Database(state.database.url, pool_size=2)
    async with beside.session(ALL_WORKSPACES) as holder, beside.session(ALL_WORKSPACES) as observer, asyncio.timeout(30):
        await holder.execute(select(Folder).where(Folder.uuid == uuid.UUID(folder)).with_for_update())
        names = [f"Leads {number}" for number in range(state.database.size + 2)]
        renaming = [asyncio.create_task(api.call("workspaceManagement.folder.update", uuid=folder, name=name)) for name in names]
        while not await observer.scalar(BLOCKED):  # noqa: ASYNC110 - a lock tells no one
            await asyncio.sleep(0.01)
        assert (await other_api.call("workspaceManagement.folder.all"))["folders"] == []
        await holder.rollback()
        renamed = await asyncio.gather(*renaming)
    await beside.close()
    assert sorted(reply["folder"]["name"] for reply in renamed) == sorted(names)


async def test_queries_that_wait_for_their_turn_keep_no_connection_from_their_own_workspace(api: ApiClient, state: State) -> None:
    workspace = ids.parse((await api.call("workspaceManagement.workspace.getCurrent"))["workspace"]["uuid"])
    assert workspace is not None
    turns, ended = open_executor(state.database, state.secrets).turns, asyncio.Event()

    async def hold() -> None:
        async with turns.take(workspace):
            await ended.wait()

    holding = [asyncio.create_task(hold()) for _ in range(MAX_CONCURRENT_PER_WORKSPACE)]
    await asyncio.sleep(0)
    body = {"query": "SELECT 1 AS n"}
    queries = [asyncio.create_task(api.http.post("/v1/storage/query", json=body)) for _ in range(MAX_WAITING + 1)]
    async with asyncio.timeout(30):
        # One more than may wait is refused when all others do.
        refused, _ = await asyncio.wait(queries, return_when=asyncio.FIRST_COMPLETED)
        assert [query.result().status_code for query in refused] == [429]
        assert (await api.call("workspaceManagement.folder.all"))["folders"] is not None
    ended.set()
    await asyncio.gather(*holding, *queries)
