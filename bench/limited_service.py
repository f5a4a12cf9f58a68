"""A service that takes a limited number of requests in any window, answers 429 to the others, and knows when each arrived.

`/calls` answers what it has had. python -m bench.limited_service --most 50 --window 1
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import deque
from contextlib import AbstractContextManager
from typing import ClassVar, NamedTuple

from bench import loopback_service

SECONDS = 0.02
"""How long an answer takes."""


class Heard(NamedTuple):
    """When requests were taken and when others were refused, in monotonic seconds of the service."""

    times: list[float]
    refused: list[float]


class Limited(loopback_service.Connection):
    """One connection."""

    most = 50
    window = 1.0
    recent: ClassVar[deque[float]] = deque()
    times: ClassVar[list[float]] = []
    refused: ClassVar[list[float]] = []

    def handle(self, target: bytes) -> None:
        """Count a request at the time of its arrival."""
        if target == b"/calls":
            self.answer({"times": Limited.times, "refused": Limited.refused})
            return
        now = time.monotonic()
        while Limited.recent and Limited.recent[0] <= now - Limited.window:
            Limited.recent.popleft()
        if len(Limited.recent) >= Limited.most:
            Limited.refused.append(now)
            self.answer({"message": "Too many requests"}, "429 Too Many Requests", "Retry-After: 1\r\n")
            return
        Limited.recent.append(now)
        Limited.times.append(now)
        name = target.rpartition(b"/")[2].decode("ascii", "replace")
        asyncio.get_running_loop().call_later(SECONDS, self.answer, {"id": name})


def running(most: int, window: float) -> AbstractContextManager[str]:
    """The service in a process of its own; yields its URL."""
    return loopback_service.running("bench.limited_service", "--most", str(most), "--window", str(window))


def heard(url: str) -> Heard:
    """What it has had so far."""
    return Heard(**loopback_service.get(f"{url}/calls"))


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Take a limited number of requests.")
    parser.add_argument("--most", type=int, default=50)
    parser.add_argument("--window", type=float, default=1.0)
    asked = parser.parse_args()
    Limited.most, Limited.window = asked.most, asked.window
    loopback_service.serve(Limited)
    return 0


if __name__ == "__main__":
    sys.exit(main())
