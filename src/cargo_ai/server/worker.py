"""Worker: one process that drives shards, enumerates batches and keeps house, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Any

import psycopg
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from cargo_ai.engine import crash
from cargo_ai.engine.drive import Driver
from cargo_ai.engine.enumerate import Enumerator
from cargo_ai.engine.keep import Keeper
from cargo_ai.engine.queue import Lane, Queue
from cargo_ai.engine.writer import Writer
from cargo_ai.integrations import outbound
from cargo_ai.kernel import clock, ids, log, settings
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.compose import compose, secret_key
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database, with_options

INTERACTIVE_SLOTS = 16
BATCH_SLOTS = 2
WRITER_SLOTS = 16

_log = log.get(__name__)


class Worker:
    """Everything of one worker process; `run` returns when it has drained."""

    def __init__(self, configuration: Settings, url: str) -> None:
        self._settings = configuration
        self._uuid = ids.new()
        self._url = url
        self._stopping = asyncio.Event()
        self._lanes: dict[Lane, int] = {
            "interactive": INTERACTIVE_SLOTS,
            "batch": int(configuration.number("BATCH_SLOTS", BATCH_SLOTS, least=1)),
        }
        self._queue = Queue(stalled_after=configuration.stalled_after)

    async def run(self) -> None:
        """Work until `stop`."""
        self._database = Database(self._url, name="cargo-ai worker", pool_size=4)
        async with (
            AsyncConnectionPool[Any](
                with_options(self._url, application_name="cargo-ai engine"), min_size=2, max_size=10, open=False, configure=_configure
            ) as pool,
            outbound.client(self._settings) as client,
        ):
            await pool.wait(timeout=30)
            files = FileStore.of(self._settings)
            composed = compose(self._settings, self._database, files, secret_key(self._settings), client)
            writer = Writer(self._connect, self._uuid.int % WRITER_SLOTS)
            driver = Driver(pool, writer, self._queue, composed.actions, files, str(self._uuid))
            enumerator = Enumerator(pool, self._queue, composed.sources)
            self._queue.register("drive", driver.drive)
            self._queue.register("enumerate", enumerator.enumerate)
            replaces = self._settings.text("REPLACES_WORKER")
            keeper = Keeper(
                pool, self._queue, self._uuid, self._lanes["batch"], stalled_after=self._settings.stalled_after, replaces=replaces
            )
            await self._work(pool, driver, keeper, writer)
        await self._database.close()

    async def _work(self, pool: AsyncConnectionPool[Any], driver: Driver, keeper: Keeper, writer: Writer) -> None:
        serving = asyncio.create_task(self._serve(pool), name="queue")
        keeping = asyncio.create_task(keeper.run(), name="keeper")
        orphaned = asyncio.create_task(self._watch_parent(), name="parent watch")
        _log.info("worker ready", worker=str(self._uuid), pid=os.getpid())
        print(self._uuid, flush=True)  # noqa: T201 - the supervisor reads who this is
        await self._stopping.wait()
        _log.info("worker drains", worker=str(self._uuid))
        driver.drain()
        self._queue.stop()
        _, late = await asyncio.wait([serving], timeout=self._settings.drain_seconds)
        for task in (*late, keeping, orphaned):
            task.cancel()
        await asyncio.gather(serving, keeping, orphaned, return_exceptions=True)
        await writer.close()
        with contextlib.suppress(psycopg.Error):
            await keeper.leave()

    async def _serve(self, pool: AsyncConnectionPool[Any]) -> None:
        """Serve the queue; when the database goes away or another worker declared this one dead, sign on again."""
        wait = 0.1
        while not self._stopping.is_set():
            began = clock.seconds()
            try:
                await self._queue.serve(pool, self._lanes)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                _log.warning("the queue was lost; signing on again", cause=f"{type(error).__name__}: {error}"[:300], wait_seconds=wait)
            if not self._stopping.is_set():
                wait = 0.1 if clock.seconds() - began > 10 else min(wait * 2, 5.0)
                await asyncio.sleep(wait)

    async def _watch_parent(self) -> None:
        """A worker whose supervisor was killed stops: the next supervisor starts its own."""
        parent = os.getppid()
        while self._settings.flag("SUPERVISED") and not self._stopping.is_set():
            await asyncio.sleep(1)
            if os.getppid() != parent:
                _log.warning("the supervisor is gone; stopping")
                self.stop()

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection[Any].connect(
            with_options(self._url, application_name="cargo-ai journal", options="-c enable_hashjoin=off -c enable_mergejoin=off"),
            autocommit=True,
            connect_timeout=5,
        )
        connection.prepare_threshold = 2
        return connection

    def stop(self) -> None:
        """Begin to drain."""
        self._stopping.set()


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    set_json_loads(from_json, connection)


async def _main() -> int:
    configuration = settings.read()
    log.setup(debug=configuration.flag("DEBUG"))
    crash.arm(configuration)
    worker = Worker(configuration, configuration.database_url)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.run()
    return 0


def main() -> int:
    """Entry of the worker process."""
    return asyncio.run(_main())


if __name__ == "__main__":
    sys.exit(main())

