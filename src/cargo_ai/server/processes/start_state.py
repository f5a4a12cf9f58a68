"""Prepared: what a server starts from, made by `prepare` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from cargo_ai.kernel.settings import Settings


class BootstrapFailed(RuntimeError):
    """The database could not be made ready; `code` is the exit code, the message says why."""

    def __init__(self, code: int, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class StartState:
    """Where the database is, which workspace is the first, and its token: only the one time when it was made."""

    url: str
    workspace: str
    token: str | None


def run_bootstrap(settings: Settings) -> StartState:
    """Run `prepare` beside us, so that this process never loads what only the preparation needs."""
    done = subprocess.run(
        [sys.executable, "-m", "cargo_ai.server.processes.bootstrap"],
        env=settings.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise BootstrapFailed(1, "startFailed", "The database could not be made ready; the log above says why.") from None
    if done.returncode:
        raise BootstrapFailed(said["code"], said["reason"], said["errorMessage"])
    return StartState(said["url"], said["workspace"], said["token"])
