"""Buckets: what is remembered of the calls under one policy, and when the next ones may go. Pure.

Times are seconds since 1970 by the database's clock.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cargo_ai.engine.limits.policy import Policy, Reading

MARKS = 64
# Seconds since 1970 as a float are exact to a quarter of a millionth; sums of some dozens of them to this.
ROUNDING = 1e-5
IDLE_SECONDS = 2.0
"""A bucket that was not used for so long has no one waiting for it, whatever was promised."""
FAR_SECONDS = 900.0
"""Who waits longer asks again after this much, and a hundredth of a second for each before them: so a limit that was raised is noticed."""
EAGER = 0.9
"""Those who are sent away come back a little faster than slots are given, so that there are always some to take them."""
MAX_CLOSED = 86_400.0
"""No service closes a bucket for longer, whatever its headers say."""
SHORT_SECONDS = 10.0
"""In windows up to this, a service and we count the same calls a little apart: that something is left, or nothing, may be of the past."""


class Mark(NamedTuple):
    """Calls that count together, for as long as the last of them does."""

    first: float
    last: float
    calls: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a bucket remembers. tat: when the next paced call is due. tail: until when those who wait were sent away. closed: until when
    the service wants no call at all. most: how many it allows where that is less than the policy's `max`. marks: in order of `last`."""

    tat: float = 0.0
    tail: float = 0.0
    closed: float = 0.0
    most: int | None = None
    marks: tuple[Mark, ...] = ()


class Request(NamedTuple):
    """A caller: what the call costs in each bucket, and for how many seconds they still wait where they are. lead: who is sent away comes
    back so long before their turn. spare: the slot is for a caller who may come; without one, nothing happens."""

    costs: tuple[int, ...]
    patience: float = 0.0
    lead: float = 0.0
    spare: bool = False


class Go(NamedTuple):
    """The call is counted and goes at this time, or very soon after it."""

    at: float


class Back(NamedTuple):
    """Nothing is counted: ask again after `seconds`."""

    seconds: float


class Served(NamedTuple):
    """The buckets afterwards; an answer per request, None: stay in the line. opens: when the first who did not get a slot may expect
    one, and the number of the bucket that makes them wait."""

    buckets: tuple[Bucket, ...]
    answers: list[Go | Back | None]
    opens: float = 0.0
    bound: int = 0


def serve(buckets: Sequence[Bucket], policies: Sequence[Policy], requests: Sequence[Request], now: float, ahead: float) -> Served:
    """Give slots to those who wait, in their order, as far as `ahead` seconds from now; a slot is counted in all buckets or in none."""
    open_ = [_Open(bucket, policy, now) for bucket, policy in zip(buckets, policies, strict=True)]
    answers: list[Go | Back | None] = []
    opens, bound, behind, full, at = 0.0, 0, 0, False, now
    for request in requests:
        at, by = (opens, bound) if full else _earliest(open_, request.costs, at)
        if not full and at <= now + min(ahead, request.patience) + ROUNDING:
            for bucket, cost in zip(open_, request.costs, strict=True):
                bucket.add(at, cost)
            answers.append(Go(at))
            continue
        if request.spare:
            answers.append(None)
            continue
        if not opens:
            opens, bound = at, by
        full = full or at > now + ahead
        step = max(bucket.step * cost for bucket, cost in zip(open_, request.costs, strict=True))
        if at + behind * step <= now + request.patience:
            behind += 1
            answers.append(None)
        else:
            answers.append(Back(_promise(open_, request, at + behind * step, step, now)))
    return Served(tuple(bucket.closed_up() for bucket in open_), answers, opens, bound)


def _earliest(buckets: Sequence[_Open], costs: tuple[int, ...], after: float) -> tuple[float, int]:
    """The first time at which a call may go by all buckets, and the number of the one that says so last."""
    at, by, agreed = after, 0, False
    while not agreed:
        agreed = True
        for number, bucket in enumerate(buckets):
            later = bucket.earliest(at, costs[number])
            if later > at:
                at, by, agreed = later, number, len(buckets) == 1
    return at, by


def _promise(buckets: Sequence[_Open], request: Request, at: float, step: float, now: float) -> float:
    """Seconds after which to ask again, different for each who is sent away: their places follow each other over all workers."""
    slowest = max(range(len(buckets)), key=lambda number: buckets[number].step * request.costs[number])
    bucket = buckets[slowest]
    place = max(at, bucket.tail + (EAGER if request.lead else 1.0) * step)
    bucket.tail = place
    before = (place - at) / step
    wait = place - now
    if wait > FAR_SECONDS:
        # The golden ratio spreads any number of them evenly.
        wait = min(wait, (FAR_SECONDS + before / 100) * (0.5 + 0.5 * (before * 0.618034 % 1)))
    if not request.lead:
        return max(0.001, wait)
    # Who waits in the line when their turn comes is not late for it. Waking parked runs one by one costs more than waking some together.
    together = math.floor((now + wait) / request.lead) * request.lead
    return max(2.6 * request.lead, together - request.lead - now)


@dataclass(slots=True)
class _Open:
    """A bucket while slots are given. `counted`: the calls of the marks from `start` on, which is where the window of `_at` begins."""

    bucket: Bucket
    policy: Policy
    now: float
    tat: float = 0.0
    tail: float = 0.0
    marks: list[Mark] = field(default_factory=list[Mark])
    most: int = 0
    step: float = 0.0
    _window: float = 0.0
    _start: int = 0
    _counted: int = 0

    def __post_init__(self) -> None:
        bucket, policy = self.bucket, self.policy
        self._window = policy.window()
        self.most = min(policy.max, bucket.most or policy.max)
        self.step = policy.spacing(self.most)
        self.marks = [mark for mark in bucket.marks if mark.last > self.now - self._window]
        self._counted = sum(mark.calls for mark in self.marks)
        # A bucket that was paced more slowly before its limit was raised must not hold calls back for longer than the new limit does.
        self.tat = min(bucket.tat, self.now + 1 + self.most * self.step)
        full = self._counted >= self.most
        used = max(bucket.tat, bucket.closed, self.marks[-1].last if self.marks else 0.0)
        # Nor does what was promised under that one hold any longer.
        promised = self.tat == bucket.tat and (full or used > self.now - max(IDLE_SECONDS, 2 * self.step))
        self.tail = bucket.tail if promised else 0.0

    def earliest(self, at: float, cost: int) -> float:
        """The first time from `at` on at which a call of this cost may go. `at` never goes back."""
        cost = min(cost, self.most)
        at = max(at, self.bucket.closed)
        if self.policy.strategy == "spread" and self.tat > at:
            # Paced calls: `tat` runs ahead by one step per call, at most `at_once` of them.
            at = max(at, self.tat + (min(cost, self.policy.at_once) - self.policy.at_once) * self.step - ROUNDING)
        while self._start < len(self.marks) and (self.marks[self._start].last <= at - self._window or self._counted + cost > self.most):
            mark = self.marks[self._start]
            at = max(at, mark.last + self._window)
            self._start += 1
            self._counted -= mark.calls
        return at

    def add(self, at: float, cost: int) -> None:
        """Count a call."""
        if self.policy.strategy == "spread":
            self.tat = max(self.tat, at) + cost * self.step
        self._counted += cost
        _add(self.marks, Mark(at, at, cost), self._window / MARKS)

    def closed_up(self) -> Bucket:
        """What to remember."""
        return replace(self.bucket, tat=self.tat, tail=self.tail, marks=tuple(self.marks))


def _add(marks: list[Mark], new: Mark, width: float) -> None:
    """Add a mark, or let one that is near count it."""
    at = bisect.bisect_right(marks, new.last, key=lambda mark: mark.last)
    for near in (at - 1, at):
        if 0 <= near < len(marks):
            mark = marks[near]
            joined = Mark(min(mark.first, new.first), max(mark.last, new.last), mark.calls + new.calls)
            if joined.last - joined.first <= width:
                marks[near] = joined
                return
    marks.insert(at, new)


def give_back(bucket: Bucket, policy: Policy, at: float, cost: int) -> Bucket:
    """The bucket without a call that was counted for this time and did not go."""
    marks = list(bucket.marks)
    for number, mark in enumerate(marks):
        if mark.first <= at <= mark.last:
            marks[number : number + 1] = [mark._replace(calls=mark.calls - cost)] if mark.calls > cost else []
            break
    due = at + cost * policy.spacing(min(policy.max, bucket.most or policy.max))
    newest = policy.strategy == "spread" and abs(bucket.tat - due) <= 2 * ROUNDING
    return replace(bucket, marks=tuple(marks), tat=at if newest else bucket.tat)


def move(bucket: Bucket, policy: Policy, at: float, cost: int, went: float) -> Bucket:
    """The bucket with a call that was counted for one time and went at a later one."""
    marks = list(replace(give_back(bucket, policy, at, cost), tat=bucket.tat).marks)
    _add(marks, Mark(went, went, cost), policy.window() / MARKS)
    return replace(bucket, marks=tuple(marks))


def read(bucket: Bucket, policy: Policy, reading: Reading, now: float) -> Bucket:
    """The bucket with calls of others that a response tells of. It never allows more than before, but for a lower limit that was lifted."""
    if reading.limit is not None and reading.limit > 0:
        bucket = replace(bucket, most=reading.limit if reading.limit < policy.max else None)
    left = reading.opens_in if reading.opens_at is None else reading.opens_at - now
    window, known = policy.window(), left is not None
    left = window if left is None else min(max(left, 0.0), MAX_CLOSED)
    # Calls of ours that are under way are counted here and not yet there: what is left over was used by others.
    others = room(bucket, policy, now) - max(0, reading.remaining)
    if others > unclear(bucket, policy) and left > 0:
        marks = [mark for mark in bucket.marks if mark.last > now - window]
        until = now + left - window
        _add(marks, Mark(min(now, until), until, others), window / MARKS)
        bucket = replace(bucket, marks=tuple(marks))
    if reading.remaining <= 0 and known and policy.per_seconds > SHORT_SECONDS:
        bucket = close(bucket, now, left)
    return bucket


def unclear(bucket: Bucket, policy: Policy) -> int:
    """By how many calls a service may count otherwise than we do without that saying anything."""
    return max(1, min(policy.max, bucket.most or policy.max) // 50) if policy.per_seconds <= SHORT_SECONDS else 0


def close(bucket: Bucket, now: float, seconds: float) -> Bucket:
    """The bucket, letting nothing through for so long."""
    return replace(bucket, closed=max(bucket.closed, now + min(max(seconds, 0.0), MAX_CLOSED)))


def room(bucket: Bucket, policy: Policy, now: float) -> int:
    """How many more calls the present window has room for."""
    most = min(policy.max, bucket.most or policy.max)
    return most - sum(mark.calls for mark in bucket.marks if mark.last > now - policy.window())
