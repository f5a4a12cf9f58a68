"""Supervise the API processes, the workers and the embedded database: replace what dies or hangs, and stop everything in order."""

from __future__ import annotations

import fcntl
import json
import math
import os
import select
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cargo_ai.kernel import clock, log
from cargo_ai.kernel.settings import PREFIX, Settings
from cargo_ai.server.metrics import collector
from cargo_ai.server.processes import children, file_pages, listening, worker_locks
from cargo_ai.server.processes.start_state import StartState
from cargo_ai.server.processes.watching import pulse
from cargo_ai.server.processes.watching.database_watch import DatabaseWatch
from cargo_ai.server.processes.watching.log_rotation import Rotation
from cargo_ai.server.processes.watching.pulse import Silence
from cargo_ai.store import private_files

READY_SECONDS = 60.0
LOOK_SECONDS = 2.0
"""Between looks at what hangs. Who ends is heard at once, and so is the database's end, where the system can tell."""
BUSY_LOOK_SECONDS = 0.5
"""The same while the database is started again."""
LOCK_SECONDS = 1.0
LEFT_BEHIND_SECONDS = 15.0
DEAF_SECONDS = 1.0
RESTART_SECONDS = (0.0, 0.2, 1.0, 5.0)
STEADY_SECONDS = 30.0

_log = log.get(__name__)


class StartFailed(RuntimeError):
    """The server did not start; the message says why."""


@dataclass(slots=True)
class Child:
    """One supervised process; `name` is what it prints first, when it is ready: a worker its uuid, an API its pid."""

    module: str
    process: children.Process
    began: float
    failures: int = 0
    name: str = ""
    said: bytes = b""
    replaces: str = ""
    restart_at: float | None = None
    silence: Silence = field(default_factory=lambda: Silence(READY_SECONDS))

    @property
    def state(self) -> str:
        """How it is: `running`, `starting`, `silent` for longer than its pulse allows, or `ended` until it is replaced."""
        if self.process.returncode is not None:
            return "ended"
        if not self.name:
            return "starting"
        return "silent" if self.silence.seconds > pulse.LEAST_ALLOWED_SECONDS else "running"


