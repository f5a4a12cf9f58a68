"""Connections to PostgreSQL, by psycopg."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import certifi
import psycopg

from cargo_ai.integrations.sql.database import (
    CONNECT_SECONDS,
    MAX_BYTES,
    STATEMENT_SECONDS,
    Connection,
    DatabaseError,
    Login,
    Rows,
    Statement,
)
from cargo_ai.integrations.sql.values import to_database, to_json

Json = Any
_TLS = {"verify": "verify-full", "encrypt": "require", "off": "disable"}


async def connect(login: Login) -> PostgresqlConnection:
    """A connection to one of the login's addresses. DatabaseError."""
    hosts = ",".join([login.host] * len(login.addresses))
    try:
        connection = await psycopg.AsyncConnection.connect(
            host=hosts,
            hostaddr=",".join(login.addresses),
            port=login.port,
            dbname=login.database,
            user=login.user,
            # An empty password and missing files would be looked for in the home folder of the server's own user.
            password=login.password or "-",
            passfile="/dev/null",
            sslmode=_TLS[login.tls],
            sslrootcert=certifi.where(),
            sslcertmode="disable",
            gssencmode="disable",
            connect_timeout=int(CONNECT_SECONDS),
            application_name="cargo-ai",
            client_encoding="utf8",
            options=f"-c statement_timeout={STATEMENT_SECONDS:.0f}s -c idle_in_transaction_session_timeout=60s",
            autocommit=True,
        )
    except psycopg.Error as error:
        raise _refused(error) from None
    return PostgresqlConnection(connection)


class PostgresqlConnection(Connection):
    """One connection to PostgreSQL."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._committing = False

    async def transact(self, statements: Sequence[Statement], *, read_only: bool, limit: int) -> list[Rows]:
        """All of them or none."""
        self._committing = False
        try:
            async with self._transaction(read_only):
                execute = self._read if read_only else self._write
                return [await execute(text, values, limit) for text, values in statements]
        except psycopg.Error as error:
            lost = self._connection.closed or self._connection.broken
            raise _failed(error, lost=lost and error.sqlstate is None, committing=self._committing and lost) from None

    @asynccontextmanager
    async def _transaction(self, read_only: bool) -> AsyncGenerator[None]:
        await self._connection.execute("BEGIN READ ONLY" if read_only else "BEGIN")
        try:
            yield
        except BaseException:
            if not self._connection.closed:
                await self._connection.execute("ROLLBACK")
            raise
        self._committing = not read_only
        await self._connection.execute("COMMIT")

    async def _write(self, text: str, values: Mapping[str, Json] | Sequence[Json], limit: int) -> Rows:
        async with self._connection.cursor() as cursor:
            # Without values it would be sent in the protocol that takes several statements at once.
            await cursor.execute(cast("Any", text), _bound(values), prepare=None if values else True)
            names = _names(cursor)
            rows = [dict(zip(names, map(to_json, row), strict=True)) for row in await cursor.fetchmany(limit)] if names and limit else []
            return Rows(names, rows, changed=max(0, cursor.rowcount))

    async def _read(self, text: str, values: Mapping[str, Json] | Sequence[Json], limit: int) -> Rows:
        async with self._connection.cursor() as cursor:
            rows: list[dict[str, Json]] = []
            size = 0
            names: list[str] = []
            more = False
            async for row in cursor.stream(cast("Any", text), _bound(values)):
                names = names or _names(cursor)
                if len(rows) == limit:
                    more = True
                    break
                rows.append(dict(zip(names, map(to_json, row), strict=True)))
                size += sum(len(str(value)) for value in row)
                if size > MAX_BYTES:
                    raise DatabaseError(f"the result is larger than {MAX_BYTES // 1024**2} MB: ask for fewer rows or columns", "54000")
            return Rows(names or _names(cursor), rows, more=more)

    async def close(self) -> None:
        """Close it."""
        await self._connection.close()

    @property
    def is_usable(self) -> bool:
        """Whether it is open and in no transaction."""
        return not self._connection.closed and self._connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


def _bound(values: Mapping[str, Json] | Sequence[Json]) -> dict[str, object] | list[object]:
    if isinstance(values, Mapping):
        return {name: to_database(value) for name, value in values.items()}
    return [*map(to_database, values)]


def _names(cursor: psycopg.AsyncCursor[Any]) -> list[str]:
    return [column.name for column in cursor.description or ()]


# The driver gives no SQLSTATE for a connection that was refused.
_REFUSALS = (
    ("28P01", re.compile(r"authentication failed|no pg_hba\.conf entry|role .* (does not exist|is not permitted)|no password supplied")),
    ("3D000", re.compile(r"database .* does not exist")),
    ("53300", re.compile(r"too many|starting up|shutting down|recovery mode")),
    ("08P01", re.compile(r"certificate|SSL")),
)


def _refused(error: psycopg.Error) -> DatabaseError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "Is the server running" not in line]
    # Before the last reason stands the address behind the name.
    said = re.sub(r"^.* failed: ", "", lines[-1] if lines else "").removeprefix("FATAL:").strip() or "the connection failed"
    code = error.sqlstate or next((code for code, pattern in _REFUSALS if pattern.search(said)), "")
    return DatabaseError(said, code or "08001", lost=not code)


def _failed(error: psycopg.Error, *, lost: bool, committing: bool = False) -> DatabaseError:
    diagnosis = error.diag
    said = diagnosis.message_primary or str(error).strip().splitlines()[-1]
    details = f"{said} ({diagnosis.message_detail})" if diagnosis.message_detail else said
    return DatabaseError(details, error.sqlstate or ("08006" if lost else "42601"), lost=lost, committing=committing)
