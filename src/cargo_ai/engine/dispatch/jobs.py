"""Jobs as a worker fetches them: when there is a place, when one was inserted, and when one that was put off is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from cargo_ai.engine.dispatch.places import Places

_COLUMNS = "id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id"
_WORKSPACE = """coalesce({0}.args ->> 'workspace',
    (select s.workspace_uuid::text from shards s where s.uuid = ({0}.args ->> 'shard')::uuid),
    (select b.workspace_uuid::text from batches b where b.uuid = ({0}.args ->> 'batch')::uuid))"""
# Times of other jobs matter only where there is nothing to do now; what is due and not to be fetched waits for others to end.
_DUE = """case when f.id is null then (
    select extract(epoch from min(todo.scheduled_at) - now())::float8 from procrastinate_jobs todo
    where todo.status = 'todo' and todo.queue_name = any(%(lanes)s) and todo.scheduled_at > now()
) end as due_in"""
FETCH = f"""
select {_COLUMNS}, {_WORKSPACE.format("f")} as workspace, {_DUE}
from procrastinate_fetch_job_v2(%(lanes)s::varchar[], %(worker_id)s) f
"""  # noqa: S608 - constants of this module
# The same as that function does, without the jobs of workspaces that have their share.
FETCH_OF_OTHERS = f"""
with candidate as (
    select j.id from procrastinate_jobs j
    where j.status = 'todo' and j.queue_name = any(%(lanes)s) and (j.scheduled_at is null or j.scheduled_at <= now())
        and (j.lock is null or not exists (
            select 1 from procrastinate_jobs o where o.lock = j.lock and (
                o.status = 'doing' or o.status = 'todo' and (o.priority > j.priority or o.priority = j.priority and o.id < j.id)
            )
        ))
        and coalesce({_WORKSPACE.format("j")} <> all(%(full)s), true)
    order by j.priority desc, j.id limit 1 for update of j skip locked
), fetched as (
    update procrastinate_jobs p set status = 'doing', worker_id = %(worker_id)s from candidate c where p.id = c.id returning p.*
)
select {_COLUMNS}, {_WORKSPACE.format("f")} as workspace, {_DUE} from (values (1)) one left join fetched f on true
"""  # noqa: S608 - constants of this module
# Only as it was fetched: one that was given back meanwhile is another worker's now, or about to be.
FINISH = "delete from procrastinate_jobs where id = %(id)s and status = 'doing' and attempts = %(attempts)s"
SHORTEST_WAIT = 0.02


class Jobs(JobManager):
    """Fetches jobs for which there is a place. Each lane has one who fetches; it sleeps until it is notified or something is due.

    `sleep(lane, seconds)`: what sets how long the fetcher of a lane then sleeps; None: as long as it may.
    """

    places: Places
    sleep: Callable[[str, float | None], None]

    def __init__(self, connector: Any) -> None:
        super().__init__(connector)
        self._inserted: Counter[str] = Counter()
        self._wakes: dict[str, asyncio.Event] = {}
        self.registered = asyncio.Event()
        """Set when a lane has been given an id, as when it registers again."""

    async def register_worker(self) -> int:
        """Register a lane; its id."""
        uid = await super().register_worker()
        self.registered.set()
        return uid

    def notify(self, lane: str) -> None:
        """A job was inserted into a lane, or may have been."""
        self._inserted[lane] += 1
        if lane in self._wakes:
            self._wakes[lane].set()

    async def listen_for_jobs(self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None) -> None:
        """Wake the fetcher of a lane for each `notify`, until cancelled."""
        lane = next(iter(queues or ()), "")
        wake = self._wakes[lane] = asyncio.Event()
        while True:
            await wake.wait()
            wake.clear()
            await on_notification(channel=lane, notification={"type": "job_inserted", "job_id": 0})

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job, with a place; None when there is no job, or no place for a while."""
        lanes = list(queues or ())
        lane = next(iter(lanes), "")
        while True:
            if not await self.places.wait(lane):
                # There may be jobs: it is looked for a place again at once.
                self.sleep(lane, SHORTEST_WAIT)
                return None
            inserted = self._inserted[lane]
            full = self.places.full(lane)
            query: dict[str, Any] = {"query": FETCH_OF_OTHERS, "full": full} if full else {"query": FETCH}
            row = await self.connector.execute_query_one_async(**query, lanes=lanes, worker_id=worker_id)
            due_in, workspace = row.pop("due_in"), row.pop("workspace")
            if row["id"] is not None:
                job = Job.from_row(row)
                self.places.take(lane, row["id"], workspace)
                return job
            # One that was inserted while this look was under way would otherwise wait for the next look.
            if self._inserted[lane] == inserted:
                self.sleep(lane, None if due_in is None else max(SHORTEST_WAIT, due_in))
                return None

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Take it out of the queue, no matter how it ended. One that could not even begin leaves its place here."""
        try:
            await self.connector.execute_query_async(query=FINISH, id=job.id, attempts=job.attempts)
        finally:
            self.places.end(job.id)
            if job.lock is not None:
                # The next one of its turn may be fetched.
                self.notify(job.queue)
