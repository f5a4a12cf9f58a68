"""Keep warm sandbox processes per workspace and purpose; start them when needed, end them when idle."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from cargo_ai.expression.sandbox.host import Child, ConnectionLost, Language, SandboxUnavailable, Zygote
from cargo_ai.kernel import clock

IDLE_SECONDS = 60.0
MAX_IDLE = 32
MAX_CALLS = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use: megabytes beyond its start, CPU seconds in all its life, wall seconds of work after which it is not used
    again (so that each call has the rest of the CPU seconds at least), and wall seconds in one call."""

    megabytes: int
    cpu_seconds: int
    retire_seconds: float
    wall_seconds: float


@dataclass(slots=True)
class Pool:
    """The children of one language."""

    language: Language
    limits: Limits
    _zygote: Zygote | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _idle: OrderedDict[Hashable, list[tuple[float, Child]]] = field(default_factory=OrderedDict[Hashable, "list[tuple[float, Child]]"])
    _sweep: asyncio.TimerHandle | None = None
    _ending: set[asyncio.Task[int]] = field(default_factory=set["asyncio.Task[int]"])

    async def take(self, key: Hashable) -> Child:
        """A child for this key: a warm one, else a new one. Raises SandboxUnavailable."""
        waiting = self._idle.get(key)
        while waiting:
            _, child = waiting.pop()
            if not waiting:
                del self._idle[key]
            if child.is_idle:
                return child
            self.end(child)
        for attempt in (1, 2):
            zygote = await self._living()
            try:
                return await zygote.fork(self.limits.megabytes, self.limits.cpu_seconds)
            except ConnectionLost:
                zygote.close()
                if attempt == 2:
                    raise SandboxUnavailable("the sandbox ended while a child was started") from None
        raise AssertionError

    async def warm(self) -> None:
        """Have the zygote running. Raises SandboxUnavailable."""
        await self._living()

    def left(self) -> list[str]:
        """What of the host the zygote that runs has left behind."""
        return list(self._zygote.left) if self._zygote is not None else []

    def give_back(self, key: Hashable, child: Child) -> None:
        """Keep the child warm for its key, or end it when it has worked enough."""
        if child.calls >= MAX_CALLS or child.seconds > self.limits.retire_seconds or not child.is_idle:
            self.end(child)
            return
        self._idle.setdefault(key, []).append((clock.seconds(), child))
        self._idle.move_to_end(key)
        while sum(map(len, self._idle.values())) > MAX_IDLE:
            oldest = next(iter(self._idle))
            self.end(self._idle[oldest].pop(0)[1])
            if not self._idle[oldest]:
                del self._idle[oldest]
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._evict)

    def end(self, child: Child) -> None:
        """End a child that is not to be used again."""
        task = asyncio.get_running_loop().create_task(child.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _evict(self) -> None:
        self._sweep = None
        oldest = clock.seconds() - IDLE_SECONDS
        for key in list(self._idle):
            for entry in [entry for entry in self._idle[key] if entry[0] <= oldest]:
                self._idle[key].remove(entry)
                self.end(entry[1])
            if not self._idle[key]:
                del self._idle[key]
        if self._idle:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS / 4, self._evict)

    async def _living(self) -> Zygote:
        async with self._starting:
            if self._zygote is None or not self._zygote.is_alive:
                self._zygote = await Zygote.start(self.language)
            return self._zygote

    async def close(self) -> None:
        """End everything."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for entries in self._idle.values():
            for _, child in entries:
                self.end(child)
        self._idle.clear()
        if self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def idle(self) -> list[tuple[Hashable, Child]]:
        """The children that are kept warm, by key."""
        return [(key, child) for key, entries in self._idle.items() for _, child in entries]
