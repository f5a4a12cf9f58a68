"""Connections to the tests' databases that the next test takes again: a new one costs PostgreSQL a process that knows no table yet.

What is kept is libpq's end, of which nothing is left but its parameters: Python's objects around it are new each time.
"""

from __future__ import annotations

import re
import select
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg import generators, pq

from cargo_ai.store.embedded import roles

MOST = 6
"""Of the same parameters. Tests that see connections end set 0."""
MOST_IN_ALL = 30
"""A third of what PostgreSQL allows."""
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_Connection = psycopg.AsyncConnection[Any]
_kept: dict[str, list[pq.abc.PGconn]] = {}
"""By their parameters."""
_closes = psycopg.AsyncConnection.close


def keep(names: str) -> None:
    """From now on, keep the owner's connections to databases whose names begin so when they are closed."""

    def connect(cls: type[_Connection], conninfo: str = "") -> Generator[Any, Any, _Connection]:
        connection = cls(_take(conninfo) or (yield from generators.connect(conninfo)))
        # By a worker's name, others see that it lives; and there is no next one of that name.
        if f"dbname={names}" in conninfo and f"user={roles.OWNER}" in conninfo and not UUID.search(conninfo):
            connection.__dict__["kept_as"] = conninfo
        return connection

    async def close(self: _Connection) -> None:
        pgconn, kept = self.pgconn, _kept.setdefault(self.__dict__.get("kept_as", ""), [])
        is_full = len(kept) >= MOST or sum(map(len, _kept.values())) >= MOST_IN_ALL
        returns = self.__dict__.get("_pool") is not None
        if "kept_as" not in self.__dict__ or returns or self.closed or is_full or not _is_cleared(pgconn):
            await _closes(self)
            return
        # For anyone who still has it, it is closed.
        self.pgconn, self._closed = pq.PGconn.connect_start(b"port=none"), True  # pyright: ignore[reportPrivateUsage]
        kept.append(pgconn)

    psycopg.AsyncConnection._connect_gen = classmethod(connect)  # pyright: ignore
    psycopg.AsyncConnection.close = close


def pids(database: str) -> list[int]:
    """The processes that serve those of this database that are kept."""
    return [pgconn.backend_pid for pgconns in _kept.values() for pgconn in pgconns if pgconn.db == database.encode()]


def close(database: str | None = None) -> None:
    """Close those of this database, or all."""
    for pgconns in _kept.values():
        for pgconn in [one for one in pgconns if database is None or one.db == database.encode()]:
            pgconns.remove(pgconn)
            pgconn.finish()


def _take(parameters: str) -> pq.abc.PGconn | None:
    pgconns = _kept.get(parameters, [])
    while pgconns:
        pgconn = pgconns.pop()
        # One that says something without being asked says that it was ended.
        if not select.select([pgconn.socket], [], [], 0)[0]:
            return pgconn
        pgconn.finish()
    return None


def _is_cleared(pgconn: pq.abc.PGconn) -> bool:
    """Whether nothing is left of the session; one that is in the middle of something is not interrupted."""
    if pgconn.transaction_status in {pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR}:
        pgconn.exec_(b"rollback")
    if pgconn.transaction_status != pq.TransactionStatus.IDLE or pgconn.pipeline_status != pq.PipelineStatus.OFF:
        return False
    is_cleared = pgconn.exec_(b"discard all").status == pq.ExecStatus.COMMAND_OK
    while pgconn.notifies() is not None:
        continue
    return is_cleared
