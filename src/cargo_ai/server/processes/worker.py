"""A worker process: it drives shards, enumerates batches and does housekeeping until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import psycopg
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from cargo_ai.actions import native_actions
from cargo_ai.engine.dispatch import cancel, singles
from cargo_ai.engine.dispatch.enumerate import Enumerator
from cargo_ai.engine.dispatch.queue import Lane, Queue
from cargo_ai.engine.dispatch.timers.lookout import Lookout
from cargo_ai.engine.dispatch.timers.schedule import Scheduler
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.journal.failures import LOOK_SECONDS, FailureCounter
from cargo_ai.engine.journal.writer import PLANNER, Writer
from cargo_ai.engine.worker.cancelling import Cancelling
from cargo_ai.engine.worker.driver import Driver
from cargo_ai.engine.worker.housekeeping import Chore, Housekeeping
from cargo_ai.engine.worker.in_flight import InFlight
from cargo_ai.engine.worker.single_runs import SingleRuns
from cargo_ai.expression import evaluator
from cargo_ai.kernel import ids, log, settings
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api import idempotency
from cargo_ai.server.compose import compose, packages, services_of
from cargo_ai.server.key_rotation.installation_key import secret_key
from cargo_ai.server.metrics import collector, elsewhere
from cargo_ai.server.metrics.collector import PrometheusCollector
from cargo_ai.server.processes import background, connections, event_loop, file_pages, garbage
from cargo_ai.server.processes.watching import loop_watch, parent_watch, pulse, task_stacks
from cargo_ai.server.processes.worker_locks import WorkerLock
from cargo_ai.server.traces import exporter
from cargo_ai.store.connections import uuid_loader
from cargo_ai.store.connections.turns import Turns
from cargo_ai.store.files import CUT_OFF_SECONDS, FileStore
from cargo_ai.store.session import Database, idle_timeout_option, with_options

INTERACTIVE_SLOTS = 16
RESERVES: dict[Lane, int] = {"interactive": 4, "batch": 1}
"""What no workspace has that has all slots of a lane: however many jobs of one wait for slow services, those of others find a place."""
WRITER_SLOTS = 16
ABANDON_SECONDS = 5.0
ENGINE_IDLE_SECONDS = 10.0
ROOMS_IDLE_SECONDS = 120.0
POOL_IDLE_SECONDS = 30.0
"""So long connections are kept that no one has needed, which take 3 MB each of the database's memory."""

_log = log.get(__name__)


