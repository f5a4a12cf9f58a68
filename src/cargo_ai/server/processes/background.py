"""What a worker does beside the queue: begun again when it fails, so that no failure ends it silently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from cargo_ai.kernel import clock, log

AGAIN_SECONDS = (1.0, 5.0, 30.0)
STEADY_SECONDS = 60.0
"""What has gone on for so long begins again with the shortest wait."""

_log = log.get(__name__)


async def keep_running(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it until it returns or this is cancelled; when it raises, say so and begin again after a while."""
    failures = 0
    while True:
        began, task = clock.seconds(), start()
        try:
            return await task
        except Exception as error:
            failures = 1 if clock.seconds() - began > STEADY_SECONDS else failures + 1
            seconds = AGAIN_SECONDS[min(failures, len(AGAIN_SECONDS)) - 1]
            _log.error("a background task failed and begins again", task=task.__qualname__, seconds=seconds, exc_info=error)
            await asyncio.sleep(seconds)


async def until_one_ends(stopping: asyncio.Event, essential: Sequence[asyncio.Task[Any]]) -> bool:
    """Wait for `stopping`; False when one of the tasks ended before, without which the process is of no use."""
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([waiting, *essential], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if stopping.is_set():
        return True
    for task in essential:
        if task.done():
            error = None if task.cancelled() else task.exception()
            _log.error("the worker cannot go on and ends", task=task.get_name(), exc_info=error)
    return False
