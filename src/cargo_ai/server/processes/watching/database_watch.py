"""Watch the embedded PostgreSQL that this server started: start it again when it has ended, and end what hangs in it."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from cargo_ai.kernel import clock, log
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.processes.start_state import ONLY_DATABASE
from cargo_ai.server.processes.watching.pulse import Question, Silence
from cargo_ai.store.embedded import process
from cargo_ai.store.embedded.data_home import PORT, DataHome, data_home_of, socket_folder

CHECK_SECONDS = 0.5
CLOSE_SECONDS = 5.0
"""Between looks at more than whether the process of the database is there."""
RETRY_SECONDS = 5.0
FIRST_ANSWER_SECONDS = 120.0
SSL_REQUEST = struct.pack(">II", 8, 80877103)
"""The question that PostgreSQL answers with one byte to everyone, at any time: a recovering or full server, too, and it logs nothing."""

_log = log.get(__name__)


class DatabaseWatch:
    """Asks the process table, the server's socket, and whether its processes were stopped; an external database is the business of others.

    The start is `bootstrap` in a process of its own, as at the server's start, so that the supervisor stays small and never blocks.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home = None if settings.database_url else data_home_of(settings.data_dir)
        self._starting: subprocess.Popen[bytes] | None = None
        self._next_check = self._next_close_look = 0.0
        self._passed = 0.0
        self._pid: int = 0
        self._heard: int | None = None
        self.ending: int | None = None
        """A handle that can be read when the database's process has ended, where the system has such."""
        self._silence = Silence(FIRST_ANSWER_SECONDS)
        self._stopped: dict[int, float] = {}
        self._question = Question(socket.AF_UNIX, self._address, SSL_REQUEST, lambda answer: answer[:1] in (b"N", b"S"))

    @property
    def logs(self) -> list[Path]:
        """Where the embedded database writes its log; nothing for an external one."""
        return [] if self._home is None else [self._home.log]

    @property
    def is_starting(self) -> bool:
        """Whether it is just being started again."""
        return self._starting is not None

    def hear_of_end(self) -> None:
        """The handle `ending` can be read: the next `check` looks closely, however soon it comes."""
        self._hear_end_of(None)
        self._next_check = self._next_close_look = 0.0

    def check(self, passed: float) -> None:
        """Start the database again when it is gone, end what hangs. Call it often: it looks every `CHECK_SECONDS`, and returns at once.

        `passed`: seconds since the last call, as far as this process was running.
        """
        self._passed += passed
        if not self._question.rests:
            self._silence.seconds += passed
        now = clock.seconds()
        if self._home is None or now < self._next_check:
            return
        self._next_check = now + CHECK_SECONDS
        if now < self._next_close_look and self._starting is None and process.is_there(self._pid):
            self._ask()
            return
        self._next_close_look = now + CLOSE_SECONDS
        passed, self._passed = self._passed, 0.0
        pid = process.postmaster_pid(self._home)
        self._hear_end_of(pid)
        if self._starting is not None:
            self._finish(self._starting)
        elif pid is None:
            self._start(self._home)
        elif self._settings.hung_after:
            self._end_hung(pid, passed)

    def _hear_end_of(self, pid: int | None) -> None:
        if pid == self._heard:
            return
        if self.ending is not None:
            os.close(self.ending)
        self.ending, self._heard = None, pid
        if pid is not None:
            with suppress(AttributeError, OSError):  # not Linux, or it is gone
                self.ending = os.pidfd_open(pid)

    def _start(self, home: DataHome) -> None:
        _log.warning("the database has ended and is started again", log=str(home.log))
        self._starting = subprocess.Popen(
            [sys.executable, "-m", "cargo_ai.server.processes.bootstrap", ONLY_DATABASE],
            env=self._settings.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def _address(self) -> str | None:
        folder = socket_folder(self._home) if self._home is not None else None
        return None if folder is None else str(folder / f".s.PGSQL.{PORT}")

    def _end_hung(self, pid: int, passed: float) -> None:
        """Kill a postmaster that does not answer: it is then started again; and a backend that was stopped: the postmaster then ends all
        others, as it cannot know what that one held, and recovers."""
        if pid != self._pid:
            self._pid, self._silence = pid, Silence(FIRST_ANSWER_SECONDS)
        self._ask()
        if self._silence.is_too_long(self._settings.hung_after):
            _log.warning("the database hangs and is killed", pid=pid, silent_seconds=round(self._silence.seconds))
            process.send_signal(pid, signal.SIGKILL)
            return
        self._stopped = {child: self._stopped.get(child, 0.0) + passed for child in process.stopped_children(pid)}
        for child, seconds in self._stopped.items():
            if seconds > self._settings.hung_after:
                _log.warning("a process of the database was stopped and is killed", pid=child, stopped_seconds=round(seconds))
                process.send_signal(child, signal.SIGKILL)

    def _ask(self) -> None:
        if self._settings.hung_after and self._question.step():
            self._silence.end()

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
        """Wait for a start under way, so that the database is not started after its stop."""
        self._question.forget()
        self._hear_end_of(None)
        if self._starting is not None:
            self._starting.wait()
            self._starting = None
