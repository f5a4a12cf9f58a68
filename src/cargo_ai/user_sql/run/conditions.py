"""Evaluate filters of users: in a turn of their workspace, within limits of time and memory, with errors as sentences."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, nullcontext

import psycopg
from sqlglot import exp

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.records.catalog import Relation
from cargo_ai.records.filter import compile
from cargo_ai.records.filter.terms import FilterContext, InvalidFilter
from cargo_ai.store.connections.turns import Turns
from cargo_ai.store.driver import Connection, execute
from cargo_ai.user_sql.run import error_messages, memory_limit, off_loop
from cargo_ai.user_sql.run.roles import STATEMENT_SECONDS

FILTER_SECONDS = 300
"""Without conditions in SQL a filter can say little that is slow, but a segment of millions is compared as a whole."""
_DEFAULTS = "set local statement_timeout to default; set local max_parallel_workers_per_gather to default; set local jit to default"


async def compile_filter(filter: Filter, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    """As `records.filter.compile.compile_filter`; long conditions in SQL are read in a thread. Raises InvalidFilter, and Busy."""
    characters = compile.sql_length(filter, scope.segments)
    return await off_loop.compute(scope.catalog.workspace, characters, compile.compile_filter, filter, relation, alias, scope)


@asynccontextmanager
async def limit(turns: Turns, connection: Connection, scope: FilterContext) -> AsyncGenerator[None]:
    """The only place in which a compiled filter is evaluated: its values are there within. InvalidFilter where the database cannot do it,
    or not in time: the transaction, or savepoint, around is lost then. Busy where too many of the workspace wait.

    Where it can, the caller takes the turn itself before it takes a connection.
    """
    seconds = STATEMENT_SECONDS if scope.written else FILTER_SECONDS
    settings = f"set local statement_timeout = '{seconds}s'"
    if scope.written:
        # Processes beside that of the connection would have no limit of memory.
        settings += "; set local max_parallel_workers_per_gather = 0; set local jit = off"
    async with turns.take(scope.catalog.workspace, connected=True):
        with scope.limited(), _translate_errors(scope, seconds), _limit_memory(connection) if scope.written else nullcontext():
            await execute(connection, settings)
            yield
            await execute(connection, _DEFAULTS if scope.written else "set local statement_timeout to default")


@contextmanager
def _translate_errors(scope: FilterContext, seconds: int) -> Generator[None]:
    try:
        yield
    except psycopg.Error as error:
        if scope.written and (sentence := error_messages.sentence(error, seconds)) is not None:
            raise InvalidFilter(f"a condition in SQL cannot be evaluated: {sentence}") from None
        if isinstance(error, psycopg.errors.QueryCanceled):
            raise InvalidFilter(f"evaluating it takes longer than {seconds} seconds: filter by fewer or simpler conditions.") from error
        raise


@contextmanager
def _limit_memory(connection: Connection) -> Generator[None]:
    pid, user = connection.info.backend_pid, connection.info.user
    with memory_limit.limited(pid, user):
        yield
