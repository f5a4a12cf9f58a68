"""Lines: queues of callers in one process that share the same buckets, and the slots reserved for them."""

from __future__ import annotations

import asyncio
import contextlib
import math
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
"""How far ahead slots are given, at most and as a share of the shortest window. What a process holds when it dies is lost."""
LATE_SHARE = 0.25
MAX_LATE = 0.25
"""How late a slot may be used, as a share of the shortest window and in seconds: late enough that the buckets can still be corrected before
they give the slots that have to be later for it."""
ROUND_SECONDS = 0.1
"""Once it is known that slots have to be waited for, the database is asked no more often than this."""
RETURN_SECONDS = 0.5
LEAD_SHARE = 0.4
"""Of their patience, which those who were sent away come back before their turn."""
COOL_SECONDS, WARM_UP_SECONDS, COLD_SECONDS = 5.0, 0.5, 0.1
"""After a pause, the first calls need new connections and arrive later than those that follow: they count that much later."""
NOTABLE_SECONDS = 0.004
"""A call that goes later than this after its time is counted later."""
MAX_PER_ROUND = 1_000
MAX_SPARE = 200
LONG_WINDOW = 60.0
"""Of the calls of windows beyond this, a process holds at most a thousandth for callers who have not come yet."""

_log = log.get(__name__)
# A line whose policies have changed is finished by no one but its own task.
_serving: set[asyncio.Task[None]] = set()


@dataclass(slots=True, eq=False)
class _Waiter:
    costs: tuple[int, ...]
    patience: float
    deadline: float
    answer: asyncio.Future[_Slot | float]


class _Slot(NamedTuple):
    """A call that is counted. It may go between `opens` and `ends` (monotonic seconds); `at`: the database's time of it. `went`: when it
    went, where that was notably later."""

    at: float
    opens: float
    ends: float
    costs: tuple[int, ...]
    went: float | None = None


