"""Evaluate SQL conditions of users: limit their time, and report what the database says about them as errors of the filter."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import psycopg

from cargo_ai.records.filter.terms import FilterContext, InvalidFilter
from cargo_ai.store.driver import Connection, execute
from cargo_ai.user_sql.run import error_messages
from cargo_ai.user_sql.run.roles import STATEMENT_SECONDS


@contextmanager
def translate_errors(scope: FilterContext) -> Generator[None]:
    """InvalidFilter where the database cannot evaluate a condition in SQL. The transaction, or savepoint, around is lost then."""
    try:
        yield
    except psycopg.Error as error:
        sentence = error_messages.sentence(error) if scope.written else None
        if sentence is None:
            raise
        raise InvalidFilter(f"a condition in SQL cannot be evaluated: {sentence}") from None


@asynccontextmanager
async def limit_conditions(connection: Connection, scope: FilterContext) -> AsyncGenerator[None]:
    """The same, with an end to what takes too long."""
    if not scope.written:
        yield
        return
    with translate_errors(scope):
        await execute(connection, f"set local statement_timeout = '{STATEMENT_SECONDS}s'")
        yield
        await execute(connection, "set local statement_timeout to default")
