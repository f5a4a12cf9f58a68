"""Database sessions: a unit of work that sees the rows of one workspace, and none without a workspace."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from sqlalchemy import Executable, Table, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import ExecutableOption

from cargo_ai.store.connections.notifications import Notifications
from cargo_ai.store.connections.spare_connections import SpareConnections
from cargo_ai.store.connections.turns import Turns
from cargo_ai.store.rows import Owned, Row

END_SECONDS = 2.0


class NoWorkspace(RuntimeError):
    """A statement on rows of workspaces ran in a session without a workspace: a bug."""


class _AllWorkspaces:
    """The scope of statements across workspaces (authentication, scans of the engine)."""


ALL_WORKSPACES: Final = _AllWorkspaces()
Scope = uuid.UUID | _AllWorkspaces | None


def _touches_owned(statement: Executable) -> bool:
    """Whether an owned table occurs anywhere in the statement: in joins, subqueries, EXISTS, also as a plain Core table."""
    owned = {mapper.local_table for mapper in Row.registry.mappers if issubclass(mapper.class_, Owned)}
    return any(element in owned for element in visitors.iterate(cast("Any", statement)) if isinstance(element, Table))


@event.listens_for(Session, "do_orm_execute")
def _filter_by_workspace(state: ORMExecuteState) -> None:
    scope: Scope = state.session.info.get("scope")
    if scope is ALL_WORKSPACES or not (state.is_select or state.is_update or state.is_delete):
        return
    if state.is_column_load or state.is_relationship_load:
        return
    if scope is None:
        if _touches_owned(state.statement):
            raise NoWorkspace("Rows of workspaces were selected in a session without a workspace.")
        return
    # Always: `all_mappers` has only what is selected, not what is joined, counted or used in subqueries.
    state.statement = state.statement.options(_criteria(scope))


@lru_cache(maxsize=1024)
def _criteria(workspace: Scope) -> ExecutableOption:
    """The filter by a workspace. Making it takes a tenth of what a statement costs."""
    return with_loader_criteria(Owned, lambda owned: owned.workspace_uuid == workspace, include_aliases=True, track_closure_variables=True)


@event.listens_for(Session, "before_flush")
def _own_rows_only(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    scope: Scope = session.info.get("scope")
    if scope is ALL_WORKSPACES:
        return
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, Owned) and row.workspace_uuid != scope:
            raise NoWorkspace(f"A {type(row).__name__} of another workspace was about to be written.")


@contextmanager
def across_workspaces(session: AsyncSession) -> Generator[None]:
    """Lift the workspace filter for a few statements; the former scope is restored afterwards."""
    former = session.info.get("scope")
    session.info["scope"] = ALL_WORKSPACES
    try:
        yield
    finally:
        session.info["scope"] = former


def workspace_of(session: AsyncSession) -> uuid.UUID:
    """The workspace of a session, for statements that the mapper does not filter. NoWorkspace where it has none, or all."""
    scope: Scope = session.info.get("scope")
    if not isinstance(scope, uuid.UUID):
        raise NoWorkspace("Rows of a workspace were asked for in a session without one.")
    return scope


def turns_of(session: AsyncSession) -> Turns:
    """The turns of the session's process."""
    turns: Turns = session.info["turns"]
    return turns


def driver_url(url: str) -> str:
    """The same database for SQLAlchemy's psycopg driver: `postgresql://…` → `postgresql+psycopg://…`."""
    parts = urlsplit(url)
    scheme = "postgresql+psycopg" if parts.scheme in {"postgres", "postgresql"} else parts.scheme
    return urlunsplit(parts._replace(scheme=scheme))


def with_options(url: str, **options: str) -> str:
    """The url with libpq parameters added (`application_name`, `options`); `options` go after those that it has."""
    parts = urlsplit(url)
    present = dict(parse_qsl(parts.query))
    query = present | options
    if "options" in present and "options" in options:
        query["options"] = f"{present['options']} {options['options']}"
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def idle_timeout_option(seconds: float) -> str:
    """The `options` of a connection whose transactions PostgreSQL ends after this long without a statement.

    So a paused process, or one on a machine that is gone, holds no locks forever.
    """
    return f"-c idle_in_transaction_session_timeout={int(seconds * 1000)}"


class Database:
    """A pool of connections and the sessions on it. `idle_seconds`: how long a transaction may be silent. `turns`: of statements that
    evaluate filters of users; by default such statements hold half of the pool at most. `spare_seconds`: after so long in which one
    connection was enough, the others are closed; 0: never."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "cargo-ai",
        pool_size: int = 8,
        overflow: int = 4,
        idle_seconds: float = 600,
        turns: Turns | None = None,
        spare_seconds: float = 0,
    ) -> None:
        self.url = url
        self.size = pool_size + overflow
        """How many connections there are at most."""
        self.notifications = Notifications(url, name)
        self.turns = turns or Turns(in_all=(pool_size + overflow) // 2)
        self.engine: AsyncEngine = create_async_engine(
            driver_url(with_options(url, application_name=name, options=idle_timeout_option(idle_seconds))),
            pool_size=pool_size,
            max_overflow=overflow,
            pool_timeout=15,
            # The connections that were used last have their statements prepared.
            pool_use_lifo=True,
            pool_pre_ping=False,
            pool_recycle=1800,
            connect_args={"prepare_threshold": 3},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=True)
        self._ends: list[Callable[[], Awaitable[None]]] = []
        self._closed = False
        event.listen(self.engine.sync_engine, "checkin", self._on_checkin)
        if spare_seconds:
            SpareConnections(self.engine, spare_seconds)

    def _on_checkin(self, connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        """A connection that comes back after the pool was closed goes to a pool which is never emptied again."""
        if self._closed and connection is not None:
            record.close()

    @asynccontextmanager
    async def session(self, scope: Scope) -> AsyncGenerator[AsyncSession]:
        """A session of one workspace (or ALL_WORKSPACES). The caller commits; leaving without a commit rolls back."""
        async with self._sessions(info={"scope": scope, "turns": self.turns}) as session:
            yield session

    def before_close(self, end: Callable[[], Awaitable[None]]) -> None:
        """Await this when the database is closed: what works beside its callers has to come to an end first."""
        self._ends.append(end)

    async def close(self) -> None:
        """Close all connections, after what works on them has ended, or two seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await asyncio.gather(*(end() for end in self._ends), return_exceptions=True)
        self._closed = True
        await self.engine.dispose()
