"""Watch the supervisor: a process that outlives it would hold its port and work beside its successor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from cargo_ai.kernel import log
from cargo_ai.kernel.settings import Settings

POLL_SECONDS = 1.0

_log = log.get(__name__)


async def watch(settings: Settings, on_gone: Callable[[], object]) -> None:
    """Call `on_gone` once when the supervisor of the settings is no longer the parent; return at once without a supervisor."""
    parent = settings.supervisor_pid
    if not parent:
        return
    await _end_of(parent)
    _log.warning("the supervisor is gone; stopping", supervisor=parent)
    on_gone()


async def _end_of(parent: int) -> None:
    """Return when this process has another parent. Where the system can tell, nothing is asked meanwhile."""
    try:
        handle = os.pidfd_open(parent)
    except (AttributeError, OSError):  # not Linux, an old or a simulated one, or it is gone
        while os.getppid() == parent:  # noqa: ASYNC110 - no one else tells
            await asyncio.sleep(POLL_SECONDS)
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        # Its number may have been given to another process before it was opened.
        if os.getppid() == parent:
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
