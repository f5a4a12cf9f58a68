"""Refusals for a database that is there and busy, and for one that is away."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import exc, text

from cargo_ai.server.api.http.responses import refusal_of
from cargo_ai.store.session import Database


async def test_who_finds_no_free_connection_hears_that_the_server_is_busy(database_url: str) -> None:
    database = Database(database_url, pool_size=1, overflow=0)
    database.engine.sync_engine.pool._timeout = 0.05  # pyright: ignore[reportAttributeAccessIssue]
    async with database.engine.connect() as connection:
        await connection.execute(text("select 1"))
        with pytest.raises(exc.TimeoutError) as waited:
            async with database.engine.connect():
                pass
    await database.close()
    busy, away = refusal_of(waited.value), refusal_of(psycopg.OperationalError("gone"))
    assert busy is not None and away is not None
    assert (busy.status, busy.reason) == (away.status, away.reason) == (503, "databaseUnavailable")
    assert "busy with requests that came before" in busy.message and "does not answer" in away.message
