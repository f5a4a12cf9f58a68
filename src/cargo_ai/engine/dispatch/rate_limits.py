"""Rate limits: how many calls a bucket lets through in a window of time, over all workers together."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from sqlalchemy import Column, Double, Table, Text, func, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cargo_ai.kernel import clock
from cargo_ai.store.rows import Row
from cargo_ai.store.session import Database

Unit = Literal["second", "minute", "hour", "day"]
Strategy = Literal["spread", "burst"]

SECONDS: dict[Unit, float] = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
# The service counts when calls arrive, we when they leave: windows are a little longer here, so that jitter cannot squeeze one more in.
SLACK = 0.05
# Seconds since 1970 as a float are exact to a quarter of this.
ROUNDING = 1e-6
MARKS = 20
MOST_AT_ONCE = 50

rate_buckets = Table(
    "rate_buckets",
    Row.metadata,
    Column("key", Text, primary_key=True),
    Column("tat", Double, nullable=False),
    Column("marks", JSONB, nullable=False),
)
"""One row per bucket. tat: when the next paced call is due (seconds since 1970). marks: `[first, last, calls]` of the window, oldest
first. The clock is the database's, the same for all machines."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `max` calls in any `unit`. spread: evenly paced; burst: as they come until the window is used up."""

    unit: Unit
    max: int
    strategy: Strategy = "spread"

    @property
    def window(self) -> float:
        """Seconds in which at most `max` calls are let through."""
        return SECONDS[self.unit] + SLACK

    @property
    def at_once(self) -> int:
        """How many paced calls may go together after a pause."""
        return 1 + min(self.max // 20, MOST_AT_ONCE) if self.strategy == "spread" else self.max

    @property
    def spacing(self) -> float:
        """Seconds between paced calls. Since `at_once` may go together, the rest is paced for the others: the sum never passes `max`."""
        return self.window / (self.max - self.at_once + 1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a bucket remembers; see `rate_buckets`."""

    tat: float = 0.0
    marks: tuple[tuple[float, float, int], ...] = ()


def take(bucket: Bucket, rate: RateLimit, now: float, want: int) -> tuple[Bucket, int, float]:
    """Let up to `want` calls through at `now`: the bucket afterwards, how many may go, and the seconds until one more may. Pure."""
    return _spread(bucket, rate, now, want) if rate.strategy == "spread" else _burst(bucket, rate, now, want)


def _spread(bucket: Bucket, rate: RateLimit, now: float, want: int) -> tuple[Bucket, int, float]:
    # GCRA: `tat` runs ahead of now by one spacing per call, at most `at_once` of them.
    spacing = rate.spacing
    # A bucket that was paced more slowly before its limit was raised must not hold calls back for longer than the new limit does.
    start = min(max(bucket.tat, now), now + rate.at_once * spacing)
    room = rate.at_once - math.ceil((start - now - ROUNDING) / spacing)
    granted = max(0, min(want, room))
    tat = start + granted * spacing
    return Bucket(tat, bucket.marks), granted, max(0.0, tat - (rate.at_once - 1) * spacing - now)


def _burst(bucket: Bucket, rate: RateLimit, now: float, want: int) -> tuple[Bucket, int, float]:
    # Calls are remembered in a few marks that count for as long as the latest call in them does: a sliding window, a little strict.
    marks = [mark for mark in bucket.marks if mark[1] > now - rate.window]
    granted = max(0, min(want, rate.max - sum(mark[2] for mark in marks)))
    if granted and marks and now - marks[-1][0] < rate.window / MARKS:
        first, _, calls = marks.pop()
        marks.append((first, now, calls + granted))
    elif granted:
        marks.append((now, now, granted))
    full = sum(mark[2] for mark in marks) >= rate.max
    return Bucket(bucket.tat, tuple(marks)), granted, max(0.0, marks[0][1] + rate.window - now) if full else 0.0


async def acquire(connection: AsyncConnection, key: str, rate: RateLimit, n: int = 1) -> tuple[int, float]:
    """Let up to `n` calls of a bucket through: how many may go now, and the seconds until one more may. The caller commits at once.

    The row stays locked until then, so that workers take turns.
    """
    row = insert(rate_buckets).values(key=key, tat=0.0, marks=[])
    locked = row.on_conflict_do_update(index_elements=["key"], set_={"key": row.excluded.key}).returning(
        rate_buckets.c.tat, rate_buckets.c.marks, func.extract("epoch", func.clock_timestamp())
    )
    tat, marks, now = (await connection.execute(locked)).one()
    former = Bucket(float(tat), tuple((float(a), float(b), int(c)) for a, b, c in cast("list[list[Any]]", marks)))
    bucket, granted, wait = take(former, rate, float(now), n)
    if granted:
        await connection.execute(
            update(rate_buckets).where(rate_buckets.c.key == key).values(tat=bucket.tat, marks=[list(mark) for mark in bucket.marks])
        )
    return granted, wait


@dataclass(slots=True)
class _Queue:
    """The callers of one bucket in this process. `deferred` counts those that were sent away until `opens`."""

    waiting: list[asyncio.Future[float]] = field(default_factory=list[asyncio.Future[float]])
    busy: asyncio.Task[None] | None = None
    opens: float = 0.0
    deferred: int = 0


class RateLimiter:
    """Asks the buckets for the callers of one process: those that come together are served by one round to the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queues: dict[tuple[str, RateLimit], _Queue] = {}

    async def acquire(self, key: str, rate: RateLimit) -> float:
        """0: go now, the call is counted. Otherwise the seconds after which to ask again, different for each waiter, so that they do not
        all come back at once."""
        queue = self._queues.setdefault((key, rate), _Queue())
        if not queue.busy and queue.opens > clock.seconds():
            return _delay(queue, rate)
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        queue.waiting.append(answer)
        if queue.busy is None:
            queue.busy = asyncio.create_task(self._serve(key, rate, queue))
        return await answer

    async def _serve(self, key: str, rate: RateLimit, queue: _Queue) -> None:
        try:
            while queue.waiting:
                asked, queue.waiting = queue.waiting, []
                await self._ask(key, rate, queue, asked)
        finally:
            queue.busy = None

    async def _ask(self, key: str, rate: RateLimit, queue: _Queue, asked: list[asyncio.Future[float]]) -> None:
        present = [answer for answer in asked if not answer.cancelled()]
        try:
            async with self._database.engine.begin() as connection:
                granted, wait = await acquire(connection, key, rate, len(present))
        except BaseException as error:
            for answer in present:
                _settle(answer, error)
            if not isinstance(error, Exception):
                raise
            return
        if granted < len(present):
            queue.opens, queue.deferred = clock.seconds() + wait, 0
        for at, answer in enumerate(present):
            _settle(answer, 0.0 if at < granted else _delay(queue, rate))


def _settle(answer: asyncio.Future[float], outcome: float | BaseException) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    elif isinstance(outcome, BaseException):
        answer.cancel()
    else:
        answer.set_result(outcome)


def _delay(queue: _Queue, rate: RateLimit) -> float:
    position, queue.deferred = queue.deferred, queue.deferred + 1
    later = position * rate.spacing if rate.strategy == "spread" else position // rate.max * rate.window
    return max(0.001, queue.opens - clock.seconds() + later)
