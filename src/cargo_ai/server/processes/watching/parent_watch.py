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
    while True:
        if os.getppid() != parent:
            break
        await asyncio.sleep(POLL_SECONDS)
    _log.warning("the supervisor is gone; stopping", supervisor=parent)
    on_gone()
