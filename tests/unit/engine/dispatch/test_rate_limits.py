"""Rate limits: never more calls in any window than allowed, by arithmetic, on the database and with several workers at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import event

from cargo_ai.engine.dispatch.rate_limits import SECONDS, Bucket, RateLimit, RateLimiter, Strategy, Unit, acquire, take
from cargo_ai.kernel import clock
from cargo_ai.store.session import Database

MAX = some.integers(1, 400)
STRATEGY: some.SearchStrategy[Strategy] = some.sampled_from(("spread", "burst"))
UNIT: some.SearchStrategy[Unit] = some.sampled_from(("second", "minute"))


def in_any_window(times: list[float], window: float) -> int:
    """The most calls in any half-open window."""
    most = start = 0
    for end, time in enumerate(times):
        while times[start] <= time - window:
            start += 1
        most = max(most, end - start + 1)
    return most


@given(MAX, STRATEGY, UNIT, some.lists(some.tuples(some.floats(0, 0.3), some.integers(1, 120)), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(most: int, strategy: Strategy, unit: Unit, demand: list[tuple[float, int]]) -> None:
    rate, bucket, now = RateLimit(unit, most, strategy), Bucket(), 1_700_000_000.0
    times: list[float] = []
    for pause, want in demand:
        now += pause * SECONDS[unit]
        bucket, granted, wait = take(bucket, rate, now, want)
        assert 0 <= granted <= want
        assert granted == want or wait > 0
        times += [now] * granted
    assert in_any_window(times, SECONDS[unit]) <= most


@given(MAX, STRATEGY, UNIT)
def test_who_waits_as_reported_gets_through(most: int, strategy: Strategy, unit: Unit) -> None:
    rate, now = RateLimit(unit, most, strategy), 1_700_000_000.0
    bucket, granted, wait = take(Bucket(), rate, now, most + 1)
    assert 1 <= granted <= most
    assert take(bucket, rate, now + wait + 1e-6, 1)[1] == 1
    assert take(bucket, rate, now + wait * 0.9, 1)[1] == 0


@pytest.mark.parametrize(("most", "unit"), [(1, "second"), (10, "second"), (100, "minute"), (1000, "second")])
def test_spread_paces_and_still_uses_nearly_the_whole_limit(most: int, unit: Unit) -> None:
    rate, bucket, now, calls = RateLimit(unit, most, "spread"), Bucket(), 1_700_000_000.0, 0
    end = now + 10 * SECONDS[unit]
    while now < end:
        bucket, granted, wait = take(bucket, rate, now, 1)
        calls += granted
        now += wait if not granted else 0.0
    assert 0.85 * 10 * most <= calls <= 10 * most + rate.at_once
    assert rate.at_once <= 1 + most // 20


def test_burst_lets_the_windows_calls_go_at_once_and_then_waits_for_the_window() -> None:
    rate = RateLimit("minute", 100, "burst")
    bucket, granted, _ = take(Bucket(), rate, 1000.0, 150)
    assert granted == 100
    _, granted, wait = take(bucket, rate, 1030.0, 1)
    assert granted == 0
    assert 29 < wait < 31


def test_a_burst_bucket_remembers_few_marks() -> None:
    rate, bucket, now = RateLimit("minute", 100_000, "burst"), Bucket(), 1000.0
    for _ in range(5000):
        now += 0.02
        bucket, _, _ = take(bucket, rate, now, 1)
    assert len(bucket.marks) <= 21


def test_a_limit_that_is_raised_holds_nobody_back_for_the_old_time() -> None:
    bucket, _, _ = take(Bucket(), RateLimit("day", 1), 1000.0, 1)
    _, _, wait = take(bucket, RateLimit("second", 1), 1001.0, 1)
    assert wait <= 2.2


@pytest.fixture
async def databases(database_url: str) -> AsyncIterator[list[Database]]:
    """Three workers' pools on one database."""
    made = [Database(database_url, pool_size=2, overflow=0) for _ in range(3)]
    yield made
    for one in made:
        await one.close()


async def test_the_bucket_is_kept_in_the_database(databases: list[Database]) -> None:
    rate = RateLimit("minute", 3, "burst")
    async with databases[0].engine.begin() as connection:
        assert (await acquire(connection, "a", rate, 2))[0] == 2
    async with databases[1].engine.begin() as connection:
        assert (await acquire(connection, "a", rate, 2))[0] == 1
        assert (await acquire(connection, "b", rate, 2))[0] == 2
    async with databases[2].engine.begin() as connection:
        granted, wait = await acquire(connection, "a", rate)
    assert granted == 0
    assert 55 < wait < 61


@pytest.mark.parametrize("strategy", ["spread", "burst"])
async def test_several_workers_together_never_pass_the_limit(databases: list[Database], strategy: Strategy) -> None:
    rate = RateLimit("second", 40, strategy)
    limiters = [RateLimiter(database) for database in databases]
    grants: list[tuple[float, float]] = []

    async def caller(limiter: RateLimiter) -> None:
        while len(grants) < 100:
            began = clock.seconds()
            wait = await limiter.acquire("k", rate)
            if wait == 0:
                grants.append((began, clock.seconds()))
            else:
                await asyncio.sleep(min(wait, 0.5))

    await asyncio.gather(*(caller(limiter) for limiter in limiters for _ in range(20)))
    # A grant was given at some time between its request and its arrival, however long a busy machine took for either.
    for start, _ in grants:
        assert sum(start <= began and ended <= start + 0.95 for began, ended in grants) <= 40


async def test_callers_who_come_together_are_served_in_few_rounds(databases: list[Database]) -> None:
    limiter, rate = RateLimiter(databases[0]), RateLimit("second", 1000, "burst")
    statements: list[str] = []
    event.listen(databases[0].engine.sync_engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    waits = await asyncio.gather(*(limiter.acquire("k", rate) for _ in range(500)))
    assert waits == [0.0] * 500
    assert 1 <= len(statements) <= 10


async def test_those_who_wait_are_reported_different_times(databases: list[Database]) -> None:
    limiter, rate = RateLimiter(databases[0]), RateLimit("second", 2, "spread")
    waits = sorted(await asyncio.gather(*(limiter.acquire("k", rate) for _ in range(6))))
    assert waits[0] == 0.0
    gaps = [later - sooner for sooner, later in itertools.pairwise(waits[1:])]
    assert all(0.4 < gap < 0.65 for gap in gaps)


async def test_while_the_bucket_is_closed_the_database_is_not_asked(databases: list[Database]) -> None:
    limiter, rate = RateLimiter(databases[0]), RateLimit("hour", 1)
    assert await limiter.acquire("k", rate) == 0.0
    assert await limiter.acquire("k", rate) > 3000
    await databases[0].close()
    async with databases[1].engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE rate_buckets")
    assert await limiter.acquire("k", rate) > 3000


async def test_a_database_that_fails_is_reported_to_every_caller_and_the_next_one_asks_again(databases: list[Database]) -> None:
    limiter, rate = RateLimiter(databases[0]), RateLimit("second", 100, "burst")
    async with databases[1].engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE rate_buckets RENAME TO gone")
    found = await asyncio.gather(*(limiter.acquire("k", rate) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, Exception) for one in found)
    async with databases[1].engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE gone RENAME TO rate_buckets")
    assert await limiter.acquire("k", rate) == 0.0
