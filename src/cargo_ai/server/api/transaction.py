"""Transactions: run a unit of work, commit it, and repeat it once after a serialization failure or a lost connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.server.api.http.responses import database_error, database_unavailable
from cargo_ai.store.driver import Params, commit_with
from cargo_ai.store.session import Database, Scope

T = TypeVar("T")
LAST = "last_statement"
_ROLLED_BACK = (pg.SerializationFailure, pg.DeadlockDetected)


async def transact(database: Database, scope: Scope, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Run `work` in a transaction of its own and commit it.

    A serialization failure or a deadlock, and a connection that was lost before the commit was sent, repeat the whole work once;
    a second one is a Refusal (503). Everything else that is raised rolls back and passes through.
    """
    try:
        return await _once(database, scope, work)
    except (DBAPIError, psycopg.Error) as error:
        if not _may_repeat(error):
            raise
    try:
        return await _once(database, scope, work)
    except (DBAPIError, psycopg.Error) as error:
        if isinstance(database_error(error), _ROLLED_BACK):
            raise database_unavailable() from error
        raise


def run_last(db: AsyncSession, statement: str, params: Params) -> None:
    """Run a statement together with the commit of `transact`, after everything else: it costs no round trip of its own."""
    db.info[LAST] = statement, params


async def _once(database: Database, scope: Scope, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async with database.session(scope) as db:
        result = await work(db)
        await db.flush()
        try:
            last: tuple[str, Params] | None = db.info.pop(LAST, None)
            await (db.commit() if last is None else commit_with(db, *last))
        except DBAPIError as error:
            if isinstance(database_error(error), _ROLLED_BACK) or not error.connection_invalidated:
                raise
            # Whether it was committed is not known: it must not be repeated here.
            raise database_unavailable() from error
        return result


def _may_repeat(error: Exception) -> bool:
    if isinstance(database_error(error), _ROLLED_BACK):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated
