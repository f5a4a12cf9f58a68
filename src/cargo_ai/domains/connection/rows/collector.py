"""Collectors: gather the rows of runs that come to one node, until there are enough for a call or no more can come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from pydantic_core import to_json

from cargo_ai.engine.graph.action import Later, Outcome, RowBatch
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.worker.in_flight import InFlight
from cargo_ai.integrations.kit import ActionRequest
from cargo_ai.kernel import clock, traces
from cargo_ai.kernel.traces import Place

QUIET_SECONDS = 0.002
"""How long to wait when no other run can come: those that just were let go may be about to."""
MAX_LINGERS = 8
"""How many times as long as `linger` rows of batches wait at most, while others keep coming."""
CANCELLED = Later(0.0, None, "cancelled")

Send = Callable[["Shipment"], Awaitable[Sequence[Outcome]]]
"""Act for rows: an outcome for each, in their order. It calls `admitted` when the rate limits have let it go."""


@dataclass(slots=True, eq=False)
class Row:
    """What one run hands in."""

    request: ActionRequest
    size: int
    key: Hashable
    outcome: asyncio.Future[Outcome]
    is_held: bool = False
    """Its run does not move."""


@dataclass(slots=True, eq=False)
class Shipment:
    """Rows that go together. `admitted`: to be called when the rate limits have let the call go."""

    rows: list[Row]
    admitted: Callable[[], None]


@dataclass(slots=True)
class Collector:
    """The rows of one connector, action and group in this process.

    A call is made when it is full, when nothing else moves in this process, or when its oldest row has lingered. While a call waits for
    its rate limit, the next one is not cut before it is full: rows that come meanwhile would need a slot of their own.
    """

    batch: RowBatch[ActionRequest]
    send: Send
    in_flight: InFlight
    _waiting: list[Row] = field(default_factory=list[Row])
    _bytes: int = 0
    _busy: set[Hashable] = field(default_factory=set[Hashable])
    _queueing: int = 0
    _timer: asyncio.Handle | None = None
    _rings_at: float = 0.0
    _due: float = 0.0
    _last: float = 0.0
    _latest: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @property
    def is_idle(self) -> bool:
        """Whether it holds nothing."""
        return not self._waiting and not self._tasks

    async def hand_in(self, request: ActionRequest) -> Outcome:
        """What became of this row. A run that is given up takes its row along, unless that was sent."""
        most_bytes, unique = self.batch.most_bytes, self.batch.unique
        size = 0 if most_bytes is None else len(to_json(request.config))
        key = None if unique is None else unique(request)
        row = Row(request, size, key, asyncio.get_running_loop().create_future())
        self._add(row)
        if self._waiting and self._waiting[-1] is row:
            row.is_held = True
            self.in_flight.stop()
        try:
            return await row.outcome
        finally:
            self._let_go(row)

    def _let_go(self, row: Row) -> None:
        if row.is_held:
            row.is_held = False
            self.in_flight.go()

    def _add(self, row: Row) -> None:
        now = clock.seconds()
        if not self._waiting:
            self._due = now + self.batch.linger
            self._latest = now + self.batch.linger * (1 if row.request.call.batch is None else MAX_LINGERS)
        elif row.request.call.batch is None:
            # Someone waits for this one.
            self._latest = min(self._latest, now + self.batch.linger)
        self._last = now
        self._waiting.append(row)
        self._bytes += row.size
        self._cut_full()
        self._wake(self.batch.linger)

    def when_quiet(self) -> None:
        """Nothing else moves in this process."""
        if self._waiting:
            self._due = min(self._due, clock.seconds() + QUIET_SECONDS)
            self._wake(QUIET_SECONDS)

    def _wake(self, seconds: float) -> None:
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        if self._timer is not None:
            # Not asked of the timer: that of uvloop does not know it when it is due at once.
            if self._rings_at <= when:
                return
            self._timer.cancel()
        self._timer, self._rings_at = loop.call_at(when, self._ring), when

    def _ring(self) -> None:
        self._timer = None
        now, linger = clock.seconds(), self.batch.linger
        if not self._waiting:
            return
        if now < self._due and not self.in_flight.is_quiet:
            self._wake(self._due - now)
        elif not self.in_flight.is_quiet and now < self._latest and now - self._last < linger / 5:
            self._wake(linger / 5)
        elif not self._queueing:
            self._cut(self._next())
        # Else the call that waits for its limit wakes it.

    def _cut_full(self) -> None:
        most_bytes = self.batch.most_bytes
        while len(self._waiting) >= self.batch.max or (most_bytes is not None and self._bytes >= most_bytes):
            rows = self._next()
            if not rows:
                return
            if len(rows) < self.batch.max and (most_bytes is None or sum(row.size for row in rows) + self._waiting[-1].size < most_bytes):
                return
            self._cut(rows)

    def _next(self) -> list[Row]:
        """The rows of the next call, in order: as many as may go together, none of a key that is in a call already."""
        rows: list[Row] = []
        taken, size = set(self._busy), 0
        for row in self._waiting:
            if row.outcome.done():
                continue
            if row.key is not None and row.key in taken:
                continue
            if rows and (len(rows) >= self.batch.max or (self.batch.most_bytes is not None and size + row.size > self.batch.most_bytes)):
                break
            rows.append(row)
            taken.add(row.key)
            size += row.size
        return rows

    def _cut(self, rows: list[Row]) -> None:
        for row in rows:
            self._let_go(row)
        chosen = set(rows)
        self._waiting = [row for row in self._waiting if row not in chosen and not row.outcome.done()]
        self._bytes = sum(row.size for row in self._waiting)
        if self._waiting:
            self._due = clock.seconds() + self.batch.linger
            self._latest = max(self._latest, self._due)
            self._wake(self.batch.linger)
        if not rows:
            return
        self._busy.update(row.key for row in rows if row.key is not None)
        self._queueing += 1
        task = asyncio.create_task(self._ship(rows), name="rows")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ship(self, rows: list[Row]) -> None:
        queueing = True

        def admitted() -> None:
            nonlocal queueing
            if queueing:
                queueing = False
                self._queueing -= 1
                self._wake(0.0)

        try:
            standing = [row for row in rows if await self._stands(row)]
            crash_points.point("rows before call")
            if standing:
                # A call of many runs is shown below the first of them.
                call = standing[0].request.call
                with traces.within(Place(call.trace.int, traces.span_id(call.key))) if traces.are_sent() else nullcontext():
                    outcomes = await self.send(Shipment(standing, admitted))
                crash_points.point("rows after call")
                for row, outcome in zip(standing, outcomes, strict=True):
                    _settle(row, outcome)
        except BaseException as error:
            for row in rows:
                if not row.outcome.done():
                    row.outcome.set_exception(error) if isinstance(error, Exception) else row.outcome.cancel()
            if not isinstance(error, Exception):
                raise
        finally:
            self._busy.difference_update(row.key for row in rows)
            admitted()
            self._wake(0.0)

    async def _stands(self, row: Row) -> bool:
        """Whether the run still wants it."""
        if not row.outcome.done() and not await row.request.call.stands():
            _settle(row, CANCELLED)
        return not row.outcome.done()


def _settle(row: Row, outcome: Outcome) -> None:
    if not row.outcome.done():
        row.outcome.set_result(outcome)
