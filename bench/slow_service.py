"""A service that answers every request after a fixed time and counts them; `/count` answers how many, at once.

python -m bench.slow_service --seconds 0.05
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AbstractContextManager

from bench import loopback_service


class Answering(loopback_service.Connection):
    """One connection."""

    seconds = 0.0
    calls = 0

    def handle(self, target: bytes) -> None:
        """Answer one call after the fixed time."""
        if target == b"/count":
            self.answer({"calls": Answering.calls})
            return
        Answering.calls += 1
        document = {"id": target.rpartition(b"/")[2].decode("ascii", "replace"), "industry": "Software", "employees": 250}
        asyncio.get_running_loop().call_later(Answering.seconds, self.answer, document)


def running(seconds: float) -> AbstractContextManager[str]:
    """The service in a process of its own; yields its URL."""
    return loopback_service.running("bench.slow_service", "--seconds", str(seconds))


def calls(url: str) -> int:
    """How many requests it has had."""
    return int(loopback_service.get(f"{url}/count")["calls"])


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Answer every request after a fixed time.")
    parser.add_argument("--seconds", type=float, default=0.05)
    Answering.seconds = parser.parse_args().seconds
    loopback_service.serve(Answering)
    return 0


if __name__ == "__main__":
    sys.exit(main())
