"""Availability: wait while the database does not answer, and repeat the work when it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout
from sqlalchemy import exc

from cargo_ai.kernel import log

LONGEST_WAIT = 2.0

DATABASE_UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    exc.OperationalError,
    exc.InterfaceError,
    exc.TimeoutError,
)
"""What is raised when the database does not answer, goes down in between, or cannot do it now (deadlock, full disk). `PoolTimeout` too: a
pool whose connections have died gives none."""

T = TypeVar("T")

_log = log.get(__name__)


async def retry_until_available(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`, repeated until the database answers. An earlier attempt may have been committed: `work` must be safe to repeat."""
    wait = 0.05
    while True:
        try:
            return await work()
        except DATABASE_UNAVAILABLE as error:
            _log.warning("the database is unavailable; trying again", what=what, cause=str(error).strip()[:200], wait_seconds=wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
