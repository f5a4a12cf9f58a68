"""Connections: a few per account and process, opened by checked addresses, reused for half a minute."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from cargo_ai.integrations.kit import Service, ServiceError
from cargo_ai.integrations.sql import postgresql_connection
from cargo_ai.integrations.sql.database import (
    CONNECT_SECONDS,
    STATEMENT_SECONDS,
    Connection,
    DatabaseError,
    Login,
    Rows,
    Statement,
    service_error,
    within,
)
from cargo_ai.outbound.guard import ConnectFailed, OutboundRefused

Json = Any
Config = Mapping[str, Json]
MAX_PER_ACCOUNT = 4
IDLE_SECONDS = 30.0
PORTS = {"postgresql": 5432, "mysql": 3306}


@dataclass(slots=True)
class _Pool:
    """The connections of one account. idle: with the timer that closes each."""

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_PER_ACCOUNT))
    idle: list[tuple[Connection, asyncio.TimerHandle]] = field(default_factory=list[tuple[Connection, asyncio.TimerHandle]])
    users: int = 0


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Pool]] = WeakKeyDictionary()


async def transact(service: Service, statements: Sequence[Statement], *, read_only: bool, limit: int = 0) -> list[Rows]:
    """Execute statements in one transaction of the account's database, within its rate limits. At most `limit` rows of each.

    ServiceError in the database's words, Throttled. `sent` of the error: the changes may have been kept.
    """
    await service.admit("READ" if read_only else "WRITE")
    config: Config = {} if service.account is None else service.account.config
    pools = _pools.setdefault(asyncio.get_running_loop(), {})
    key = hashlib.sha256(json.dumps(config, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
    pool = pools.setdefault(key, _Pool())
    pool.users += 1
    try:
        async with pool.slots:
            return await _with_connection(service, pool, config, statements, read_only, limit)
    except DatabaseError as error:
        raise service_error(service.name, error) from None
    except OutboundRefused as error:
        raise ServiceError(str(error), reason="addressRefused") from None
    except ConnectFailed as error:
        raise ServiceError(f"{service.name}: {error}", transient=not error.lasting, reason="unreachable") from None
    finally:
        pool.users -= 1
        if not pool.users and not pool.idle:
            pools.pop(key, None)


async def _with_connection(
    service: Service, pool: _Pool, config: Config, statements: Sequence[Statement], read_only: bool, limit: int
) -> list[Rows]:
    connection = await _take(service, pool, config)
    try:
        result = await within(STATEMENT_SECONDS + 5, connection, connection.transact(statements, read_only=read_only, limit=limit))
    except BaseException:
        if connection.is_usable:
            _put_back(pool, connection)
        else:
            await connection.close()
        raise
    if connection.is_usable:
        _put_back(pool, connection)
    else:
        await connection.close()
    service.changed = service.changed or not read_only
    return result


async def _take(service: Service, pool: _Pool, config: Config) -> Connection:
    while pool.idle:
        connection, timer = pool.idle.pop()
        timer.cancel()
        if connection.is_usable and await _answers(connection):
            return connection
        await connection.close()
    login = await _login(service, config)
    try:
        async with asyncio.timeout(CONNECT_SECONDS * 2):
            return await _open(login)
    except TimeoutError:
        raise DatabaseError(f"{login.host} did not answer in time", "08001", lost=True) from None


async def _open(login: Login) -> Connection:
    if login.dialect == "postgresql":
        return await postgresql_connection.connect(login)
    # The driver is loaded where there is such a database.
    from cargo_ai.integrations.sql import mysql_connection

    return await mysql_connection.connect(login)


async def _answers(connection: Connection) -> bool:
    """Whether a connection that was idle is still there: found out before anything is sent that may not be sent twice."""
    try:
        await within(2.0, connection, connection.transact([("SELECT 1", {})], read_only=True, limit=1))
    except DatabaseError:
        return False
    return True


def _put_back(pool: _Pool, connection: Connection) -> None:
    loop = asyncio.get_running_loop()

    def expire() -> None:
        pool.idle[:] = [entry for entry in pool.idle if entry[0] is not connection]
        task = loop.create_task(connection.close())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    pool.idle.append((connection, loop.call_later(IDLE_SECONDS, expire)))


_closing: set[asyncio.Task[None]] = set()


async def _login(service: Service, config: Config) -> Login:
    dialect = "mysql" if config.get("dialect") == "mysql" else "postgresql"
    host, port = str(config["host"]), int(config.get("port") or PORTS[dialect])
    checked = await service.client.guard.check(host, port)
    return Login(
        dialect=dialect,
        host=host,
        addresses=tuple(map(str, checked)),
        port=port,
        database=str(config["database"]),
        user=str(config["user"]),
        password=str(config.get("password") or ""),
        tls=str(config.get("tls") or "verify"),
    )
