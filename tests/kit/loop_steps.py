"""Measure an application in process: how long it computes between two awaits, in CPU time, which is how long it holds up all others."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Coroutine, Generator
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

MAX_SECONDS = 0.5
"""On a machine that does nothing else, and without collecting garbage, of which a process of tests has a lot."""


def max_seconds() -> float:
    """How long a step may take now: processes that share a core slow each other down in CPU time, too."""
    return MAX_SECONDS * min(max(os.getloadavg()[0] / (os.cpu_count() or 1), 1), 4)


class _Garbage:
    """Counts the seconds of CPU time that collecting garbage takes in this process."""

    def __init__(self) -> None:
        self.seconds = self._began = 0.0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.seconds += time.thread_time() - self._began


_garbage = _Garbage()


def _now() -> float:
    return time.thread_time() - _garbage.seconds


class _Steps:
    """A coroutine whose steps are measured. `slowest`: seconds of the longest one."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self.slowest = 0.0

    def __await__(self) -> Generator[Any, Any, None]:
        steps, sent, thrown = self._coroutine, None, None
        while True:
            began = _now()
            try:
                waits_for = steps.send(sent) if thrown is None else steps.throw(thrown)
            except StopIteration:
                return
            finally:
                self.slowest = max(self.slowest, _now() - began)
            sent = thrown = None
            try:
                sent = yield waits_for
            except BaseException as error:
                thrown = error


class MeasuredApp:
    """The application; a request that holds up the loop for longer than `max_seconds()` fails its test."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        steps = _Steps(self._app(scope, receive, send))  # pyright: ignore[reportArgumentType]  # a coroutine, typed as an awaitable
        await steps
        held_up = f"{scope.get('method')} {scope.get('path')} held up the event loop for {steps.slowest:.2f} s of CPU time"
        assert steps.slowest <= max_seconds(), held_up
