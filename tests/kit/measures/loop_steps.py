"""Measure the event loop of an in-process server: how long each of its callbacks computes, in CPU time, which is how long it holds up all
others."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

MAX_SECONDS = 0.25
"""On a machine that does nothing else, and without collecting garbage, of which a process of tests has a lot."""

_of_server: ContextVar[bool] = ContextVar("of_server", default=False)
"""Whether a callback was scheduled by the application, and not by the test beside which it runs in one loop."""

_server_threads: set[int] = set()
"""The threads in which all callbacks are the server's."""

_stalls: list[str] = []


def max_seconds() -> float:
    """How long a step may take now: processes that share a core slow each other down in CPU time, too."""
    return MAX_SECONDS * min(max(os.getloadavg()[0] / (os.cpu_count() or 1), 1), 4)


class _Garbage(threading.local):
    """Counts the seconds of CPU time that collecting garbage takes in a thread."""

    seconds = began = 0.0


_garbage = _Garbage()


def _collected(phase: str, _info: dict[str, int]) -> None:
    if phase == "start":
        _garbage.began = time.thread_time()
    else:
        _garbage.seconds += time.thread_time() - _garbage.began


gc.callbacks.append(_collected)


def _now() -> float:
    return time.thread_time() - _garbage.seconds


_run_callback = asyncio.Handle._run  # pyright: ignore[reportPrivateUsage]


def _run_measured(handle: Any) -> None:
    is_of_server = handle._context.get(_of_server) or threading.get_ident() in _server_threads
    began = _now() if is_of_server else 0.0
    try:
        _run_callback(handle)
    finally:
        if is_of_server and (took := _now() - began) > MAX_SECONDS:
            owner: object = getattr(handle._callback, "__self__", None)
            _note(repr(owner) if asyncio.isfuture(owner) else repr(handle), took)


asyncio.Handle._run = _run_measured  # pyright: ignore


def _note(what: str, seconds: float) -> None:
    if seconds > MAX_SECONDS and seconds > max_seconds():  # the load is asked for only then: it takes longer than most steps
        _stalls.append(f"{what} held up the event loop for {seconds:.2f} s of CPU time")


@contextmanager
def measure_thread() -> Generator[None]:
    """Measure all callbacks of this thread meanwhile: its loop is a server's."""
    _server_threads.add(threading.get_ident())
    try:
        yield
    finally:
        _server_threads.discard(threading.get_ident())


def take_stalls() -> list[str]:
    """What has held up an event loop since the last call."""
    stalls = list(_stalls)
    _stalls.clear()
    return stalls


class _Steps:
    """A coroutine whose steps are measured, in a context that marks what it schedules as the server's."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], what: str) -> None:
        self._coroutine, self._what = coroutine, what
        self._context = copy_context()
        self._context.run(_of_server.set, True)

    def __await__(self) -> Generator[Any, Any, None]:
        steps, sent, thrown = self._coroutine, None, None
        while True:
            began = _now()
            try:
                waits_for = self._context.run(steps.send, sent) if thrown is None else self._context.run(steps.throw, thrown)
            except StopIteration:
                return
            finally:
                _note(self._what, _now() - began)
            sent = thrown = None
            try:
                sent = yield waits_for
            except BaseException as error:
                thrown = error


class MeasuredApp:
    """The application; a callback of it that holds up the loop for longer than `max_seconds()` fails its test (tests/conftest.py)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        answer = self._app(scope, receive, send)
        await _Steps(answer, f"{scope.get('method')} {scope.get('path')}")  # pyright: ignore[reportArgumentType]  # a coroutine, typed as an awaitable