@dataclass(slots=True)
class Supervisor:
    """The supervisor of one server; runs until SIGTERM or SIGINT."""

    settings: Settings
    start_state: StartState | None
    apis: int
    workers: int
    port: int
    children: list[Child] = field(default_factory=list[Child])
    stopping: bool = False

    @property
    def base_url(self) -> str:
        """Where the API answers."""
        return self.settings.public_url or f"http://{self.settings.host}:{self._bound.getsockname()[1]}"

    _bound: socket.socket = field(default_factory=socket.socket)
    _lock: int = -1
    _woken: tuple[int, int] = field(default_factory=os.pipe)
    _noted: dict[str, Any] = field(default_factory=dict[str, Any])

    def bind(self) -> None:
        """Lock the data folder and bind the port now: a port in use is an error here, and a restart of the API never loses it."""
        self._lock = _lock_data_dir(self.settings)
        try:
            # Of a server that was killed, the API may still answer: it ends when it has noticed.
            patience = LEFT_BEHIND_SECONDS if state_file(self.settings).exists() else 0.0
            self._bound = listening.bind(self.settings.host, self.port, patience)
        except OSError as error:
            raise StartFailed(
                f"Port {self.port} on {self.settings.host} cannot be used ({error.strerror}): "
                "choose another with --port, or 0 for any free one."
            ) from None

    def start(self) -> dict[str, Any]:
        """Start all processes and wait until the API answers; returns the line that says where."""
        collector.clear(self.settings)
        self.children += [self._spawn("api") for _ in range(self.apis)]
        # A server that was killed with its workers: what they had under way is taken up at once, not when their heartbeats are overdue.
        dead = worker_locks.find_dead(self.settings)
        self.children += [self._spawn("worker", replaces="" if number else " ".join(dead)) for number in range(self.workers)]
        self._await_ready()
        start_state = self._database()
        self._note_processes()
        state = {"baseUrl": self.base_url, "workspaceUuid": start_state.workspace}
        return state | ({"token": start_state.token} if start_state.token else {})

    def run(self) -> None:
        """Watch the children until a signal says to stop, then end everything."""
        database = DatabaseWatch(self.settings)
        waking = pulse.Waking()
        ours = [Path(self.settings.log_file)] if self.settings.log_file else []
        rotation = Rotation([*ours, *database.logs], self.settings.max_log_bytes)
        look_at, passed = clock.seconds(), 0.0
        file_pages.release()
        while not self.stopping:
            database_ended = self._wait(max(0.0, look_at - clock.seconds()), database.ending)
            elapsed = waking.passed()
            passed += elapsed
            for child in self.children:  # until it is read what they have said meanwhile
                child.silence.seconds += elapsed
            has_news = self._hear() or database_ended
            if not has_news and clock.seconds() < look_at:
                continue  # beats, which are most of what comes, change nothing but the silence that they end
            if database_ended:
                database.hear_of_end()
            database.check(passed)
            passed = 0.0
            self._end_hung()
            next_start = self._reap()
            self._note_processes()
            rotation.check()
            look_at = min(clock.seconds() + (BUSY_LOOK_SECONDS if database.is_starting else LOOK_SECONDS), next_start)
        database.stop()
        self.stop()

    def stop_soon(self) -> None:
        """What a signal does: end the wait for what the children print, which would go on after the handler."""
        if not self.stopping:
            self.stopping = True
            os.write(self._woken[1], b"!")

    def stop(self) -> None:
        """Send SIGTERM to all, wait for the drain, kill what is left, and stop the embedded database last."""
        _log.info("server stops")
        listening.let_no_one_in(self._bound)
        self._await_accepted()
        for child in self.children:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        self._await_deaf()
        # While a process has it open, what connects now would wait for an answer that does not come.
        with suppress(OSError):
            self._bound.shutdown(socket.SHUT_RDWR)
        deadline = clock.seconds() + self.settings.drain_seconds + 15
        for child in self.children:
            try:
                child.process.wait(max(0.1, deadline - clock.seconds()))
            except subprocess.TimeoutExpired:
                _log.warning("a process did not stop in time and is killed", module=child.module, pid=child.process.pid)
                child.process.kill()
                child.process.wait()
        self._bound.close()
        if not self.settings.database_url:
            # Imported late, for `server status` and others that only look need none of it.
            from cargo_ai.store.embedded import postgres

            postgres.stop(self.settings.data_dir)
        state_file(self.settings).unlink(missing_ok=True)
        os.close(self._lock)

    def _database(self) -> StartState:
        if self.start_state is None:
            raise StartFailed("The database is not ready.")
        return self.start_state

    def _spawn(self, module: str, *, replaces: str = "") -> Child:
        environment = {
            **self.settings.environment,
            PREFIX + "DATABASE_URL": self._database().url,
            PREFIX + "DATA_DIR": str(self.settings.data_dir),
            PREFIX + "SECRET_KEY": self._key(),
            PREFIX + "FORMER_SECRET_KEY": self._former_key(),
            PREFIX + "SUPERVISOR_PID": str(os.getpid()),
            PREFIX + "LISTEN_FD": str(self._bound.fileno()),
            PREFIX + "REPLACES_WORKER": replaces,
            PREFIX + "API_PROCESSES": str(self.apis),
            PREFIX + "WORKERS": str(self.workers),
        }
        process = children.start(module, environment, keep=self._bound.fileno())
        return Child(module, process, clock.seconds(), replaces=replaces)

    def _key(self) -> str:
        return self.settings.secret_key or (self.settings.data_dir / "secret.key").read_text().strip()

    def _former_key(self) -> str:
        path = self.settings.data_dir / "secret.key.former"
        in_file = not self.settings.secret_key and path.exists()
        return self.settings.former_secret_key or (path.read_text().strip() if in_file else "")

    def _await_ready(self) -> None:
        deadline = clock.seconds() + READY_SECONDS
        while clock.seconds() < deadline:
            if self.stopping:
                raise StartFailed("Stopped before it was ready.")
            for child in self.children:
                if child.process.poll() is not None:
                    raise StartFailed(
                        f"The {child.module} process ended with {child.process.returncode}; {self.settings.log_place} says why."
                    )
            if self._listen(0.02):  # slow is not stuck
                deadline = clock.seconds() + READY_SECONDS
            # An API alone is ready before there are workers, which wait for what it does to the database.
            if all(child.name for child in self.children) and self._answers("/readyz" if self.workers else "/healthz"):
                for child in self.children:
                    child.silence.end()
                return
        raise StartFailed(f"Not ready, and no process has become ready for {READY_SECONDS:.0f} seconds.")

    def _await_deaf(self) -> None:
        """Return when no API accepts connections any more, or after a moment: what has come to one of them so far is answered."""
        deadline = clock.seconds() + DEAF_SECONDS
        while clock.seconds() < deadline and any(
            child.module == "api" and child.process.stdout and not child.process.stdout.closed for child in self.children
        ):
            self._listen(0.05)

    def _await_accepted(self) -> None:
        """Return when the APIs have accepted all who had connected, or after a moment."""
        deadline = clock.seconds() + DEAF_SECONDS
        while clock.seconds() < deadline and listening.queue_length(self._bound):
            self._listen(0.02)

    def _answers(self, path: str) -> bool:
        try:
            with socket.create_connection(pulse.address_of(self._bound), timeout=1) as probe:
                probe.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                probe.settimeout(3)
                return probe.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def _listen(self, seconds: float) -> bool:
        """Wait for what they print, and read it; whether it was more than a beat."""
        self._wait(seconds)
        return self._hear()

    def _wait(self, seconds: float, ending: int | None = None) -> bool:
        """Return when the time is over, or early when one says its name or ends, a signal says to stop, or the process of the handle
        `ending` ends; whether the last was so."""
        waiting = select.poll()
        waiting.register(self._woken[0], select.POLLIN)
        if ending is not None:
            waiting.register(ending, select.POLLIN)
        for pipe, child in self._pipes().items():
            # A beat wakes no one: it is read when the time is over. That a process ends is heard at once.
            waiting.register(pipe, 0 if child.name else select.POLLIN)
        return any(handle == ending for handle, _ in waiting.poll(1000 * seconds))

    def _pipes(self) -> dict[IO[bytes], Child]:
        return {child.process.stdout: child for child in self.children if child.process.stdout and not child.process.stdout.closed}

    def _hear(self) -> bool:
        """Read what they have printed: their name, then a line for each beat. Whether it was more than a beat."""
        pipes = self._pipes()
        readable, _, _ = select.select([*pipes, self._woken[0]], [], [], 0)
        has_news = False
        for pipe in readable:
            if isinstance(pipe, int):
                os.read(pipe, 1)
                has_news = True
                continue
            text = os.read(pipe.fileno(), 1 << 16)
            child = pipes[pipe]
            has_news |= not (text and child.name)
            if not text:
                pipe.close()
                continue
            child.silence.end()
            if not child.name:
                child.said += text
                child.name = next(iter(child.said.split()), b"").decode() if b"\n" in child.said.lstrip() else ""
        return has_news

    def _end_hung(self) -> None:
        """Kill what has been silent for too long; it is then replaced like everything that died."""
        allowed = self.settings.hung_after
        for child in self.children:
            if child.process.poll() is None and child.silence.is_too_long(allowed):
                silent = round(child.silence.seconds)
                _log.warning("a process hangs and is killed", module=child.module, pid=child.process.pid, silent_seconds=silent)
                child.process.kill()
                child.silence.seconds = 0.0

    def _reap(self) -> float:
        """Replace those that `_end_hung` has found ended; the moment (monotonic seconds) at which the next of them is due."""
        next_start = math.inf
        for index, child in enumerate(self.children):
            if child.process.returncode is None:
                continue
            now = clock.seconds()
            if child.restart_at is None:
                steady = now - child.began > STEADY_SECONDS
                failures = 0 if steady else child.failures
                child.failures = failures + 1
                child.restart_at = now + RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)]
                _log.warning("a process died and is replaced", module=child.module, pid=child.process.pid, status=child.process.returncode)
            if now >= child.restart_at:
                # One that died before it printed its uuid has not yet replaced the one before it.
                replacement = self._spawn(child.module, replaces=child.name or child.replaces if child.module == "worker" else "")
                replacement.failures = child.failures
                self.children[index] = replacement
            else:
                next_start = min(next_start, child.restart_at)
        return next_start

    def _note_processes(self) -> None:
        """Write down where this server is reached and how its processes are, for `server status`, when that has changed."""
        noted = {
            "baseUrl": self.base_url,
            "workspaceUuid": self._database().workspace,
            "pid": os.getpid(),
            "api": self.apis,
            "workers": self.workers,
            "processes": [{"kind": child.module, "pid": child.process.pid, "state": child.state} for child in self.children],
            "address": pulse.address_of(self._bound),
        }
        if noted != self._noted:
            write_state(self.settings, noted)
            self._noted = noted


