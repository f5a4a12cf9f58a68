"""Measure an application in process: how long it computes between two awaits, in CPU time, which is how long it holds up all others."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Generator
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

MAX_SECONDS = 0.25


class _Steps:
    """A coroutine whose steps are measured. `slowest`: seconds of the longest one."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self.slowest = 0.0

    def __await__(self) -> Generator[Any, Any, None]:
        steps, sent, thrown = self._coroutine, None, None
        while True:
            began = time.thread_time()
            try:
                waits_for = steps.send(sent) if thrown is None else steps.throw(thrown)
            except StopIteration:
                return
            finally:
                self.slowest = max(self.slowest, time.thread_time() - began)
            sent = thrown = None
            try:
                sent = yield waits_for
            except BaseException as error:
                thrown = error


class MeasuredApp:
    """The application; a request that holds up the loop for longer than `MAX_SECONDS` fails its test."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        steps = _Steps(self._app(scope, receive, send))  # pyright: ignore[reportArgumentType]  # a coroutine, typed as an awaitable
        await steps
        held_up = f"{scope.get('method')} {scope.get('path')} held up the event loop for {steps.slowest:.2f} s of CPU time"
        assert steps.slowest <= MAX_SECONDS, held_up
