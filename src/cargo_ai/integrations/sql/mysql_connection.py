"""Connections to MySQL and MariaDB, by PyMySQL in threads of their own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeVar, cast

import certifi
import pymysql  # pyright: ignore[reportMissingTypeStubs]
from pymysql.cursors import SSCursor  # pyright: ignore[reportMissingTypeStubs]

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
Result = TypeVar("Result")
THREADS = 16
_LOST = frozenset({2003, 2006, 2013, 2014, 0})


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="mysql")


async def _in_thread(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_threads(), work)


async def connect(login: Login) -> MysqlConnection:
    """A connection to one of the login's addresses. DatabaseError."""
    return MysqlConnection(await _in_thread(partial(_connect, login)))


def _connect(login: Login) -> Any:
    opened = _socket(login)
    try:
        connection: Any = pymysql.Connection(
            host=login.host,
            user=login.user,
            password=login.password,
            database=login.database,
            charset="utf8mb4",
            defer_connect=True,
            autocommit=True,
            local_infile=False,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=STATEMENT_SECONDS + 5,
            write_timeout=STATEMENT_SECONDS + 5,
            program_name="cargo-ai",
            ssl=_tls(login.tls),
            ssl_disabled=login.tls == "off",
        )
        connection.connect(opened)
    except (pymysql.MySQLError, OSError) as error:
        opened.close()
        raise _failed(error) from None
    return connection


def _socket(login: Login) -> socket.socket:
    failure: OSError | None = None
    for address in login.addresses:
        try:
            opened = socket.create_connection((address, login.port), CONNECT_SECONDS)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return opened
        except OSError as error:
            failure = error
    reason = "the connection was refused" if isinstance(failure, ConnectionRefusedError) else "no connection"
    raise DatabaseError(f"{login.host} cannot be reached: {reason}", "2003", lost=True)


def _tls(mode: str) -> ssl.SSLContext | None:
    if mode == "off":
        return None
    context = ssl.create_default_context(cafile=certifi.where())
    if mode == "encrypt":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class MysqlConnection(Connection):
    """One connection to MySQL."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._usable = True
        self._committing = False

    async def transact(self, statements: Sequence[Statement], *, read_only: bool, limit: int) -> list[Rows]:
        """All of them or none."""
        return await _in_thread(partial(self._transact, statements, read_only, limit))

    def _transact(self, statements: Sequence[Statement], read_only: bool, limit: int) -> list[Rows]:
        self._committing = False
        self._usable = False
        cursor: Any = self._connection.cursor(SSCursor)
        try:
            self._begin(cursor, read_only)
            done = [self._execute(cursor, text, values, limit) for text, values in statements]
            if any(rows.more for rows in done):
                # What was not read still stands in the connection. The transaction has only read.
                self._abandon(cursor)
                return done
            self._committing = not read_only
            cursor.execute("COMMIT")
            cursor.close()
            self._usable = True
            return done
        except DatabaseError:
            self._abandon(cursor)
            raise
        except (pymysql.MySQLError, OSError, ValueError, TypeError, AttributeError) as error:
            failure = _failed(error, committing=self._committing)
            self._roll_back(cursor, failure)
            raise failure from None

    def _abandon(self, cursor: Any) -> None:
        """Close the connection without reading the rest of a result, which the cursor would otherwise do at its end."""
        result = cursor._result
        if result is not None:
            result.unbuffered_active = False
        cursor.connection = None
        self._connection._force_close()

    @staticmethod
    def _begin(cursor: Any, read_only: bool) -> None:
        # MariaDB and MySQL call it differently, and refuse the other's name.
        for setting in (f"max_statement_time = {STATEMENT_SECONDS:.0f}", f"max_execution_time = {STATEMENT_SECONDS * 1000:.0f}"):
            try:
                cursor.execute(f"SET SESSION {setting}")
                break
            except pymysql.MySQLError:
                continue
        cursor.execute("START TRANSACTION READ ONLY" if read_only else "START TRANSACTION")

    @staticmethod
    def _execute(cursor: Any, text: str, values: Mapping[str, Json] | Sequence[Json], limit: int) -> Rows:
        bound = {name: to_database(value) for name, value in values.items()} if isinstance(values, Mapping) else [*map(to_database, values)]
        cursor.execute(text, bound)
        names = [str(column[0]) for column in cast("Sequence[Any]", cursor.description or ())]
        if not names:
            return Rows([], [], changed=max(0, int(cursor.rowcount)))
        rows: list[dict[str, Json]] = []
        size = 0
        for row in cursor.fetchall_unbuffered():
            if len(rows) == limit:
                return Rows(names, rows, more=True)
            rows.append(dict(zip(names, map(to_json, row), strict=False)))
            size += sum(len(str(value)) for value in row)
            if size > MAX_BYTES:
                raise DatabaseError(f"the result is larger than {MAX_BYTES // 1024**2} MB: ask for fewer rows or columns", "1301")
        return Rows(names, rows)

    def _roll_back(self, cursor: Any, failure: DatabaseError) -> None:
        if not failure.lost:
            try:
                self._connection.rollback()
                self._usable = True
                return
            except (pymysql.MySQLError, OSError, AttributeError):
                pass
        self._abandon(cursor)

    async def close(self) -> None:
        """Close its socket, which ends a thread that waits for it."""
        self._usable = False
        opened = getattr(self._connection, "_sock", None)
        if opened is not None:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    @property
    def is_usable(self) -> bool:
        """Whether it is open and in no transaction."""
        return self._usable and bool(self._connection.open)


def _failed(error: BaseException, *, committing: bool = False) -> DatabaseError:
    if isinstance(error, DatabaseError):
        return error
    arguments = error.args
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    said = str(arguments[1]) if len(arguments) > 1 else str(error)
    if isinstance(error, (ValueError, TypeError)):
        return DatabaseError(said, "1064")
    # The driver's own objects are gone where the connection was closed under it.
    lost = number in _LOST or isinstance(error, (OSError, AttributeError))
    return DatabaseError(said or "the connection broke", str(number), lost=lost, committing=committing and lost)
