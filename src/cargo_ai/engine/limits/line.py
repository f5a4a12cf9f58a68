"""Lines: the callers of one process that are counted in the same buckets, in their order, and the slots that it holds for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from cargo_ai.engine.limits import bucket as buckets
from cargo_ai.engine.limits import table
from cargo_ai.engine.limits.bucket import Back, Bucket, Go, Request, Served
from cargo_ai.engine.limits.database_clock import DatabaseClock
from cargo_ai.engine.limits.policy import Counted, Reading
from cargo_ai.engine.limits.sentence import LineState
from cargo_ai.kernel import clock, log
from cargo_ai.store.session import Database

AHEAD_SECONDS = 0.3
"""How far ahead slots are given. What a process that dies holds is lost, so it is not far."""
ROUND_SECONDS = 0.1
"""Once it is known that slots have to be waited for, the database is asked no more often than this."""
MOST_PER_ROUND = 1_000
MOST_SPARE = 200
LONG_WINDOW = 60.0
"""Of the calls of windows beyond this, a process holds at most a thousandth for callers who have not come yet."""

_log = log.get(__name__)


@dataclass(slots=True, eq=False)
class _Waiter:
    costs: tuple[int, ...]
    patience: float
    deadline: float
    answer: asyncio.Future[float]


class _Slot(NamedTuple):
    """A call that is counted. It may go between `opens` and `ends` (monotonic seconds); `at`: the database's time of it."""

    at: float
    opens: float
    ends: float
    costs: tuple[int, ...]


