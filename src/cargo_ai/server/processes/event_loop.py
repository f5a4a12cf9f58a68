"""The event loop of worker processes: uvloop where it is installed, else that of asyncio. uvicorn chooses for the API in the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a process's main function in the loop; its result."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def load() -> None:
    """Load it, before anything runs in it."""
    _factory()


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    return factory
