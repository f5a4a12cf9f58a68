"""Log where each task of a process's event loop waits, when an operator asks by SIGUSR1: what to look at when something does not go on."""

from __future__ import annotations

import asyncio
import io
import os
import signal

from cargo_ai.kernel import log

SIGNAL = signal.SIGUSR1
LOGGED = "the tasks of this process"
MAX_TASKS = 200
MAX_FRAMES = 8

_log = log.get(__name__)


def log_on_signal() -> None:
    """Log them at each SIGUSR1. Called in the loop's thread."""
    asyncio.get_running_loop().add_signal_handler(SIGNAL, _log_tasks)


def _log_tasks() -> None:
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    _log.warning(LOGGED, pid=os.getpid(), count=len(tasks), tasks=[_described(task) for task in tasks[:MAX_TASKS]])


def _described(task: asyncio.Task[object]) -> str:
    written = io.StringIO()
    task.print_stack(limit=MAX_FRAMES, file=written)
    return written.getvalue()