class Line:
    """Callers wait in it for at most their patience; the database is asked for all of them together."""

    def __init__(self, database: Database, at: DatabaseClock, shape: Counted) -> None:
        self._database, self._clock = database, at
        self.keys, self.policies = shape.keys, shape.policies
        self.state = LineState(shape.policies)
        # Half of the slack is for what happens here, half for the way to the service.
        self._late = min(policy.slack for policy in self.policies) / 2
        self._waiting: deque[_Waiter] = deque()
        self._slots: deque[_Slot] = deque()
        self._unused: list[_Slot] = []
        self._seen: dict[str, Bucket] = {}
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._asked, self._ask_at = -1.0, 0.0
        self._recent: deque[float] = deque(maxlen=MOST_SPARE)

    @property
    def idle(self) -> bool:
        """Whether no one waits here and nothing is held."""
        return self._task is None

    async def admit(self, costs: tuple[int, ...], patience: float) -> float:
        """0: go. Else the seconds after which to ask again; nothing is counted."""
        now = clock.seconds()
        self._recent.append(now)
        if not self._waiting and self._take(now, costs):
            return 0.0
        waiter = _Waiter(costs, patience, now + patience, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._ask_at = min(self._ask_at, self._asked + ROUND_SECONDS)
        if self._task is None:
            self._task = asyncio.create_task(self._serve())
        self._changed.set()
        return await waiter.answer

    def let_go(self) -> None:
        """Give up all slots and ask again in a moment: the buckets have been closed, or are about to be."""
        self._unused += self._slots
        self._slots.clear()
        self._ask_at = clock.seconds() + ROUND_SECONDS
        self._changed.set()

    def tells(self, key: str, reading: Reading) -> bool:
        """Whether a reading says something that the bucket, as it was last seen here, does not."""
        bucket, policy = self._seen.get(key), self.policies[self.keys.index(key)]
        now = self._clock.now(clock.seconds())
        if bucket is None or now is None:
            return True
        if min(policy.max, reading.limit or policy.max) != min(policy.max, bucket.most or policy.max):
            return True
        closes = reading.remaining <= 0 and policy.per_seconds > buckets.SHORT_SECONDS and bucket.closed < now
        return closes or buckets.room(bucket, policy, now) - max(0, reading.remaining) > buckets.unclear(bucket, policy)

    def _take(self, now: float, costs: tuple[int, ...]) -> bool:
        """Use a slot that is held, if there is one for now."""
        while self._slots and self._slots[0].ends < now:
            self._unused.append(self._slots.popleft())
        if self._slots and self._slots[0].opens <= now and self._slots[0].costs == costs:
            self._slots.popleft()
            return True
        return False

    async def _serve(self) -> None:
        try:
            while self._waiting or self._slots or self._unused:
                self._changed.clear()
                now = clock.seconds()
                self._go(now)
                lacking = len(self._waiting) - len(self._slots)
                returns = self._unused and now >= self._asked + ROUND_SECONDS * 5
                if (lacking > 0 and now >= self._ask_at) or returns:
                    await self._round()
                    continue
                await self._sleep(now, lacking > 0)
        finally:
            self._task = None

    def _go(self, now: float) -> None:
        """Let those go whose time has come, in their order."""
        while self._waiting:
            if self._waiting[0].answer.done():
                self._waiting.popleft()
            elif self._take(now, self._waiting[0].costs):
                _settle(self._waiting.popleft(), 0.0)
            elif self._slots and self._slots[0].opens <= now:
                self._pass_on(self._slots.popleft())
            else:
                return
        self._take(now, ())

    def _pass_on(self, slot: _Slot) -> None:
        """Its caller has gone away: the next one whose call costs the same may go."""
        for waiter in self._waiting:
            if waiter.costs == slot.costs and not waiter.answer.done():
                _settle(waiter, 0.0)
                return
        self._unused.append(slot)

    async def _sleep(self, now: float, lacking: bool) -> None:
        times = [slot.opens if self._waiting else slot.ends + 0.001 for slot in islice(self._slots, 1)]
        times += [self._ask_at] if lacking else []
        times += [self._asked + ROUND_SECONDS * 5] if self._unused else []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(times) - now) if times else None):
                await self._changed.wait()

    def _spare(self, now: float) -> int:
        """How many slots to hold for callers who are about to come, by how many came lately: so that not each of them asks."""
        lately = sum(1 for came in self._recent if came > now - ROUND_SECONDS)
        bounds = [policy.max // (1000 if policy.per_seconds > LONG_WINDOW else 20) for policy in self.policies]
        return min(int(lately * self._late / ROUND_SECONDS), MOST_SPARE, *bounds)

    async def _round(self) -> None:
        waiting = list(islice(self._waiting, len(self._slots), len(self._slots) + MOST_PER_ROUND))
        asked = clock.seconds()
        requests = [Request(waiter.costs, max(0.0, waiter.deadline - asked), waiter.patience / 2) for waiter in waiting]
        if waiting:
            requests += [Request(waiting[-1].costs, self._late, spare=True)] * self._spare(asked)
        unused, self._unused = self._unused, []

        def decision(state: dict[str, Bucket], now: float) -> tuple[dict[str, Bucket], Served]:
            given_back = [state[key] for key in self.keys]
            for slot in unused:
                given_back = [
                    buckets.give_back(bucket, policy, slot.at, cost)
                    for bucket, policy, cost in zip(given_back, self.policies, slot.costs, strict=True)
                ]
            served = buckets.serve(given_back, self.policies, requests, now, AHEAD_SECONDS)
            return dict(zip(self.keys, served.buckets, strict=True)), served

        try:
            served, now = await table.decide(self._database, self.keys, decision)
        except BaseException as error:
            for waiter in waiting:
                _settle(waiter, error)
            self._asked = clock.seconds()
            if not isinstance(error, Exception):
                raise
            _log.warning("the buckets of a rate limit cannot be read", keys=self.keys, cause=f"{type(error).__name__}: {error}"[:200])
            return
        self._clock.learn(now, asked, clock.seconds())
        self._learn(waiting, requests, served, now)

    def _learn(self, waiting: Sequence[_Waiter], requests: Sequence[Request], served: Served, now: float) -> None:
        self._seen = dict(zip(self.keys, served.buckets, strict=True))
        self._asked = here = clock.seconds()
        gone: set[int] = set()
        for number, answer in enumerate(served.answers):
            if isinstance(answer, Go):
                opens = self._clock.here(answer.at)
                # A slot for now was under way from the database meanwhile.
                self._slots.append(_Slot(answer.at, opens, max(opens, here) + self._late, requests[number].costs))
            elif isinstance(answer, Back) and number < len(waiting):
                _settle(waiting[number], answer.seconds)
                gone.add(id(waiting[number]))
        if gone:
            self._waiting = deque(waiter for waiter in self._waiting if id(waiter) not in gone)
        self.state.bound, self.state.opens, self.state.now = served.bound, served.opens, now
        self.state.closed = served.buckets[served.bound].closed
        self._ask_at = here
        if served.opens:
            self._ask_at = here + max(ROUND_SECONDS, served.opens - now - AHEAD_SECONDS)


def _settle(waiter: _Waiter, outcome: float | BaseException) -> None:
    if waiter.answer.done():
        return
    if isinstance(outcome, Exception):
        waiter.answer.set_exception(outcome)
    elif isinstance(outcome, BaseException):
        waiter.answer.cancel()
    else:
        waiter.answer.set_result(outcome)