def state_file(settings: Settings) -> Path:
    """The file in which a running server keeps its pid and URL."""
    return settings.data_dir / "server.json"


def write_state(settings: Settings, state: dict[str, Any]) -> None:
    """Replace the state file at once."""
    private_files.write(state_file(settings), json.dumps(state))


def running(settings: Settings) -> dict[str, Any] | None:
    """The state of the server of this data folder, if its supervisor lives."""
    try:
        with lock_file(settings).open("rb") as lock:
            if _locked(lock.fileno(), fcntl.LOCK_SH):
                return None
        state: dict[str, Any] = json.loads(state_file(settings).read_text())
    except (OSError, ValueError):
        return None
    return state if "pid" in state else None


def lock_file(settings: Settings) -> Path:
    """Locked by the supervisor while it lives: unlike a pid, a lock is neither left behind by a kill nor reused by another process."""
    return settings.data_dir / "server.lock"


def _lock_data_dir(settings: Settings) -> int:
    private_files.make_folder(settings.data_dir)
    lock = os.open(lock_file(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = clock.seconds() + LOCK_SECONDS
    while not _locked(lock, fcntl.LOCK_EX):
        if clock.seconds() > deadline:
            os.close(lock)
            raise StartFailed(f"Another server of {settings.data_dir} is just starting or stopping: wait until it has.")
        # A process that only asks whether a server runs holds the lock for an instant.
        select.select([], [], [], 0.02)
    return lock


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
