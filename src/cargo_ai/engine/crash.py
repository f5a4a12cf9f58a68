"""Crash points: named places where a test may kill this process, so that recovery is proven and not hoped for."""

from __future__ import annotations

import os
import signal

from cargo_ai.kernel import settings

_armed: dict[str, int] = {}


def arm(environment: settings.Settings) -> None:
    """Read `CARGO_AI_CRASH_AT=name:7` (kill at the seventh passage); nothing is armed without it."""
    for part in environment.text("CRASH_AT").split(","):
        name, _, count = part.partition(":")
        if name:
            _armed[name] = int(count or 1)


def point(name: str) -> None:
    """Die here by SIGKILL when the point is armed and its count is up."""
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
