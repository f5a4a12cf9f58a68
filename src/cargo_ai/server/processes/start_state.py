"""Start state: what a server starts from, as the bootstrap process reports it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from cargo_ai.kernel.settings import Settings

FIRST_WORKSPACE = "first"
"""In place of a workspace's uuid: the one that the installation was set up with."""


LEAVE_WORKSPACE = "leave"
"""In place of it: this process creates the first workspace itself, where the database has no workspace."""


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


def run_bootstrap(settings: Settings, *, admin_token_of: str | None = None, meanwhile: Callable[[], object] | None = None) -> StartState:
    """Run the bootstrap in a process of its own, so that this one never loads what only the bootstrap needs.

    `admin_token_of`: the workspace, or FIRST_WORKSPACE, in which it creates a token of an admin; or LEAVE_WORKSPACE. `meanwhile`: what
    this process does until it is done.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "cargo_ai.server.processes.bootstrap", *([admin_token_of] if admin_token_of else [])],
        env=settings.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    if meanwhile is not None:
        meanwhile()
    output, _ = process.communicate()
    try:
        report = json.loads(output)
    except ValueError:
        raise BootstrapFailed(1, "startFailed", f"The database could not be made ready; {settings.log_place} says why.") from None
    if process.returncode:
        raise BootstrapFailed(report["code"], report["reason"], report["errorMessage"])
    return StartState(report["url"], report["workspace"], report["token"])
