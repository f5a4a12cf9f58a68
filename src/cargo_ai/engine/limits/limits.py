"""Limits: let the calls of one process go when all policies allow it, together with the other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from cargo_ai.engine.limits import bucket as buckets
from cargo_ai.engine.limits import reading, table
from cargo_ai.engine.limits.bucket import Bucket
from cargo_ai.engine.limits.database_clock import DatabaseClock
from cargo_ai.engine.limits.line import Line
from cargo_ai.engine.limits.policy import CallShape, Counted, Owner, Policy, Reading, counted
from cargo_ai.engine.limits.sentence import RATE_LIMIT, why
from cargo_ai.kernel import clock, log
from cargo_ai.store.session import Database

IN_PLACE_SECONDS = 2.0
"""How long a call may wait for its slot where it is; for longer its run is parked."""
FLUSH_SECONDS = 0.1
MAX_LINES = 2_000

_log = log.get(__name__)


class Limits:
    """Asks the buckets for the callers of one process; what the callers learn from responses corrects the buckets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clock = DatabaseClock()
        self._lines: dict[tuple[str, ...], Line] = {}
        self._readings: dict[str, tuple[Policy, list[Reading]]] = {}
        self._flush: asyncio.Task[None] | None = None
        database.before_close(self.end)

    async def admit(self, owner: Owner, policies: Sequence[Policy], call: CallShape, patience: float = 0.0) -> float:
        """0: go now, the call is counted in all policies that match it. Otherwise nothing is counted: the seconds after which to ask
        again, different for each who waits, so that they do not all come back at once.

        patience: for how many seconds a slot is waited for here, in the order in which callers came.
        """
        shape = counted(owner, policies, call)
        if not shape.keys:
            return 0.0
        return await self._line(shape).admit(shape.costs, patience)

    def why(self, owner: Owner, policies: Sequence[Policy], call: CallShape) -> str:
        """A sentence for people: what calls like this one wait for, and until when if that is long."""
        shape = counted(owner, policies, call)
        return why(self._lines[shape.keys].state) if shape.keys in self._lines else RATE_LIMIT

    async def observe(
        self,
        owner: Owner,
        policies: Sequence[Policy],
        call: CallShape,
        headers: Mapping[str, str],
        status: int,
        retry_after: float | None = None,
    ) -> None:
        """Correct the buckets of a call by its response. `retry_after`, or that of a 429: they let nothing through for so long."""
        shape = counted(owner, policies, call)
        if not shape.keys:
            return
        if status == 429 and retry_after is None:
            retry_after = reading.retry_after(headers, self._clock.now(clock.seconds()))
        if retry_after is not None and retry_after > 0:
            await self.close(owner, policies, call, retry_after)
        line = self._line(shape)
        for key, policy in zip(shape.keys, shape.policies, strict=True):
            found = reading.of(policy, headers)
            if found is not None and line.tells(key, found):
                self._readings.setdefault(key, (policy, []))[1].append(found)
        if self._readings and self._flush is None:
            self._flush = asyncio.create_task(self._correct())

    async def close(self, owner: Owner, policies: Sequence[Policy], call: CallShape, seconds: float) -> None:
        """Let no call like this one through for so long, in no process."""
        shape = counted(owner, policies, call)

        def decision(state: dict[str, Bucket], now: float) -> tuple[dict[str, Bucket], None]:
            return {key: buckets.close(bucket, now, seconds) for key, bucket in state.items()}, None

        if not shape.keys:
            return
        self._let_go(shape.keys)
        await table.decide(self._database, shape.keys, decision)
        self._let_go(shape.keys)

    async def end(self) -> None:
        """Give back what is held, before the database is closed. Callers who still wait are cancelled."""
        if self._flush is not None:
            await self._flush
        for line in list(self._lines.values()):
            await line.end()

    async def _correct(self) -> None:
        """Write what responses have said, soon and together; exactly what it means is decided by the newest state."""
        await asyncio.sleep(FLUSH_SECONDS)
        readings, self._readings, self._flush = self._readings, {}, None

        def decision(state: dict[str, Bucket], now: float) -> tuple[dict[str, Bucket], set[str]]:
            corrected = dict(state)
            for key, (policy, heard) in readings.items():
                for said in heard:
                    corrected[key] = buckets.read(corrected[key], policy, said, now)
            return corrected, {key for key, bucket in corrected.items() if bucket != state[key]}

        try:
            changed, _ = await table.decide(self._database, list(readings), decision)
        except Exception as error:
            # The next response says it again.
            _log.warning("limits were not corrected", cause=f"{type(error).__name__}: {error}"[:200])
            return
        self._let_go(changed)

    def _let_go(self, keys: Collection[str]) -> None:
        """The slots that are held were given before something became known: they have to be asked for again."""
        for line in self._lines.values():
            if not set(keys).isdisjoint(line.keys):
                line.let_go()

    def _line(self, shape: Counted) -> Line:
        line = self._lines.get(shape.keys)
        if line is None or line.policies != shape.policies:
            if len(self._lines) >= MAX_LINES:
                self._lines = {keys: one for keys, one in self._lines.items() if not one.idle}
            line = self._lines[shape.keys] = Line(self._database, self._clock, shape)
        return line
