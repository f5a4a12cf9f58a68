"""Parent: whether the supervisor of this process still lives. Whoever outlives it would hold its port and work beside its successor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from cargo_ai.kernel import log
from cargo_ai.kernel.settings import Settings

LOOK_SECONDS = 0.5

_log = log.get(__name__)


async def watch(settings: Settings, gone: Callable[[], object]) -> None:
    """Call `gone` once when the supervisor that is named in the environment is no longer the parent; return at once when none is named."""
    parent = settings.supervisor_pid
    if not parent:
        return
    while True:
        if os.getppid() != parent:
            break
        await asyncio.sleep(LOOK_SECONDS)
    _log.warning("the supervisor is gone; stopping", supervisor=parent)
    gone()
