"""Schedules: what happens at which time, in one table; each due time is fired once, by the worker that is first."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.engine.dispatch.timers.cron import InvalidCron, parse
from cargo_ai.engine.dispatch.timers.lookout import Lookout
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.journal.tables import schedules
from cargo_ai.kernel import clock, ids, log, tasks
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.store.table_sql import insert_sql

CHANNEL = "cargo_schedules"
"""Of notifications that schedules have changed."""

LONGEST_SLEEP = 58.9
BROKEN_WAIT = timedelta(seconds=30)
LOCKED_SECONDS = 0.2
"""How soon to look again when another worker is firing a due time."""

_log = log.get(__name__)


class NotFired(Exception):
    """Nothing was started; the message, for people, says why."""


class _Broken(Exception):
    """Starting it raised an unexpected error."""


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """A schedule as its owner wants it. `cron` and `time_zone` are as `cron.parse` takes them."""

    name: str
    cron: str
    time_zone: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """What is due. `due` is the time that it was meant for, however late it is."""

    uuid: uuid.UUID
    workspace: uuid.UUID
    owner: uuid.UUID
    name: str
    payload: dict[str, Any]
    due: datetime


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """How a schedule stands. `started`: what its last due time started, or `problem`: why that started nothing."""

    uuid: uuid.UUID
    name: str
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    started: uuid.UUID | None
    problem: str | None


Fire = Callable[[AsyncSession, DueSchedule], Awaitable[uuid.UUID | None]]
"""Starts what is due, in the session's transaction and workspace, and returns its uuid (None: there was nothing to do). Raises NotFired."""

OF_OWNER = "select uuid, name, cron, time_zone from schedules where workspace_uuid = %s and kind = %s and owner_uuid = %s for update"
# fmt: off
ADD = insert_sql(
    schedules, "uuid", "workspace_uuid", "kind", "owner_uuid", "name", "cron", "time_zone", "payload", "anchor", "next_fire_at",
)
# fmt: on
STATES = """
select owner_uuid, uuid, name, next_fire_at, last_fire_at, started_uuid, problem from schedules
where workspace_uuid = %s and kind = %s and owner_uuid = any(%s)
"""
DUE = """
select uuid, workspace_uuid, kind, owner_uuid, name, cron, time_zone, payload, anchor, next_fire_at from schedules
where next_fire_at <= %s and kind = any(%s) order by next_fire_at limit 1 for update skip locked
"""
FIRED = "update schedules set next_fire_at = %s, last_fire_at = %s, started_uuid = %s, problem = %s where uuid = %s"
AGAIN = "update schedules set next_fire_at = %s, problem = %s where uuid = %s"
NEXT = "select min(next_fire_at) from schedules where next_fire_at is not null and kind = any(%s)"


async def replace_schedules(
    connection: Connection, workspace: uuid.UUID, kind: str, owner: uuid.UUID, specs: Sequence[ScheduleSpec]
) -> list[uuid.UUID]:
    """Give the owner exactly these schedules; their uuids, in order. One that is as before keeps its uuid and its next time.

    Raises InvalidCron.
    """
    parsed = [parse(spec.cron, spec.time_zone) for spec in specs]
    cursor = await connection.execute(OF_OWNER, (workspace, kind, owner))
    former = {(row[1], row[2], row[3]): row[0] for row in await cursor.fetchall()}
    now, uuids = clock.now(), list[uuid.UUID]()
    for spec, cron in zip(specs, parsed, strict=True):
        key, payload = (spec.name, cron.text, cron.zone.key), to_json(spec.payload).decode()
        uid = former.pop(key, None)
        if uid is None:
            uid = ids.new()
            due = cron.after(now, now)
            row = {"uuid": uid, "workspace_uuid": workspace, "kind": kind, "owner_uuid": owner, "name": spec.name, "cron": cron.text}
            row |= {"time_zone": cron.zone.key, "payload": payload, "anchor": now, "next_fire_at": due}
            await connection.execute(ADD, row)
        else:
            await connection.execute("update schedules set payload = %s where uuid = %s", (payload, uid))
        uuids.append(uid)
    await connection.execute("delete from schedules where uuid = any(%s)", (list(former.values()),))
    # Sent when the transaction commits: schedulers that sleep until the former next time look again.
    await connection.execute("select pg_notify(%s, '')", (CHANNEL,))
    return uuids


