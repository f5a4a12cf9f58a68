"""Rate limits: how often one key (such as an address or a token) may do something in a time."""

from __future__ import annotations

import ipaddress
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal

SECONDS = 60.0
MAX_REMEMBERED = 10_000
SAID_PART = 100
"""What one API process lets in, the others learn when it is this part of what is let in at most: a hundredth."""


class Hear(Protocol):
    """Takes what another API process has counted."""

    def __call__(self, key: str, amount: int, most: float, seconds: float, /) -> None: ...


Tell = Hear
"""Tells the other API processes what this one has counted."""


class Share(Protocol):
    """Shares the counts of a limit with the other API processes; None where there are none."""

    def __call__(self, name: str, hear: Hear, /) -> Tell | None: ...


def alone(_name: str, _hear: Hear) -> Tell | None:
    """The share of a process that is the only one."""
    return None


class RateLimit:
    """Remembers when each key was counted in the last minute. `sentence`: what a caller who is over the limit reads."""

    def __init__(self, name: str, most: int, sentence: str, share: Share = alone) -> None:
        self._most, self._sentence = most, sentence
        self._times: dict[str, deque[float]] = {}
        self._tell = share(name, self._hear)

    def check(self, key: str) -> None:
        """Refusal (429) when this key has been counted too often in the last minute."""
        times, now = self._times.get(key), clock.seconds()
        while times and times[0] < now - SECONDS:
            times.popleft()
        if times and len(times) >= self._most:
            seconds = int(SECONDS - (now - times[0])) + 1
            raise Refusal(429, "tooManyRequests", self._sentence, headers={"Retry-After": str(seconds)})

    def count(self, key: str) -> None:
        """Count one more."""
        self._add(key, 1)
        if self._tell is not None:
            self._tell(key, 1, self._most, SECONDS)

    def counted(self, key: str) -> int:
        """How often this key has been counted in the last minute, up to the most."""
        return sum(1 for time in self._times.get(key, ()) if time >= clock.seconds() - SECONDS)

    def clear(self) -> None:
        """Forget every count."""
        self._times.clear()

    def _hear(self, key: str, amount: int, most: float, seconds: float) -> None:
        self._add(key, min(amount, self._most))

    def _add(self, key: str, amount: int) -> None:
        now = clock.seconds()
        self._times.setdefault(key, deque(maxlen=self._most)).extend([now] * amount)
        if len(self._times) > MAX_REMEMBERED:
            for old in [key for key, times in self._times.items() if times[-1] < now - SECONDS]:
                del self._times[old]


@dataclass(slots=True)
class _Level:
    """What a key may still send at a time, and what of it this process has let in and not said to the others."""

    left: float
    at: float
    seconds: float
    unsaid: int = 0

    def refill(self, now: float, most: float, rate: float) -> None:
        """Add what has come since the last look."""
        self.left = min(most, self.left + (now - self.at) * rate)
        self.at = now


class Flow:
    """Lets so much of each key in that it is `most` in `seconds`. A key that was silent may send all of that at once."""

    def __init__(self, name: str, sentence: str, share: Share = alone) -> None:
        self._sentence = sentence
        self._levels: dict[str, _Level] = {}
        self._tell = share(name, self._hear)

    def take(self, key: str, most: float, seconds: float = SECONDS) -> None:
        """Let one in; Refusal (429) when nothing is left for its key. `most` 0: any number."""
        if not most:
            return
        level = self._level(key, most, seconds)
        if level.left < 1:
            wait = int((1 - level.left) * seconds / most) + 1
            raise Refusal(429, "tooManyRequests", self._sentence, headers={"Retry-After": str(wait)})
        level.left -= 1
        if self._tell is not None:
            level.unsaid += 1
            if level.unsaid * SAID_PART >= most:
                self._tell(key, level.unsaid, most, seconds)
                level.unsaid = 0

    def _hear(self, key: str, amount: int, most: float, seconds: float) -> None:
        level = self._level(key, most, seconds)
        # Below nought, so that processes that are all at their end let in together what one would.
        level.left = max(-most, level.left - amount)

    def _level(self, key: str, most: float, seconds: float) -> _Level:
        now, level = clock.seconds(), self._levels.get(key)
        if level is None:
            if len(self._levels) >= MAX_REMEMBERED:
                self._forget(now)
            level = self._levels[key] = _Level(most, now, seconds)
        else:
            level.refill(now, most, most / seconds)
        return level

    def _forget(self, now: float) -> None:
        # Who was silent for the whole time has all of it again, known or not. Where all are busy, they begin with all of it, too.
        self._levels = {key: level for key, level in self._levels.items() if level.at > now - level.seconds}
        if len(self._levels) >= MAX_REMEMBERED:
            self._levels.clear()


def sender_of(host: str) -> str:
    """Who counts as one sender: an IPv4 address; of IPv6 the network of 64 bits, since each of its hosts has all addresses in it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
