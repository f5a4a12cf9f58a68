"""Watch a process's event loop: log an error, with the place, where something computes in it for too long."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType

from cargo_ai.kernel import log
from cargo_ai.kernel.settings import Settings

STALLED = "the event loop was held up"
_PAUSE_SECONDS = 0.05
_SHOWN_FRAMES = 12

_log = log.get(__name__)

Report = Callable[[float, str], None]


class LoopWatch:
    """A thread beside the loop's. It asks the loop for a sign of life and counts the seconds of CPU that the loop's thread takes until
    then: a machine that is busy with other things changes nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most_seconds: float, report: Report | None = None) -> None:
        self._loop, self._most_seconds, self._report = loop, most_seconds, report or _log_stall
        self._ident = threading.get_ident()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loop-watch", daemon=True)

    def start(self) -> LoopWatch:
        """Begin. Called in the loop's thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, and wait for the end."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            began, alive, place = self._cpu_seconds(), threading.Event(), ""
            try:
                self._loop.call_soon_threadsafe(alive.set)
            except RuntimeError:
                return  # the loop is closed
            while not alive.wait(_PAUSE_SECONDS) and not self._stopped.is_set():
                if not place and self._cpu_seconds() - began >= self._most_seconds / 2:
                    place = _place(sys._current_frames().get(self._ident))  # pyright: ignore[reportPrivateUsage]
            took = self._cpu_seconds() - began
            if took >= self._most_seconds:
                self._report(took, place)

    def _cpu_seconds(self) -> float:
        try:
            return time.clock_gettime(time.pthread_getcpuclockid(self._ident))
        except (AttributeError, OSError):
            return time.monotonic()


def begin(settings: Settings) -> Callable[[], None]:
    """Watch the running loop, if the settings say so; the function that ends it."""
    if not settings.loop_stall_milliseconds:
        return _nothing
    return LoopWatch(asyncio.get_running_loop(), settings.loop_stall_milliseconds / 1000).start().stop


def _nothing() -> None:
    return


def _place(frame: FrameType | None) -> str:
    return "".join(traceback.format_stack(frame)[-_SHOWN_FRAMES:]) if frame else ""


def _log_stall(seconds: float, place: str) -> None:
    _log.error(STALLED, seconds=round(seconds, 3), place=place)
