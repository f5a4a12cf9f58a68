"""Databases as the actions see them: one transaction at a time, within limits of time and size, and what their errors mean."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.kit import ServiceError
from cargo_ai.integrations.sql.statement import Dialect

Json = Any
Statement = tuple[str, Mapping[str, Json] | Sequence[Json]]
"""SQL with `%(name)s` or `%s`, and the values."""
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rows:
    """What a statement gave. more: there were rows beyond the limit. changed: how many rows it has changed."""

    columns: list[str]
    rows: list[dict[str, Json]]
    more: bool = False
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. type: as the database writes it."""

    name: str
    type: str
    is_nullable: bool
    has_default: bool


class DatabaseError(Exception):
    """What the database or its driver refused. committing: it may have kept the changes all the same."""

    def __init__(self, message: str, code: str, *, lost: bool = False, committing: bool = False) -> None:
        super().__init__(message)
        self.message, self.code, self.lost, self.committing = message, code, lost, committing


@dataclass(frozen=True, slots=True)
class Login:
    """Where a database is and who signs in. addresses: those of the host that were checked."""

    dialect: Dialect
    host: str
    addresses: tuple[str, ...]
    port: int
    database: str
    user: str
    password: str
    tls: str


class Connection(ABC):
    """One connection. Not for two callers at once; one that failed in an unexpected way is closed and not used again."""

    @abstractmethod
    async def transact(self, statements: Sequence[Statement], *, read_only: bool, limit: int) -> list[Rows]:
        """Execute statements in one transaction, and commit. At most `limit` rows of each. DatabaseError: none of it is done, unless
        `committing`."""

    @abstractmethod
    async def close(self) -> None:
        """Close it, whatever it is doing."""

    @property
    @abstractmethod
    def is_usable(self) -> bool:
        """Whether another transaction may begin."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a class of errors means. status: as an HTTP service would say it; rows of a batch are tried alone below 500."""

    reason: str
    status: int
    transient: bool = False
    message: str = "{said}"


_UNAUTHORIZED = Meaning("unauthorized", 401, message="the sign-in was refused: {said}")
_TOO_LONG = Meaning("timeout", 408, message=f"the statement took longer than {STATEMENT_SECONDS:.0f} seconds and was stopped")
_BUSY = Meaning("serviceUnavailable", 503, transient=True)
_MEANINGS: dict[str, Meaning] = {
    # PostgreSQL, by SQLSTATE or its class.
    "28": _UNAUTHORIZED,
    "08P01": Meaning("tls", 400, message="the way could not be protected: {said}. See `tls` in the documentation"),
    "3D": Meaning("notFound", 404),
    "42501": Meaning("forbidden", 403),
    "42P01": Meaning("notFound", 404),
    "42P10": Meaning("noUniqueIndex", 400, message="the matching columns have no unique index: make one, or match by others ({said})"),
    "23505": Meaning("conflict", 409),
    "25006": Meaning("readOnly", 400, message="`query` only reads: use `execute` for statements that change something ({said})"),
    "57014": _TOO_LONG,
    "40": _BUSY,
    "53": _BUSY,
    "57": _BUSY,
    "08": _BUSY,
    # MySQL, by number.
    "1044": Meaning("forbidden", 403),
    "1045": _UNAUTHORIZED,
    "1698": _UNAUTHORIZED,
    "1049": Meaning("notFound", 404),
    "1142": Meaning("forbidden", 403),
    "1143": Meaning("forbidden", 403),
    "1146": Meaning("notFound", 404),
    "1062": Meaning("conflict", 409),
    "1792": Meaning("readOnly", 400, message="`query` only reads: use `execute` for statements that change something ({said})"),
    "1969": _TOO_LONG,
    "3024": _TOO_LONG,
    "1040": _BUSY,
    "1053": _BUSY,
    "1205": _BUSY,
    "1213": _BUSY,
}
_OTHER = Meaning("invalidRequest", 400)


def service_error(name: str, error: DatabaseError) -> ServiceError:
    """The error as actions raise it, in the database's words."""
    if error.lost:
        text = f"{name}: {error.message}"
        return ServiceError(text, transient=True, reason="unreachable", sent=error.committing)
    meaning = _MEANINGS.get(error.code) or _MEANINGS.get(error.code[:2] if len(error.code) == 5 else "") or _OTHER
    text = f"{name}: {meaning.message.replace('{said}', error.message)}"
    return ServiceError(text, status=meaning.status, transient=meaning.transient, reason=meaning.reason, sent=error.committing)


async def within(seconds: float, connection: Connection, work: Any) -> Any:
    """The result of some work on a connection. One that takes longer is closed. DatabaseError then."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        await connection.close()
        raise DatabaseError("the database did not answer in time", "57014") from None
    except asyncio.CancelledError:
        await connection.close()
        raise
