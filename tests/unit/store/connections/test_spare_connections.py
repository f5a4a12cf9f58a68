"""A pool that one connection is enough for closes the others, and opens as many again as are needed."""

from __future__ import annotations

import asyncio

import psycopg
from sqlalchemy import text

from cargo_ai.store.session import ALL_WORKSPACES, Database

OURS = "select count(*) from pg_stat_activity where application_name = 'spare'"


async def ask(database: Database, together: asyncio.Barrier) -> object:
    """A statement, on a connection that is kept until as many others have asked."""
    async with database.session(ALL_WORKSPACES) as db:
        answer = await db.scalar(text("select 7"))
        await together.wait()
        return answer


async def ask_at_once(database: Database, count: int) -> list[object]:
    together = asyncio.Barrier(count)
    return list(await asyncio.gather(*(ask(database, together) for _ in range(count))))


async def test_what_no_one_needs_any_more_is_closed_and_opened_again_when_it_is_needed(database_url: str) -> None:
    database = Database(database_url, name="spare", pool_size=4, spare_seconds=0.1)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watcher:

        async def most(count: int) -> None:
            async with asyncio.timeout(20):
                while (row := await (await watcher.execute(OURS)).fetchone()) is None or row[0] > count:  # noqa: ASYNC110 - no one tells
                    await asyncio.sleep(0.02)

        for _ in range(2):
            assert await ask_at_once(database, 4) == [7] * 4
            # One is used again and again meanwhile.
            for _ in range(20):
                await ask_at_once(database, 1)
            await most(1)
        await database.close()
        await most(0)
