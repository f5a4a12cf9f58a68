"""The processes of an embedded PostgreSQL: find, launch and end them.

Whether it lives is a file lock (flock) that the postmaster inherits and hands to all of its children. The kernel drops it with the last of
them, so neither a zombie, nor a reused pid, nor a backend that outlived its postmaster can be mistaken for something else.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cargo_ai.kernel import clock
from cargo_ai.store.embedded.data_home import DataHome
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError, OsUser

POLL_SECONDS = 0.02


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Call `done` until it is true or the time is over; the last result."""
    deadline = clock.seconds() + seconds
    while not done():
        if clock.seconds() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextmanager
def start_stop_lock(home: DataHome, seconds: float) -> Generator[None]:
    """Let one process at a time start or stop the database; EmbeddedPostgresError when the lock is not free in time."""
    handle = os.open(home.start_stop_lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not wait_until(lambda: _locked(handle, fcntl.LOCK_EX), seconds):
            raise EmbeddedPostgresError(f"Another process is starting or stopping the database of {home.data_dir} since {seconds:g} s.")
        yield
    finally:
        os.close(handle)


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def acquire_life_lock(home: DataHome) -> int | None:
    """The lock to hand to a new postmaster, as a descriptor; None while any process of this database lives."""
    handle = os.open(home.life_lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if _locked(handle, fcntl.LOCK_EX):
        return handle
    os.close(handle)
    return None


def is_alive(home: DataHome) -> bool:
    """Whether any process of this database lives."""
    try:
        handle = os.open(home.life_lock, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not _locked(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def postmaster_pid(home: DataHome) -> int | None:
    """The pid of the postmaster of this home, checked against the process table; None without one."""
    pid = _written_pid(home.data)
    if pid is None:
        return None
    description = _describe(pid)
    if description is None:
        return None
    uid, command = description
    return pid if uid == home.data.lstat().st_uid and f"-D {home.data} " in f"{command} " else None


def is_there(pid: int) -> bool:
    """Whether there is a process of this number, be it another's: less work than `postmaster_pid`."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return pid > 0


def _written_pid(data: Path) -> int | None:
    try:
        # The file belongs to the database's user: root must not follow a link in it.
        handle = os.open(data / "postmaster.pid", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(handle) as file:
        first = file.readline().strip()
    return abs(int(first)) if first.lstrip("-").isdigit() and int(first) else None


def _describe(pid: int) -> tuple[int, str] | None:
    """The uid and the command line of a process; None when it does not exist. The command line of a zombie is empty."""
    folder = Path("/proc") / str(pid)
    if Path("/proc/self/cmdline").exists():
        try:
            return folder.stat().st_uid, os.fsdecode((folder / "cmdline").read_bytes()).replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            return None
    answer = subprocess.run(["ps", "-ww", "-o", "uid=,command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    uid, _, command = answer.stdout.strip().partition(" ")
    return (int(uid), command) if uid.isdigit() else None


def clear_leftovers(home: DataHome, sockets: Path) -> None:
    """Remove what a killed postmaster left behind and would stop the next one. Call it with the life lock held.

    A pid file is removed only if its pid now belongs to another program; a dead one is PostgreSQL's own business (it also checks the shared
    memory named there).
    """
    pid = postmaster_pid(home)
    if pid is not None:
        raise EmbeddedPostgresError(f"The database in {home.data} was started by another program: stop that one first (pid {pid}).")
    pid = _written_pid(home.data)
    if pid is not None and _describe(pid) is not None:
        (home.data / "postmaster.pid").unlink(missing_ok=True)
    for leftover in sockets.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)


def launch(argv: Sequence[str], user: OsUser, *, life: int, log: int) -> None:
    """Start a program in the background: in its own session (no Ctrl-C, no hang-up), not our child (no zombie), outliving us.

    The shell puts it in the background and ends; the arguments are its positional parameters, so nothing is quoted or expanded.
    """
    user.run(["/bin/sh", "-c", '"$@" &', "sh", *argv], timeout_seconds=30, output=log, pass_fds=[life], new_session=True)


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def stopped_children(pid: int) -> list[int]:
    """The children of a process that a signal has stopped (not those under a debugger). Linux only; elsewhere none are seen."""
    stopped: list[int] = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return stopped
    for child in children:
        with suppress(OSError):
            if _stat(child).rpartition(b")")[2].split(None, 1)[:1] == [b"T"]:
                stopped.append(int(child))
    return stopped


def _stat(pid: str) -> bytes:
    """What the system says of a process. Without the buffers of an open file: it is looked at again and again, for each of them."""
    handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 4096)
    finally:
        os.close(handle)


def end_orphans(home: DataHome, number: signal.Signals) -> None:
    """Signal the backends that outlived their postmaster: one that is computing does not notice its death.

    Linux only; elsewhere they are left to end by themselves.
    """
    uid = home.data.lstat().st_uid
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder.stat().st_uid == uid and Path(os.readlink(folder / "cwd")) == home.data:
                send_signal(int(folder.name), number)
