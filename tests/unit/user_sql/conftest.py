"""Fixtures of user SQL: a yard that all tests read, and a desk on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from cargo_ai.store.embedded import roles
from cargo_ai.store.embedded.postgres import Cluster
from cargo_ai.store.session import Database
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.run.executor import QueryExecutor
from tests.kit.data.databases import Databases
from tests.unit.user_sql import sql_workspaces
from tests.unit.user_sql.sql_workspaces import SqlWorkspaces


@pytest.fixture(scope="session")
def workspaces(cluster: Cluster, databases: Databases) -> Iterator[SqlWorkspaces]:
    """Two workspaces in a database that no test writes to."""
    with databases.lent() as url:
        made = sql_workspaces.build(url, roles.with_database(cluster.admin_url, urlsplit(url).path[1:]))
        asyncio.run(_let_in(made))
        yield made


async def _let_in(workspaces: SqlWorkspaces) -> None:
    """Both workspaces have asked once, so that both logins exist."""
    database = Database(workspaces.url, pool_size=2, overflow=0)
    for catalog in (workspaces.mine, workspaces.theirs):
        await QueryExecutor(database, sql_workspaces.SECRETS).fetch(
            guard.check("SELECT _id FROM default.companies", catalog), catalog, limit=1
        )
    await database.close()


@pytest.fixture
async def executor(workspaces: SqlWorkspaces) -> AsyncIterator[QueryExecutor]:
    """Runs queries as the workspaces' logins."""
    database = Database(workspaces.url, pool_size=2, overflow=0)
    yield QueryExecutor(database, sql_workspaces.SECRETS)
    await database.close()