async def states(connection: Connection, workspace: uuid.UUID, kind: str, owners: Sequence[uuid.UUID]) -> dict[uuid.UUID, ScheduleState]:
    """How the schedules of these owners stand, by the schedule's uuid."""
    rows = await (await connection.execute(STATES, (workspace, kind, list(owners)))).fetchall() if owners else []
    return {row[1]: ScheduleState(*row[1:]) for row in rows}


async def by_owner(connection: Connection, workspace: uuid.UUID, kind: str, owners: Sequence[uuid.UUID]) -> dict[uuid.UUID, ScheduleState]:
    """How these owners' schedules stand, where each has at most one, by the owner."""
    rows = await (await connection.execute(STATES, (workspace, kind, list(owners)))).fetchall()
    return {row[0]: ScheduleState(*row[1:]) for row in rows}


class Scheduler:
    """Runs in each worker. It sleeps until the next due time or until schedules change, and asks the database about nothing meanwhile."""

    def __init__(self, database: Database, fires: Mapping[str, Fire], lookout: Lookout | None = None) -> None:
        self._database = database
        self._fires = fires
        self._lookout = lookout or Lookout()

    async def run(self) -> None:
        """Until cancelled. Waits for a database that is unavailable."""
        wake = asyncio.Event()
        on_gap = partial(self._lookout.wake_leading, wake)
        listening = asyncio.create_task(self._database.notifications.listen({CHANNEL: lambda _: wake.set()}, on_gap))
        listening.add_done_callback(lambda _: wake.set())
        try:
            await self._lookout.wait(wake, self._lookout.longest(0))
            while not listening.done():
                wake.clear()
                seconds = await retry_until_available("the schedules", self._fire_due)
                await self._lookout.wait(wake, seconds)
            await listening
        finally:
            await tasks.cancel(listening)

    async def _fire_due(self) -> float:
        """Fire all that are due; how many seconds later to look again."""
        while await self.fire_next():
            pass
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await (await (await driver_connection(db)).execute(NEXT, (list(self._fires),))).fetchone()
        longest = self._lookout.longest(LONGEST_SLEEP)
        if row is None or row[0] is None:
            return longest
        return min(longest, max(LOCKED_SECONDS, (row[0] - clock.now()).total_seconds()))

    async def fire_next(self) -> bool:
        """Fire the schedule that has been due for longest, and set its next time, in one transaction; False when none is due.

        What was missed while no worker ran is fired once, not once per time.
        """
        async with self._database.session(ALL_WORKSPACES) as db:
            connection = await driver_connection(db)
            row = await (await connection.execute(DUE, (clock.now(), list(self._fires)))).fetchone()
            if row is None:
                return False
            uid, workspace, kind, owner, name, cron, zone, payload, anchor, due = row
            db.info["scope"] = workspace
            try:
                started, problem = await self._fire(db, self._fires[kind], DueSchedule(uid, workspace, owner, name, payload, due))
            except _Broken as broken:
                started, problem = None, str(broken)
                if not cron:
                    # What happens once must not be lost by a fault that may be mended.
                    await connection.execute(AGAIN, (clock.now() + BROKEN_WAIT, problem, uid))
                    await db.commit()
                    return True
            if problem is not None:
                _log.warning("a schedule started nothing", kind=kind, owner=str(owner), name=name, cause=problem)
            crash_points.point("before schedule commit")
            if cron:
                await connection.execute(FIRED, (_following(cron, zone, anchor, due), due, started, problem, uid))
            else:
                await connection.execute("delete from schedules where uuid = %s", (uid,))
            await db.commit()
            crash_points.point("after schedule commit")
        return True

    async def _fire(self, db: AsyncSession, fire: Fire, due: DueSchedule) -> tuple[uuid.UUID | None, str | None]:
        """What it started, or why it started nothing. Raises _Broken; what it wrote by then is undone."""
        try:
            async with db.begin_nested():
                return await fire(db, due), None
        except NotFired as error:
            return None, str(error)
        except DATABASE_UNAVAILABLE:
            raise
        except Exception as error:
            # One schedule that breaks must not keep the others from firing.
            _log.exception("a schedule broke", owner=str(due.owner), name=due.name)
            raise _Broken(f"It broke ({type(error).__name__}); the server's log has the details.") from error


def _following(cron: str, zone: str, anchor: datetime, due: datetime) -> datetime | None:
    try:
        # Not before `due`: another machine's clock may be a little ahead of this one.
        return parse(cron, zone).after(max(clock.now(), due), anchor)
    except InvalidCron:
        return None
