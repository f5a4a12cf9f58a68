"""Start state: what a server starts from, as the bootstrap process reports it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from cargo_ai.kernel.settings import Settings

FIRST_WORKSPACE = "first"
"""In place of a workspace's uuid: the one that the installation was set up with."""


ONLY_DATABASE = "database"
"""In place of it: the bootstrap starts and migrates the database, and does no more."""


class BootstrapFailed(RuntimeError):
    """The database could not be made ready; `code` is the exit code, the message says why."""

    def __init__(self, code: int, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class StartState:
    """The database, the first workspace (or the one asked for) and its token; the token only when this start created it."""

    url: str
    workspace: str
    token: str | None


def run_bootstrap(settings: Settings, *, admin_token_of: str | None = None) -> StartState:
    """Run the bootstrap in a process of its own, so that this one never loads what only the bootstrap needs.

    `admin_token_of`: the workspace, or FIRST_WORKSPACE, in which it creates a token of an admin.
    """
    done = subprocess.run(
        [sys.executable, "-m", "cargo_ai.server.processes.bootstrap", *([admin_token_of] if admin_token_of else [])],
        env=settings.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    return StartState(**result_of(settings, done.stdout, done.returncode))


def result_of(settings: Settings, output: bytes, code: int) -> dict[str, Any]:
    """What a bootstrap has printed before it ended with this code; BootstrapFailed when it has failed."""
    try:
        result: dict[str, Any] = json.loads(output)
    except ValueError:
        raise BootstrapFailed(1, "startFailed", f"The database could not be made ready; {settings.log_place} says why.") from None
    if code:
        raise BootstrapFailed(result["code"], result["reason"], result["errorMessage"])
    return result
