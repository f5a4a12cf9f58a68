"""Run statements with psycopg directly, on the caller's connection and in its transaction."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncSession

Connection = psycopg.AsyncConnection[Any]
Params = Sequence[Any] | Mapping[str, Any] | None
_PLACE = re.compile(r"%\((\w+)\)s")


async def driver_connection(session: AsyncSession) -> Connection:
    """The psycopg connection under a session, so that statements, COPY and jobs belong to the session's transaction."""
    raw = await (await session.connection()).get_raw_connection()
    connection: Any = raw.driver_connection
    if not isinstance(connection, psycopg.AsyncConnection):
        raise TypeError("The session does not run on psycopg.")
    return connection  # pyright: ignore[reportUnknownVariableType]  # psycopg types it by its row factory


class Single:
    """A pool whose connections run each statement in a transaction of its own: one round trip instead of three."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncGenerator[Connection]:
        """One of its connections."""
        async with self._pool.connection(timeout) as connection:
            await connection.set_autocommit(True)
            try:
                yield connection
            finally:
                if connection.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
                    await connection.rollback()
                # One that is lost, or has a statement under way, is replaced by the pool.
                if connection.info.transaction_status == TransactionStatus.IDLE:
                    await connection.set_autocommit(False)


async def commit_with(session: AsyncSession, statement: str, params: Params) -> None:
    """Run a last statement and commit the session's transaction, both in one message to the server: one round trip instead of two.

    Values are put into the text by the driver, since a message with parameters holds one statement only. A connection that is lost
    meanwhile is psycopg's OperationalError, and whether it was committed is not known.
    """
    cursor = psycopg.AsyncClientCursor(await driver_connection(session))
    await cursor.execute(f"{statement}; commit".encode(), params)
    # Nothing is sent: the driver sees that no transaction is open.
    await session.commit()


async def execute(connection: Connection, statement: str, params: Params = None) -> int:
    """Run a statement; the number of affected rows. Never prepared: tables change under a prepared statement."""
    cursor = await connection.execute(statement.encode(), params, prepare=False)
    return max(cursor.rowcount, 0)


async def fetch(connection: Connection, statement: str, params: Params = None) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    cursor = await connection.execute(statement.encode(), params, prepare=False)
    rows: list[tuple[Any, ...]] = await cursor.fetchall()
    return rows


async def value(connection: Connection, statement: str, params: Params = None) -> Any:
    """The first column of the first row; None without one."""
    rows = await fetch(connection, statement, params)
    return rows[0][0] if rows else None


class LongStatement:
    """A prepared statement with many named values, lists of scalars among them, each with a cast of its own. Its text is read once, and
    lists are sent as texts: psycopg would read a text as long as this each time that it runs, and look at each item of a list for itself.
    """

    def __init__(self, text: str) -> None:
        self._names: dict[str, int] = {}
        self._text = _PLACE.sub(self._number, text).encode()

    def _number(self, place: re.Match[str]) -> str:
        return f"${self._names.setdefault(place[1], len(self._names) + 1)}"

    async def run(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it; its rows."""
        cursor = psycopg.AsyncRawCursor(connection)
        await cursor.execute(self._text, [_sent(values[name]) for name in self._names], prepare=True)
        return await cursor.fetchall()


def _sent(value: Any) -> Any:
    """A value as it is sent: a list as PostgreSQL writes an array."""
    if not isinstance(value, list):
        return value
    items = cast("list[Any]", value)
    texts = ["NULL" if item is None else '"' + str(item).replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items]
    return "{" + ",".join(texts) + "}"
