"""The ledger on a real PostgreSQL: one database for all tests of this folder, and a workspace of its own for each."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Generator
from typing import Any

import psycopg
import pytest

from cargo_ai.kernel import ids
from tests.kit.data.databases import Databases


@pytest.fixture(scope="module")
def ledger_url(databases: Databases) -> Generator[str]:
    """A migrated database for the tests of a module."""
    with databases.lent() as url:
        yield url


@pytest.fixture
async def connection(ledger_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection in which each statement commits, except inside of `transaction()`."""
    async with await psycopg.AsyncConnection[Any].connect(ledger_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def workspace() -> uuid.UUID:
    """A workspace that has no accounts yet."""
    return ids.new()
