"""Schedules: kept by their owner, fired once per due time however many look, and never lost."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.engine.dispatch.timers import schedule
from cargo_ai.engine.dispatch.timers.cron import InvalidCron
from cargo_ai.engine.dispatch.timers.schedule import DueSchedule, NotFired, Scheduler, ScheduleSpec
from cargo_ai.kernel import clock, ids, tasks
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

WORKSPACE, OWNER = ids.new(), ids.new()
HOURLY = ScheduleSpec("hourly", "0 * * * *", None, {"n": 1})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's database."""
    made = Database(database_url, pool_size=4)
    yield made
    await made.close()


async def put(database: Database, *wanted: ScheduleSpec, kind: str = "thing", owner: uuid.UUID = OWNER) -> list[uuid.UUID]:
    async with database.session(ALL_WORKSPACES) as db:
        made = await schedule.replace_schedules(await driver_connection(db), WORKSPACE, kind, owner, wanted)
        await db.commit()
    return made


async def make_due(database: Database, ago: timedelta = timedelta(seconds=1)) -> None:
    async with database.session(ALL_WORKSPACES) as db:
        await db.execute(text("update schedules set next_fire_at = :at"), {"at": clock.now() - ago})
        await db.commit()


async def rows(database: Database, query: str = "select * from schedules order by name") -> list[Any]:
    async with database.session(ALL_WORKSPACES) as db:
        return list((await db.execute(text(query))).mappings().all())


class Firing:
    """Writes down what fires, in the transaction that moves the schedule on."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.fires = {"thing": self.fire}

    async def fire(self, db: AsyncSession, due: DueSchedule) -> uuid.UUID:
        started = ids.new()
        await db.execute(text("insert into rate_buckets values (:name, :n, '[]')"), {"name": str(started), "n": due.payload["n"]})
        return started

    async def fired(self) -> int:
        return len(await rows(self.database, "select * from rate_buckets"))


async def test_a_schedule_that_stays_the_same_keeps_its_uuid_and_its_next_time(database: Database) -> None:
    (first,) = await put(database, HOURLY)
    await make_due(database, timedelta(seconds=-500))
    before = (await rows(database))[0]["next_fire_at"]

    kept, other = await put(database, HOURLY, ScheduleSpec("other", "@every 30m"))

    assert kept == first and other != first
    assert (await rows(database))[0]["next_fire_at"] == before
    assert await put(database) == [] and await rows(database) == []


async def test_a_cron_text_that_is_none_changes_nothing(database: Database) -> None:
    await put(database, HOURLY)

    with pytest.raises(InvalidCron):
        await put(database, ScheduleSpec("new", "@every 1h"), ScheduleSpec("bad", "hourly"))

    assert [row["name"] for row in await rows(database)] == ["hourly"]


async def test_many_at_once_fire_a_due_time_once(database: Database) -> None:
    for _ in range(5):
        await put(database, HOURLY, owner=ids.new())
    await make_due(database)
    firing = Firing(database)
    schedulers = [Scheduler(database, firing.fires) for _ in range(4)]

    async def all_of(one: Scheduler) -> int:
        count = 0
        while await one.fire_next():
            count += 1
        return count

    assert sum(await asyncio.gather(*(all_of(one) for one in schedulers))) == 5
    assert await firing.fired() == 5
    assert all(row["next_fire_at"] > clock.now() and row["started_uuid"] for row in await rows(database))


async def test_what_was_missed_for_days_fires_once_and_goes_on_from_now(database: Database) -> None:
    await put(database, HOURLY)
    await make_due(database, timedelta(days=3))
    firing = Firing(database)
    scheduler = Scheduler(database, firing.fires)

    assert await scheduler.fire_next() and not await scheduler.fire_next()

    (row,) = await rows(database)
    assert await firing.fired() == 1
    assert timedelta() < row["next_fire_at"] - clock.now() <= timedelta(hours=1)


async def test_a_due_time_that_can_start_nothing_says_why_and_comes_again(database: Database) -> None:
    await put(database, HOURLY)
    await make_due(database)

    async def refuse(db: AsyncSession, _due: DueSchedule) -> uuid.UUID:
        await db.execute(text("insert into rate_buckets values ('half', 1, '[]')"))
        raise NotFired("Nothing is deployed.")

    assert await Scheduler(database, {"thing": refuse}).fire_next()

    (row,) = await rows(database)
    assert (row["started_uuid"], row["problem"]) == (None, "Nothing is deployed.")
    assert row["next_fire_at"] > clock.now()
    assert await Firing(database).fired() == 0


async def test_one_that_breaks_does_not_keep_the_others_from_firing(database: Database) -> None:
    await put(database, HOURLY, kind="broken")
    await put(database, HOURLY, owner=ids.new())
    await make_due(database)
    firing = Firing(database)

    async def broken(_db: AsyncSession, _due: DueSchedule) -> uuid.UUID:
        raise ValueError("broken")

    scheduler = Scheduler(database, firing.fires | {"broken": broken})
    while await scheduler.fire_next():
        pass

    assert await firing.fired() == 1
    assert sorted(str(row["problem"]) for row in await rows(database)) == [
        "It broke (ValueError); the server's log has the details.",
        "None",
    ]


async def test_those_who_sleeps_hears_of_a_new_schedule_and_asks_nothing_meanwhile(database: Database) -> None:
    firing = Firing(database)
    working = asyncio.create_task(Scheduler(database, firing.fires).run())
    try:
        await put(database, ScheduleSpec("soon", "@every 1s", None, {"n": 1}))
        async with asyncio.timeout(60):
            while not await firing.fired():  # noqa: ASYNC110 - the database says it
                await asyncio.sleep(0.05)
    finally:
        await tasks.cancel(working)
