"""Rate limits of routes that need no token: how often one key (such as an address) may do something in a minute."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Hashable

from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal

SECONDS = 60
MAX_REMEMBERED = 10_000


class RateLimit:
    """Counts in this process's memory. `sentence`: what a caller who is over the limit reads."""

    def __init__(self, most: int, sentence: str) -> None:
        self._most, self._sentence = most, sentence
        self._times: dict[Hashable, deque[float]] = {}

    def check(self, key: Hashable) -> None:
        """Refusal (429) when this key has been counted too often in the last minute."""
        times, now = self._times.get(key), clock.seconds()
        while times and times[0] < now - SECONDS:
            times.popleft()
        if times and len(times) >= self._most:
            seconds = int(SECONDS - (now - times[0])) + 1
            raise Refusal(429, "tooManyRequests", self._sentence, headers={"Retry-After": str(seconds)})

    def count(self, key: Hashable) -> None:
        """Count one more."""
        now = clock.seconds()
        self._times.setdefault(key, deque(maxlen=self._most)).append(now)
        if len(self._times) > MAX_REMEMBERED:
            for old in [key for key, times in self._times.items() if times[-1] < now - SECONDS]:
                del self._times[old]

    def counted(self, key: Hashable) -> int:
        """How often this key has been counted in the last minute, up to the most."""
        return sum(1 for time in self._times.get(key, ()) if time >= clock.seconds() - SECONDS)

    def clear(self) -> None:
        """Forget every count."""
        self._times.clear()


class Flow:
    """How many requests one key may send in a minute; 0: any number. A key that was silent may send a minute's worth at once."""

    def __init__(self, most: int, sentence: str) -> None:
        self._most, self._sentence = most, sentence
        self._left: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable) -> None:
        """Count one request of this key; Refusal (429) when nothing is left for it."""
        if not self._most:
            return
        now, rate = clock.seconds(), self._most / SECONDS
        left, at = self._left.get(key, (float(self._most), now))
        left = min(float(self._most), left + (now - at) * rate)
        if left < 1:
            self._left[key] = left, now
            raise Refusal(429, "tooManyRequests", self._sentence, headers={"Retry-After": str(int((1 - left) / rate) + 1)})
        self._left[key] = left - 1, now
        if len(self._left) > MAX_REMEMBERED:
            # Who was silent for a minute has all of it again, known or not.
            self._left = {key: (left, at) for key, (left, at) in self._left.items() if at > now - SECONDS}


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