class Worker:
    """Everything of one worker process; `run` returns when it has drained."""

    def __init__(self, configuration: Settings, url: str) -> None:
        self._settings = configuration
        self._uuid = ids.new()
        self._url = url
        self._stopping = asyncio.Event()
        self.failed = False
        """Whether it ended because something ended that it cannot be without."""
        self.counts: PrometheusCollector | None = None
        """What it counts, where no server reads that from its files."""
        self._lanes: dict[Lane, int] = {
            "interactive": INTERACTIVE_SLOTS,
            "batch": configuration.batch_slots,
        }
        # The engine's transactions are short. A worker that is silent in one for this long counts as dead for the others, too.
        self._idle = max(ENGINE_IDLE_SECONDS, configuration.stalled_after)
        self._queue = Queue(stalled_after=configuration.stalled_after, most_runs=configuration.max_concurrent_runs)

    async def run(self) -> None:
        """Work until `stop`."""
        # Nothing here has a caller who waits: a node or a batch takes its turn whenever it comes.
        turns = Turns(self._settings.statements_per_workspace, in_all=4, seconds=None)
        self._database = Database(
            self._url,
            name=f"cargo-ai worker {self._uuid}",
            pool_size=4,
            idle_seconds=ROOMS_IDLE_SECONDS,
            turns=turns,
            spare_seconds=POOL_IDLE_SECONDS,
        )
        async with (
            AsyncConnectionPool[Any](
                with_options(self._url, application_name=f"cargo-ai engine {self._uuid}", options=idle_timeout_option(self._idle)),
                min_size=1,
                max_size=10,
                max_idle=POOL_IDLE_SECONDS,
                open=False,
                configure=_configure,
            ) as pool,
            http_client.client(self._settings) as client,
        ):
            await pool.wait(timeout=30)
            files = FileStore.of(self._settings)
            services = services_of(self._settings, self._database, files, secret_key(self._settings), client)
            composed = compose(services)
            # Single runs are committed by a writer of their own, so that none waits behind ten thousand rows of a batch.
            slot = self._uuid.int % WRITER_SLOTS
            writers = {
                lane: Writer(self._connect, 2 * slot + number, self._settings.credits_per_execution)
                for number, lane in enumerate(self._lanes)
            }
            in_flight, lookout = services.once(InFlight, InFlight), services.once(Lookout, Lookout)
            driver = Driver(pool, writers, self._queue, composed.actions, files, self._settings, str(self._uuid), in_flight)
            single_runs = SingleRuns(pool, str(self._uuid), INTERACTIVE_SLOTS, RESERVES["interactive"], driver.drive_single)
            enumerator = Enumerator(pool, self._queue, composed.sources, composed.run_costs, driver.graphs.is_light)
            self._queue.register("drive", driver.drive)
            self._queue.register("enumerate", enumerator.enumerate)
            cancelling = Cancelling(pool, self._queue)
            self._queue.register(cancel.TASK, cancelling.end)
            for name, task in composed.jobs.items():
                self._queue.register(name, task)
            replaces = self._settings.replaces_worker
            failure_counter = FailureCounter(pool)
            housekeeping = Housekeeping(
                pool,
                self._queue,
                self._uuid,
                self._lanes["batch"],
                stalled_after=self._settings.stalled_after,
                replaces=replaces,
                chores=[
                    Chore("prune idempotency keys", lambda: idempotency.prune(self._database)),
                    Chore("remove files that were cut off", files.remove_cut_off, CUT_OFF_SECONDS),
                    Chore("count failures", failure_counter.run, LOOK_SECONDS, in_each=True),
                    *(Chore(name, run) for name, run in composed.chores.items()),
                ],
                lookout=lookout,
            )
            for writer in writers.values():
                writer.parked, writer.failed = housekeeping.parked, failure_counter.noticed
            housekeeping.others = single_runs.share_with
            channels: dict[str, Callable[[str], None]] = {
                "cargo_wake": lambda _: housekeeping.wake(),
                singles.CHANNEL: single_runs.hear,
                **self._queue.channels(),
            }
            look = partial(self._look, housekeeping, single_runs)
            scheduler = Scheduler(self._database, composed.schedules, lookout)
            beside = [partial(self._database.notifications.listen, channels, look), scheduler.run, *composed.background]
            beside.append(file_pages.release_when_settled)
            if self.counts is not None:
                beside.append(partial(elsewhere.publish, self._database, self._uuid, self.counts))
            drains = [driver.drain, enumerator.drain, cancelling.drain, single_runs.drain]
            serving = _together(self._queue.serve(pool, self._lanes, RESERVES), single_runs.serve())
            await self._work(driver, drains, housekeeping, list(writers.values()), serving, beside)
        await evaluator.close_shared()
        await self._database.close()

    async def _work(
        self,
        driver: Driver,
        drains: list[Callable[[], None]],
        housekeeping: Housekeeping,
        writers: list[Writer],
        serve: Coroutine[Any, Any, None],
        beside: list[Callable[[], Coroutine[Any, Any, None]]],
    ) -> None:
        serving = asyncio.create_task(serve, name="queue")
        others = [asyncio.create_task(background.keep_running(start)) for start in beside]
        housekeeping_task = asyncio.create_task(housekeeping.run(), name="housekeeping")
        orphaned = asyncio.create_task(parent_watch.watch(self._settings, self.stop), name="parent watch")
        stop_watching = loop_watch.begin(self._settings)
        garbage.spare_what_is_loaded()
        _log.info("worker ready", worker=str(self._uuid), pid=os.getpid())
        print(self._uuid, flush=True)  # noqa: T201 - the supervisor reads the worker's uuid
        self.failed = not await background.until_one_ends(self._stopping, [serving, housekeeping_task])
        _log.info("worker drains", worker=str(self._uuid))
        for task in others:
            task.cancel()
        for drain in drains:
            drain()
        self._queue.stop()
        _, late = await asyncio.wait([serving], timeout=self._settings.drain_seconds)
        if late:
            _log.warning("not everything ended in time; what is left goes to other workers", worker=str(self._uuid))
            driver.abandon()
            await asyncio.wait([serving], timeout=ABANDON_SECONDS)
        stop_watching()
        for task in (serving, housekeeping_task, orphaned):
            task.cancel()
        await asyncio.wait([serving, housekeeping_task, orphaned, *others], timeout=1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(writer.close() for writer in writers)), ABANDON_SECONDS)
        with contextlib.suppress(psycopg.Error):
            await housekeeping.deregister()

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection[Any].connect(
            with_options(
                self._url,
                application_name=f"cargo-ai journal {self._uuid}",
                options=f"{PLANNER} {idle_timeout_option(self._idle)}",
            ),
            autocommit=True,
            connect_timeout=5,
        )
        connection.prepare_threshold = 2
        return connection

    def _look(self, housekeeping: Housekeeping, single_runs: SingleRuns) -> None:
        """Notifications may have been missed."""
        housekeeping.wake()
        single_runs.look()
        for job_was_inserted in self._queue.channels().values():
            job_was_inserted("")

    def lock(self) -> WorkerLock:
        """Hold what says that this worker lives."""
        return WorkerLock(self._settings, str(self._uuid))

    def stop(self) -> None:
        """Begin to drain."""
        self._stopping.set()


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """Until all have returned, or one failed."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    set_json_loads(from_json, connection)
    uuid_loader.register(connection)


async def _main(configuration: Settings) -> int:
    log.setup(debug=configuration.debug)
    if configuration.supervisor_pid:
        collector.begin(configuration)
    exporter.begin(configuration, "worker")
    connections.raise_file_limit()
    crash_points.arm(configuration)
    worker = Worker(configuration, configuration.database_url)
    worker.counts = None if configuration.supervisor_pid else collector.begin_alone(configuration)
    lock = worker.lock() if configuration.supervisor_pid else None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    task_stacks.log_on_signal()
    # From here on, before the database has answered: a worker that waits for it works.
    beating = asyncio.create_task(pulse.beat()) if configuration.supervisor_pid else None
    await worker.run()
    if beating is not None:
        beating.cancel()
    if lock is not None:
        lock.release()
    exporter.end()
    return int(worker.failed)


def load() -> None:
    """Load all that a worker needs before it knows its database."""
    packages()
    native_actions()
    event_loop.load()
    # The queue imports some of it when it is made.
    Queue()


def main(configuration: Settings | None = None) -> int:
    """Entry of the worker process; by default its environment holds the settings."""
    return event_loop.run(_main(configuration or settings.read()))


if __name__ == "__main__":
    sys.exit(main())
