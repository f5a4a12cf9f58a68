"""UUIDs of rows are those that PostgreSQL has, and one object for a value that comes again."""

from __future__ import annotations

import psycopg

from cargo_ai.kernel import ids
from cargo_ai.store.connections import uuid_loader


async def test_a_value_that_comes_again_is_the_same_object(database_url: str) -> None:
    one, other = ids.new(), ids.new()
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        uuid_loader.register(connection)
        cursor = await connection.execute("select %s::uuid, %s::uuid, %s::uuid, null::uuid, array[%s::uuid]", (one, other, one, other))
        row = await cursor.fetchone()
    assert row is not None and row == (one, other, one, None, [other])
    assert row[0] is row[2] and row[0].version == one.version and str(row[1]) == str(other)
