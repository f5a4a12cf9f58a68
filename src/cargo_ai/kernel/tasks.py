"""Tasks: end background tasks of the event loop for certain."""

from __future__ import annotations

import asyncio
from typing import Any

REPEAT_SECONDS = 5.0
"""Time for a task to clean up in, before it is cancelled again."""


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and return when all have ended, however they end.

    One cancellation is not enough: psycopg's pool and, on Python 3.11, `asyncio.wait_for` swallow it when what they wait for arrives at
    the same moment, and a loop around them would go on forever.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=REPEAT_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # retrieved: asyncio complains of errors that are not
