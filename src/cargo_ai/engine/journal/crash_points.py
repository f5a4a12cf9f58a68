"""Crash points: named places where a test may kill this process, to prove that recovery works."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from cargo_ai.kernel import settings

_armed: dict[str, tuple[int, str, signal.Signals]] = {}


def arm(environment: settings.Settings) -> None:
    """Read `CARGO_AI_CRASH_AT`, points by comma; nothing is armed without it.

    `name:7` kills each process at its seventh passage and at every later one; `name:7@/a/file` only the first that can remove that file,
    so that the process that recovers the work lives. `name!` stops the process instead: it hangs there.
    """
    for part in environment.crash_at.split(","):
        point_, _, once = part.partition("@")
        name, _, count = point_.removesuffix("!").partition(":")
        if name:
            _armed[name] = (int(count or 1), once, signal.SIGSTOP if point_.endswith("!") else signal.SIGKILL)


def point(name: str) -> None:
    """Die here by SIGKILL, or hang, when the point is armed and its count is up."""
    if name not in _armed:
        return
    left, once, number = _armed[name]
    _armed[name] = (left - 1, once, number)
    if left <= 1 and (not once or _consumed(once)):
        os.kill(os.getpid(), number)


def _consumed(path: str) -> bool:
    try:
        Path(path).unlink()
    except FileNotFoundError:
        return False
    return True
