"""Watch the embedded PostgreSQL that this server started, and start it again when it has ended."""

from __future__ import annotations

import subprocess
import sys

from cargo_ai.kernel import clock, log
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.embedded import process
from cargo_ai.store.embedded.data_home import data_home_of

CHECK_SECONDS = 0.5
RETRY_SECONDS = 5.0

_log = log.get(__name__)


class DatabaseWatch:
    """Asks the process table; an external database is the business of others.

    The start is `bootstrap` in a process of its own, as at the server's start, so that the supervisor stays small and never blocks.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home = None if settings.database_url else data_home_of(settings.data_dir)
        self._starting: subprocess.Popen[bytes] | None = None
        self._next_check = 0.0

    def check(self) -> None:
        """Start the database again when it is gone. Call it often: it looks every `CHECK_SECONDS`, and returns at once."""
        now = clock.seconds()
        if self._home is None or now < self._next_check:
            return
        self._next_check = now + CHECK_SECONDS
        if self._starting is not None:
            self._finish(self._starting)
        elif process.postmaster_pid(self._home) is None:
            _log.warning("the database has ended and is started again", log=str(self._home.log))
            self._starting = subprocess.Popen(
                [sys.executable, "-m", "cargo_ai.server.processes.bootstrap"],
                env=self._settings.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def _finish(self, starting: subprocess.Popen[bytes]) -> None:
        status = starting.poll()
        if status is None:
            return
        self._starting = None
        if status == 0:
            _log.info("the database runs again")
        else:
            self._next_check += RETRY_SECONDS
            _log.error("the database could not be started; the next attempt follows", status=status, seconds=RETRY_SECONDS)

    def stop(self) -> None:
        """Wait for a start under way, so that the database is not started behind its stop."""
        if self._starting is not None:
            self._starting.wait()
            self._starting = None
