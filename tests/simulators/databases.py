"""Real databases for tests of integrations: PostgreSQL of the test process, MariaDB where it is installed.

Each stands behind a relay that can drop the connection before or after a transaction is kept.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pymysql  # pyright: ignore[reportMissingTypeStubs]
from psycopg.conninfo import conninfo_to_dict

from tests.simulators.faults import Fault, Orders

Json = Any
USER, PASSWORD, NAME = "cargo_reader", "sql-password-4711-abcdef", "customers"
_BEGIN, _COMMIT = (b"BEGIN", b"START TRANSACTION"), b"COMMIT"

Execute = Callable[[str], Sequence[Sequence[Any]]]


class Control(Orders):
    """Orders to the relay, and the tables behind it. `execute` acts as an administrator."""

    def __init__(self, execute: Execute, fresh: Sequence[str]) -> None:
        self._execute, self._fresh = execute, fresh
        self.relay: Relay | None = None
        super().__init__()

    def reset(self) -> None:
        """New tables, new connections."""
        super().reset()
        if self.relay is not None:
            self.relay.cut()
        for statement in self._fresh:
            self._execute(statement)

    def change(self, statement: str) -> None:
        """Change what is in the tables."""
        self._execute(statement)

    def rows(self, query: str) -> list[list[Any]]:
        """What is in the tables."""
        return [list(row) for row in self._execute(query)]


class Relay:
    """A port that hands everything on to a database, in a thread of its own."""

    key = PASSWORD

    def __init__(self, control: Control, target: Callable[[], Any]) -> None:
        self.control, self._target = control, target
        control.relay = self
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"tcp://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._connected, sock=self._listening))
        self._loop.run_forever()

    def cut(self) -> None:
        """Close every connection."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(5)

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_database, to_database = await self._target()
        except OSError:
            writer.close()
            return
        self._writers |= {writer, to_database}
        state: dict[str, Fault | None] = {"after": None}
        await asyncio.gather(
            self._hand_on(reader, to_database, writer, state, asked=True),
            self._hand_on(from_database, writer, to_database, state, asked=False),
        )

    async def _hand_on(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
        state: dict[str, Fault | None],
        *,
        asked: bool,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if asked and any(word in data for word in (*_BEGIN, _COMMIT)):
                    moment = "after" if _COMMIT in data else "before"
                    fault = next((fault for fault in self.control.faults if fault.times > 0 and fault.drop == moment), None)
                    if fault is not None:
                        fault.times -= 1
                        if moment == "before":
                            break
                        state["after"] = fault
                elif not asked and state["after"] is not None:
                    break
                sink.write(data)
                await sink.drain()
        for writer in (sink, other):
            self._writers.discard(writer)
            writer.transport.abort()

    def stop(self) -> None:
        """Close the port."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._listening.close()


COLUMNS = "id integer primary key, email varchar(200) unique, name varchar(200), score numeric(10,2)"
ADA = "insert into people (id, email, name, score) values (1, 'ada@example.com', 'Ada', 1.5)"


@contextmanager
def postgresql(admin_url: str) -> Generator[Relay]:
    """A database of the test process's PostgreSQL."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {NAME} with (force)".encode())
        admin.execute(f"drop role if exists {USER}".encode())
        admin.execute(f"create role {USER} login password '{PASSWORD}'".encode())
        admin.execute(f"create database {NAME}".encode())
    parts = conninfo_to_dict(admin_url)
    with psycopg.connect(admin_url, dbname=NAME, autocommit=True) as connection:

        def execute(statement: str) -> Sequence[Sequence[Any]]:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

        fresh = (
            "drop table if exists people, deals",
            f"create table people ({COLUMNS}, tags text[], details jsonb)",
            "create table deals (title text, amount bigint)",
            ADA,
            f"grant select, insert, update, delete on people, deals to {USER}",
        )
        host = str(parts["host"])

        async def target() -> Any:
            port = int(parts.get("port") or 5432)
            if host.startswith("/"):
                return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            return await asyncio.open_connection(host, port)

        relay = Relay(Control(execute, fresh), target)
        try:
            yield relay
        finally:
            relay.stop()


def has_mariadb() -> bool:
    """Whether MariaDB is installed."""
    return shutil.which("mariadbd") is not None and shutil.which("mariadb-install-db") is not None


@contextmanager
def mariadb() -> Generator[Relay]:
    """A MariaDB server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    data, path = folder / "data", folder / "socket"
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *user],
        check=True,
        capture_output=True,
    )
    options = [
        f"--datadir={data}",
        f"--socket={path}",
        "--skip-networking",
        f"--pid-file={folder / 'pid'}",
        "--innodb-buffer-pool-size=16M",
    ]
    server = subprocess.Popen(["mariadbd", "--no-defaults", *options, *user], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        admin = _administrator(path)

        def execute(statement: str) -> Sequence[Sequence[Any]]:
            with admin.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()

        execute(f"create database {NAME}")
        execute(f"create user {USER}@'%' identified by '{PASSWORD}'")
        execute(f"create user {USER}@localhost identified by '{PASSWORD}'")
        for host in ("'%'", "localhost"):
            execute(f"grant select, insert, update, delete on {NAME}.* to {USER}@{host}")
        execute(f"use {NAME}")
        fresh = (
            "drop table if exists people, deals",
            f"create table people ({COLUMNS})",
            "create table deals (title text, amount bigint)",
            ADA,
        )
        relay = Relay(Control(execute, fresh), lambda: asyncio.open_unix_connection(str(path)))
        try:
            yield relay
        finally:
            relay.stop()
            admin.close()
    finally:
        server.kill()
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _administrator(path: Path) -> Any:
    """A connection as root, as soon as the server takes some."""
    until = time.monotonic() + 60
    while not _is_listening(path):
        assert time.monotonic() < until, "MariaDB did not start"
        time.sleep(0.1)
    return pymysql.Connection(unix_socket=str(path), user="root", autocommit=True)


def _is_listening(path: Path) -> bool:
    # The driver leaves sockets open that it could not connect.
    with socket.socket(socket.AF_UNIX) as opened:
        return opened.connect_ex(str(path)) == 0
