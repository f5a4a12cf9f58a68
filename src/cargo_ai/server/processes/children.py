"""Child processes of the supervisor: forked with all that they need already loaded, so that they share it and begin at once."""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.processes.start_state import ONLY_DATABASE, BootstrapFailed, StartState, result_of, run_bootstrap

PACKAGE = "cargo_ai.server.processes"
MODULES = ("api", "worker")
# A process that has loaded frameworks of macOS cannot be forked safely: there, each child loads all by itself.
FORKS = sys.platform == "linux"
_STOPPED_BY = (signal.SIGTERM, signal.SIGINT)
_POLL_SECONDS = 0.02


class Process(Protocol):
    """A child, as `subprocess.Popen` has it. `stdout`: what it prints."""

    pid: int
    returncode: int | None
    stdout: IO[bytes] | None

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it lives."""

    def wait(self, timeout: float | None = None) -> int:
        """The same, when it has ended. subprocess.TimeoutExpired when it has not within `timeout` seconds."""
        ...

    def send_signal(self, number: int, /) -> None:
        """Send it a signal, when it lives."""

    def kill(self) -> None:
        """End it at once."""


class Forked:
    """A child that was forked."""

    def __init__(self, pid: int, stdout: IO[bytes] | None) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else clock.seconds() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and clock.seconds() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            select.select([], [], [], _POLL_SECONDS)
        return code

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def prepare(settings: Settings) -> StartState:
    """Make the database ready and, meanwhile, load what children need, once for all of them. BootstrapFailed."""
    if not FORKS:
        return run_bootstrap(settings)
    preparing = start("bootstrap", settings.environment, ONLY_DATABASE)
    _load()
    assert preparing.stdout is not None
    with preparing.stdout as stdout:
        output = stdout.read()
    state = _complete(settings, result_of(settings, output, preparing.wait()))
    _settle()
    return state


def _complete(settings: Settings, prepared: dict[str, Any]) -> StartState:
    """The other step of the bootstrap. Much of what its statements make for the first time, libraries keep: children need not make it."""
    # Imported late, as all that is loaded here: other commands need none of it.
    from cargo_ai.server.processes import bootstrap

    try:
        return bootstrap.complete(settings, bootstrap.Prepared(**prepared))
    except Exception as error:
        problem = bootstrap.problem_of(error)
        if problem is None:
            raise
        raise BootstrapFailed(*problem) from None


def _load() -> None:
    # All of it stays: to look again and again for what does not takes a quarter of the time.
    gc.disable()
    for module in MODULES:
        importlib.import_module(f"{PACKAGE}.{module}").load()
    # What each child would else make for itself at its first statement.
    orm = importlib.import_module("sqlalchemy.orm")
    orm.configure_mappers()
    gc.freeze()
    gc.enable()


def _settle() -> None:
    """Make what is loaded, and what libraries have made when they were first used, something that children only read."""
    # A collection writes to all that it looks at, which would make each child's own copy of it. To collect what is no longer needed just
    # now would take a tenth of the start: it is hardly anything.
    gc.freeze()


def start(module: str, environment: Mapping[str, str], *arguments: str, keep: int | None = None) -> Process:
    """Start a module of this package with this environment; of the open files, it gets `keep`. What it prints can be read."""
    if not FORKS:
        return subprocess.Popen(
            [sys.executable, "-m", f"{PACKAGE}.{module}", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=() if keep is None else (keep,),
            start_new_session=True,
        )
    return fork(f"cargo-ai {module}", lambda: importlib.import_module(f"{PACKAGE}.{module}").main(*arguments), environment, keep=keep)


def fork(name: str, run: Callable[[], int], environment: Mapping[str, str], *, keep: int | None = None, errors: int = 2) -> Process:
    """Fork a process of that name, which leads a session of its own, runs this and ends with the exit code that it returns. Of the open
    files, it gets `keep`, and `errors` in place of what errors are written to. What it prints can be read."""
    reader, writer = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Until the child has its own handlers: ours would take a signal that is meant for it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPED_BY)
    pid = os.fork()
    if pid == 0:
        _become(name, run, environment, (writer, errors), keep)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(writer)
    return Forked(pid, os.fdopen(reader, "rb"))


def _become(name: str, run: Callable[[], int], environment: Mapping[str, str], outputs: tuple[int, int], keep: int | None) -> None:
    """Leave all that was its parent's behind, and be the child; never returns."""
    code = 1
    try:
        # Ctrl-C in the terminal is for the supervisor, which stops the children in order.
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, handle in enumerate(outputs, 1):
            os.dup2(handle, number)
        _close_files(keep)
        for number in _STOPPED_BY:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPED_BY)
        # All look alike in a list of commands: this is what `ps -o comm` and `top` show.
        Path("/proc/self/comm").write_text(name)
        # In a process that was executed, it would be there from the beginning.
        os.environ.clear()  # noqa: TID251
        os.environ.update(environment)  # noqa: TID251
        code = run()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _close_files(keep: int | None) -> None:
    for name in os.listdir("/proc/self/fd"):
        handle = int(name)
        if handle > 2 and handle != keep:
            try:
                os.close(handle)
            except OSError:
                continue  # the folder itself, which was open while it was read
