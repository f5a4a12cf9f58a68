"""Connections whose statements are transactions of their own, lent by a pool whose others are not."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from cargo_ai.store.driver import LongStatement, Single


async def test_a_statement_lasts_at_once_and_the_connection_goes_back_as_it_was(database_url: str) -> None:
    async with AsyncConnectionPool[Any](database_url, min_size=1, max_size=1, open=False) as pool:
        async with Single(pool).connection() as connection:
            await connection.execute("create table lasting (n int)")
            await connection.execute("insert into lasting values (1)")
            async with await psycopg.AsyncConnection.connect(database_url) as other:
                assert await (await other.execute("select n from lasting")).fetchall() == [(1,)]
        async with pool.connection() as connection:
            assert not connection.autocommit
            await connection.execute("insert into lasting values (2)")
            await connection.rollback()
            assert await (await connection.execute("select count(*) from lasting")).fetchone() == (1,)


async def test_a_statement_that_fails_or_a_transaction_left_open_spoils_nothing(database_url: str) -> None:
    async with AsyncConnectionPool[Any](database_url, min_size=1, max_size=1, open=False) as pool:
        with pytest.raises(psycopg.errors.UndefinedTable):
            async with Single(pool).connection() as connection:
                await connection.execute("select * from nothing_here")
        with pytest.raises(RuntimeError):
            async with Single(pool).connection() as connection:
                await connection.execute("begin")
                raise RuntimeError
        async with pool.connection() as connection:
            assert not connection.autocommit
            assert await (await connection.execute("select 1")).fetchone() == (1,)


async def test_a_lost_connection_is_replaced(database_url: str) -> None:
    async with AsyncConnectionPool[Any](database_url, min_size=1, max_size=1, open=False) as pool:
        with pytest.raises(psycopg.OperationalError):
            async with Single(pool).connection() as connection:
                await connection.execute("select pg_terminate_backend(pg_backend_pid())")
        async with Single(pool).connection() as connection:
            assert await (await connection.execute("select 1")).fetchone() == (1,)


async def test_lists_of_a_long_statement_arrive_as_they_are_and_values_are_named_more_than_once(database_url: str) -> None:
    texts = ["", "NULL", None, "null", 'a "quoted", {braced} \\ text\n', "é 🎉", "\\N", " padded "]
    uid = uuid.uuid4()
    scalars: list[Any] = [[], [1, None, -3], [1.5, 1e-9], [True, False, None], [Decimal("0.1")], [uid, None], [date(2026, 1, 2)]]
    kinds = ["int", "int", "float8", "bool", "numeric", "uuid", "date"]
    columns = ", ".join(f"%(a{at})s::{kind}[]" for at, kind in enumerate(kinds))
    statement = LongStatement(f"select %(texts)s::text[], cardinality(%(texts)s::text[]), %(n)s::int, {columns}")
    values = {"n": 7, "texts": texts, "unused": 1, **{f"a{at}": value for at, value in enumerate(scalars)}}
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for _ in range(7):
            assert await statement.run(connection, values) == [(texts, len(texts), 7, *scalars)]
