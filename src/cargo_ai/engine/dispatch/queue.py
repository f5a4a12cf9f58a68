"""The distributed queue: defer, serve and recover jobs, with Procrastinate on our PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import cache, partial
from typing import Any, Literal, TypeVar, cast

import procrastinate
import psycopg
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch.jobs import Jobs
from cargo_ai.engine.dispatch.places import Places
from cargo_ai.kernel import clock, log, tasks
from cargo_ai.store.driver import Single

Lane = Literal["interactive", "batch"]
LANES: tuple[Lane, ...] = ("interactive", "batch")
Task = Callable[..., Awaitable[None]]
T = TypeVar("T", bound=Task)

# Only as it was seen: another worker may have given it back meanwhile, and a third one do it by now. Each giving back counts an attempt.
GIVE_BACK = """
with job as materialized (
    select id, queue_name from procrastinate_jobs where id = %(id)s and status = 'doing' and attempts = %(attempts)s for update
)
select procrastinate_retry_job_v2(id, now(), null, null, null) as given, pg_notify('procrastinate_queue_v1#' || queue_name, '') from job
"""
# Jobs of workers that are dead or silent, and those that the queue says this process does.
UNDER_WAY = """
select j.id, j.attempts, coalesce(j.worker_id = any(%(ours)s), false) as is_ours from procrastinate_jobs j
where j.status = 'doing' and (
    j.worker_id is null or j.worker_id = any(%(ours)s)
    or %(judges)s and pg_postmaster_start_time() < now() - make_interval(secs => %(stalled_after)s) and exists (
        select 1 from procrastinate_workers w
        where w.id = j.worker_id and w.last_heartbeat < now() - make_interval(secs => %(stalled_after)s)
    )
)
"""
# Of shards that a statement has `numbered`, each with the number of those `ahead` of it: their jobs, as `defer_behind` makes them.
QUEUE_BEHIND = """
select procrastinate_defer_jobs_v1(array_agg(
    row('batch', 'drive', -ahead, null, null, jsonb_build_object('shard', uuid), null)::procrastinate_job_to_defer_v1 order by ahead
)) from numbered having count(*) > 0
"""
NEVER = 86_400.0
"""Seconds between heartbeats of Procrastinate's own, for the housekeeping beats for all lanes; and between its looks for jobs to be
aborted, for we abort none."""

_job: ContextVar[int | None] = ContextVar("job", default=None)
"""The job that the present task does."""

_log = log.get(__name__)
_goes_on = set[Any]()


def goes_on(task: T) -> T:
    """A decorator of what jobs do part by part, each kept when it is done, or in one transaction: a worker that stops breaks it off, and
    another goes on."""
    _goes_on.add(task)
    return task


def is_broken_off(task: Task) -> bool:
    """Whether a worker that stops breaks off jobs of this task."""
    return getattr(task, "__func__", task) in _goes_on


@cache
def producer(most_runs: int = 0) -> Queue:
    """The queue of a process that only defers jobs, on its callers' connections."""
    return Queue(most_runs=most_runs)