class Line:
    """Callers wait in it for at most their patience; the database is asked for all of them together."""

    def __init__(self, database: Database, at: DatabaseClock, shape: Counted) -> None:
        self._database, self._clock = database, at
        self.keys, self.policies = shape.keys, shape.policies
        self.state = LineState(shape.policies)
        # Half of the slack is for what happens here, half for the way to the service.
        self._exact = min(policy.slack for policy in self.policies) / 2
        shortest = min(policy.per_seconds for policy in self.policies)
        self._late, self._ahead = min(MAX_LATE, LATE_SHARE * shortest), min(1.0, shortest) * AHEAD_SECONDS
        self._cold, self._warm_at = COLD_SECONDS * min(1.0, shortest), 0.0
        self._waiting: deque[_Waiter] = deque()
        self._slots: deque[_Slot] = deque()
        self._unused: list[_Slot] = []
        self._seen: dict[str, Bucket] = {}
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._asked, self._ask_at, self._report_at = -1.0, 0.0, math.inf
        self._recent: deque[float] = deque(maxlen=MAX_SPARE)

    @property
    def idle(self) -> bool:
        """Whether no one waits here and nothing is held."""
        return self._task is None

    async def end(self) -> None:
        """Give back what is held. Callers who still wait are cancelled."""
        now = clock.seconds()
        for waiter in self._waiting:
            waiter.answer.cancel()
        while self._slots:
            self._drop(self._slots.popleft(), now)
        self._report_at = now
        self._wake()
        if self._task is not None:
            await self._task

    async def admit(self, costs: tuple[int, ...], patience: float) -> float:
        """0: go. Else the seconds after which to ask again; nothing is counted."""
        now = clock.seconds()
        if not self._recent or now - self._recent[-1] > COOL_SECONDS:
            self._warm_at = now + WARM_UP_SECONDS
        self._recent.append(now)
        if not self._waiting and (slot := self._take(now, costs)) is not None:
            self._used(slot, now)
            return 0.0
        waiter = _Waiter(costs, patience, now + patience, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._ask_at = min(self._ask_at, self._asked + ROUND_SECONDS)
        self._wake()
        answer = await waiter.answer
        if not isinstance(answer, _Slot):
            return answer
        self._used(answer, clock.seconds())
        return 0.0

    def let_go(self) -> None:
        """Give up all slots and ask again in a moment: the buckets have been closed, or are about to be."""
        now = clock.seconds()
        while self._slots:
            self._drop(self._slots.popleft(), now)
        self._ask_at = now + ROUND_SECONDS
        self._wake()

    def _wake(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._serve())
            _serving.add(self._task)
            self._task.add_done_callback(_serving.discard)
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

    def _take(self, now: float, costs: tuple[int, ...]) -> _Slot | None:
        """Use a slot that is held, if there is one for now."""
        while self._slots and self._slots[0].ends < now:
            self._drop(self._slots.popleft(), now)
        if self._slots and self._slots[0].opens <= now and self._slots[0].costs == costs:
            return self._slots.popleft()
        return None

    def _used(self, slot: _Slot, now: float) -> None:
        """A slot that is used late counts later."""
        late = now - slot.opens + (self._cold if now < self._warm_at else 0.0)
        if late > NOTABLE_SECONDS:
            self._unused.append(slot._replace(went=slot.at + late))
            self._report_at = min(self._report_at, now + ROUND_SECONDS)
            self._wake()

    async def _serve(self) -> None:
        try:
            while self._waiting or self._slots or self._unused or self._asking:
                self._changed.clear()
                now = clock.seconds()
                self._go(now)
                lacking = len(self._waiting) > len(self._slots)
                if self._asking is None and ((lacking and now >= self._ask_at) or (self._unused and now >= self._report_at)):
                    # Meanwhile, those whose time has come go.
                    self._asking = asyncio.create_task(self._round())
                await self._sleep(now, lacking)
        finally:
            self._task = None

    def _go(self, now: float) -> None:
        """Let those go whose time has come, in their order."""
        while self._waiting:
            if self._waiting[0].answer.done():
                self._waiting.popleft()
            elif (slot := self._take(now, self._waiting[0].costs)) is not None:
                _settle(self._waiting.popleft(), slot)
            elif self._slots and self._slots[0].opens <= now:
                self._pass_on(self._slots.popleft(), now)
            else:
                return
        self._take(now, ())

    def _pass_on(self, slot: _Slot, now: float) -> None:
        """Its caller has gone away: the next one whose call costs the same may go."""
        for waiter in self._waiting:
            if waiter.costs == slot.costs and not waiter.answer.done():
                _settle(waiter, slot)
                return
        self._drop(slot, now)

    def _drop(self, slot: _Slot, now: float) -> None:
        """No one has used it: it is given back."""
        self._unused.append(slot)
        self._report_at = min(self._report_at, now + RETURN_SECONDS)

    async def _sleep(self, now: float, lacking: bool) -> None:
        times = [slot.opens if self._waiting else slot.ends + 0.001 for slot in islice(self._slots, 1)]
        if self._asking is None:
            times += [self._ask_at] if lacking else []
            times += [self._report_at] if self._unused else []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(times) - now) if times else None):
                await self._changed.wait()

    def _spare(self, now: float) -> int:
        """How many slots to hold for callers who are about to come, by how many came lately: so that not each of them asks."""
        lately = sum(1 for came in self._recent if came > now - ROUND_SECONDS)
        bounds = [policy.max // (1000 if policy.per_seconds > LONG_WINDOW else 20) for policy in self.policies]
        return min(int((lately - 1) * self._exact / ROUND_SECONDS), MAX_SPARE, *bounds)

    async def _round(self) -> None:
        try:
            await self._ask()
        finally:
            self._asking = None
            self._changed.set()

    async def _ask(self) -> None:
        waiting = list(islice(self._waiting, len(self._slots), len(self._slots) + MAX_PER_ROUND))
        asked = clock.seconds()
        requests = [Request(waiter.costs, max(0.0, waiter.deadline - asked), waiter.patience * LEAD_SHARE) for waiter in waiting]
        if waiting:
            requests += [Request(waiting[-1].costs, self._exact, spare=True)] * self._spare(asked)
        unused, self._unused, self._report_at = self._unused, [], math.inf

        def decision(state: dict[str, Bucket], now: float) -> tuple[dict[str, Bucket], Served]:
            corrected = [state[key] for key in self.keys]
            for slot in unused:
                corrected = [
                    buckets.give_back(bucket, policy, slot.at, cost)
                    if slot.went is None
                    else buckets.move(bucket, policy, slot.at, cost, slot.went)
                    for bucket, policy, cost in zip(corrected, self.policies, slot.costs, strict=True)
                ]
            served = buckets.serve(corrected, self.policies, requests, now, self._ahead)
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
                self._slots.append(
                    _Slot(
                        answer.at, opens, max(opens, here) + (self._exact if requests[number].spare else self._late), requests[number].costs
                    )
                )
            elif isinstance(answer, Back) and number < len(waiting):
                _settle(waiting[number], answer.seconds)
                gone.add(id(waiting[number]))
        if gone:
            self._waiting = deque(waiter for waiter in self._waiting if id(waiter) not in gone)
        self.state.bound, self.state.opens, self.state.now = served.bound, served.opens, now
        self.state.closed = served.buckets[served.bound].closed
        self._ask_at = here
        if served.opens:
            self._ask_at += max(ROUND_SECONDS, served.opens - now - self._ahead)
            answered = sum(isinstance(answer, Go | Back) for answer in served.answers[: len(waiting)])
            if answered == len(waiting) and len(self._waiting) > len(self._slots):
                # Those who came meanwhile have no answer, and may not have the patience to wait until then.
                self._ask_at = here + ROUND_SECONDS


def _settle(waiter: _Waiter, outcome: _Slot | float | BaseException) -> None:
    if waiter.answer.done():
        return
    if isinstance(outcome, Exception):
        waiter.answer.set_exception(outcome)
    elif isinstance(outcome, BaseException):
        waiter.answer.cancel()
    else:
        waiter.answer.set_result(outcome)
