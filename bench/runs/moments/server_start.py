"""serverStart: from the command to a server that is ready, on a new folder and on one that it has stopped in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from bench import report
from bench.report import Json
from bench.temporary_server import TemporaryServer

TIMES = 5


def measure() -> Json:
    """Each time a new folder, a stop, and a start again."""
    new: list[float] = []
    again: list[float] = []
    for number in range(TIMES):
        report.say(f"serverStart: {number + 1} of {TIMES}")
        server = TemporaryServer(workers=2)
        new.append(_seconds(server.__enter__))
        try:
            server.stop()
            again.append(_seconds(server.start_again))
        finally:
            server.__exit__(None, None, None)
    return report.figure(
        [
            report.at_most("seconds on a new folder, median", report.median(new), 4),
            report.at_most("seconds on an existing folder, median", report.median(again), 2),
        ],
        {"newMilliseconds": report.milliseconds(new), "existingMilliseconds": report.milliseconds(again)},
    )


def _seconds(start: Callable[[], object]) -> float:
    began = time.monotonic()
    start()
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(report.alone("serverStart", measure))