class Queue:
    """Jobs are data: a task's name and ids. The worker that fetches one holds it while its heartbeat lasts.

    `most_runs`: how many runs of one workspace may go at once (see concurrency); 0: any number.
    """

    def __init__(self, *, stalled_after: float = 30, polling: float = 20.3, most_runs: int = 0) -> None:
        self.most_runs = most_runs
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._places = Places()
        self._app.job_manager = self._jobs = Jobs(self._app.connector)
        self._jobs.places, self._jobs.sleep = self._places, self._sleep
        self._places.has_room = self._jobs.notify
        self._stalled_after = stalled_after
        self._polling = polling
        self._workers: dict[Lane, Worker] = {}
        self._at: set[int | None] = set()
        self._idle: set[int | None] = set()
        self._stopping = asyncio.Event()
        # Procrastinate logs each job at INFO; the engine's own events say more.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)

    def channels(self) -> dict[str, Callable[[str], None]]:
        """The notifications that say that a job was inserted, and what to do then. Who hears none finds jobs when it polls."""
        return {f"procrastinate_queue_v1#{lane}": lambda _, lane=lane: self._jobs.notify(lane) for lane in LANES}

    def register(self, name: str, task: Task) -> None:
        """Let this process work on jobs of that name."""

        async def work(context: procrastinate.JobContext, **args: Any) -> None:
            self._at.add(context.job.id)
            _job.set(context.job.id)
            try:
                if is_broken_off(task):
                    await self._until_stopped(context.job, partial(task, **args))
                else:
                    await task(**args)
            finally:
                self._at.discard(context.job.id)
                self._places.leave(context.job.id)

        self._app.task(name=name, pass_context=True)(work)

    async def _until_stopped(self, job: Job, work: Task) -> None:
        """Do a job until its end, or until this process is to do no more; then it is for another."""
        working, stopping = asyncio.ensure_future(work()), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.cancel(working, stopping)
        if working.cancelled():
            await self._give_back(job.id, job.attempts)
        else:
            working.result()

    def place(self) -> Callable[[], None]:
        """What the present job calls when it is about to end, so that the next one is fetched meanwhile; again without effect."""
        return partial(self._places.leave, _job.get())

    async def defer(self, connection: psycopg.AsyncConnection[Any], task: str, lane: Lane, **args: Any) -> None:
        """Enqueue one job in the connection's transaction: it exists exactly when that commits, and wakes a worker then."""
        await self.defer_many(connection, task, lane, [args])

    async def defer_many(self, connection: psycopg.AsyncConnection[Any], task: str, lane: Lane, jobs: Sequence[dict[str, Any]]) -> None:
        """Enqueue jobs in the connection's transaction, in order."""
        if jobs:
            deferrer = self._app.configure_task(task, queue=lane, connection=connection, allow_unknown=True)
            await deferrer.batch_defer_async(*jobs)

    async def defer_later(self, connection: psycopg.AsyncConnection[Any], task: str, lane: Lane, seconds: int, **args: Any) -> None:
        """The same, but the job is not fetched before this many seconds have passed."""
        later = self._app.configure_task(task, queue=lane, connection=connection, allow_unknown=True, schedule_in={"seconds": seconds})
        await later.defer_async(**args)

    async def defer_behind(self, connection: psycopg.AsyncConnection[Any], task: str, lane: Lane, ahead: int, **args: Any) -> None:
        """The same, but it is fetched after all jobs that were enqueued behind fewer of their kind, whenever those come."""
        behind = self._app.configure_task(task, queue=lane, connection=connection, allow_unknown=True, priority=-ahead)
        await behind.defer_async(**args)

    async def defer_in_turn(self, connection: psycopg.AsyncConnection[Any], task: str, lane: Lane, turn: str, **args: Any) -> None:
        """The same as `defer`, but of the jobs of a turn one is fetched when the one before has ended: however many, they hold one slot."""
        one = self._app.configure_task(task, queue=lane, connection=connection, allow_unknown=True, lock=turn)
        await one.defer_async(**args)

    async def serve(self, pool: AsyncConnectionPool[Any], slots: dict[Lane, int], reserves: Mapping[Lane, int] | None = None) -> None:
        """Work on jobs until cancelled or `stop` is called; each lane has slots of its own, so a full one never delays the other.

        `reserves`: how many more each lane has for the jobs of other workspaces, when one has all of its slots.
        """
        await self.open(pool)
        reserves = reserves or {}
        self._places.open({**slots}, {**reserves})
        async with asyncio.TaskGroup() as group:
            for lane, count in slots.items():
                group.create_task(self._serve(lane, count + reserves.get(lane, 0)), name=f"lane {lane}")

    async def open(self, pool: AsyncConnectionPool[Any]) -> None:
        """Have the connections that serving and recovering take."""
        await self._app.connector.open_async(Single(pool))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

    async def _serve(self, lane: Lane, slots: int) -> None:
        """Serve one lane; register again when the database was away or another process declared this one dead. The other lane continues."""
        wait = 0.1
        while not self._stopping.is_set():
            began = clock.seconds()
            worker = self._workers[lane] = self._worker(lane, slots)
            try:
                # Also when it fails, it returns only after the jobs that it has.
                await worker.run()
            except Exception as error:
                _log.warning("the queue was lost; registering again", lane=lane, cause=f"{type(error).__name__}: {error}"[:300])
            if not self._stopping.is_set():
                wait = 0.1 if clock.seconds() - began > 10 else min(wait * 2, 5.0)
                await asyncio.sleep(wait)

    def _worker(self, lane: Lane, slots: int) -> Worker:
        return Worker(
            self._app,
            queues=[lane],
            name=lane,
            # Places are what counts: jobs that have left theirs are still to end.
            concurrency=2 * slots,
            fetch_job_polling_interval=self.longest_sleep(lane),
            delete_jobs=DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            update_heartbeat_interval=NEVER,
            abort_job_polling_interval=NEVER,
            stalled_worker_timeout=self._stalled_after,
        )

    def _sleep(self, lane: str, seconds: float | None) -> None:
        worker = self._workers.get(cast("Lane", lane))
        if worker is not None:
            longest = self.longest_sleep(cast("Lane", lane))
            worker.fetch_job_polling_interval = longest if seconds is None else min(longest, seconds)

    def longest_sleep(self, lane: Lane) -> float:
        """Seconds between looks of a lane that nothing wakes. Not the same for all, so that they seldom need connections at once."""
        return self._polling * (1 + LANES.index(lane) / 10)

    def stop(self) -> None:
        """Fetch no further job; `serve` returns when the present ones have ended. Those that go on elsewhere are broken off."""
        self._stopping.set()
        self._places.close()
        for worker in self._workers.values():
            worker.stop()

    def ids(self) -> list[int]:
        """The queue's ids of this process's workers, for the worker that reaps it if it dies."""
        return [worker.worker_id for worker in self._workers.values() if worker.worker_id is not None]

    async def registered(self, seconds: float) -> None:
        """Return when a lane has been given another id since the last call, or after this long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._jobs.registered.wait()
        self._jobs.registered.clear()

    async def mark_dead(self, ids: Sequence[int]) -> None:
        """Mark these workers as dead: their jobs count as stalled at once."""
        for worker_id in ids:
            await self._app.job_manager.unregister_worker(worker_id)

    async def recover(self, *, judges: bool = True) -> int:
        """Give the jobs of dead or silent workers, and those that got lost here, back to the queue; returns how many. `judges`: whether
        silent ones count as dead.

        Lost are those that the queue says this process does and that it does not: that it fetched or ended them was lost with a connection.
        That report may still be on its way, so that only those count that were idle at the last look, too.
        """
        jobs = await self._app.connector.execute_query_all_async(
            query=UNDER_WAY, ours=self.ids(), stalled_after=self._stalled_after, judges=judges
        )
        idle = {job["id"] for job in jobs if job["is_ours"]} - self._at
        lost, self._idle = idle & self._idle, idle
        count = 0
        for job in jobs:
            if job["is_ours"] and job["id"] not in lost:
                continue
            count += await self._give_back(job["id"], job["attempts"])
        if count:
            _log.warning("recovered jobs of lost workers", jobs=count)
        return count

    async def _give_back(self, job: int | None, attempts: int) -> int:
        """Let another do a job; 0 where another does so already."""
        return len(await self._app.connector.execute_query_all_async(query=GIVE_BACK, id=job, attempts=attempts))
