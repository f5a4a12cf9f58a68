"""Limit the memory of a statement's database process, where the database runs on the same Linux machine."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

MAX_BYTES = 512 * 1024 * 1024
"""What a statement may take beyond what its process has when it begins."""
_SET_IDS = {"x86_64": (119, 117), "aarch64": (149, 147)}
"""The numbers of the system calls setresgid and setresuid."""


def limit_memory(pid: int, role: str) -> bool:
    """Limit the address space of the database's process of that pid for good; whether it could be done.

    Beyond it the process is refused memory, which ends its statement with an error of its own and nothing else. The pid must be that of a
    process that says it serves the role: with a database on another machine the number may be anybody's here.
    """
    most = _most_bytes(pid, role)
    return most is not None and _set(pid, most, for_good=True)


@contextmanager
def limited(pid: int, role: str) -> Generator[None]:
    """The same while this lasts, for a process that goes on to serve others."""
    most = _most_bytes(pid, role)
    applied = most is not None and _set(pid, most, for_good=False)
    try:
        yield
    finally:
        if applied:
            _set(pid, None, for_good=False)


def _most_bytes(pid: int, role: str) -> int | None:
    """The limit for a process; None where it is not the database's process for this role on this machine."""
    if sys.platform != "linux":
        return None
    import resource

    folder = Path(f"/proc/{pid}")
    try:
        if role.encode() not in folder.joinpath("cmdline").read_bytes():
            return None
        return int(folder.joinpath("statm").read_text().split()[0]) * resource.getpagesize() + MAX_BYTES
    except (OSError, ValueError, IndexError):
        return None


def _set(pid: int, most: int | None, *, for_good: bool) -> bool:
    """Set the limit as the process's owner; None lifts it to the highest that the process may have."""
    try:
        owner = Path(f"/proc/{pid}").stat()
    except OSError:
        return False
    if owner.st_uid == os.geteuid():
        return _limit(pid, most, for_good)
    return os.geteuid() == 0 and _limit_as(owner.st_uid, owner.st_gid, pid, most, for_good)


def _limit(pid: int, most: int | None, for_good: bool) -> bool:
    import resource

    try:
        _, highest = resource.prlimit(pid, resource.RLIMIT_AS)
        soft = highest if most is None or (highest != resource.RLIM_INFINITY and most > highest) else most
        resource.prlimit(pid, resource.RLIMIT_AS, (soft, soft if for_good else highest))
    except OSError:
        return False
    return True


def _limit_as(uid: int, gid: int, pid: int, most: int | None, for_good: bool) -> bool:
    """The same by the process's own user: root of a container often may not. Only a thread that then ends becomes that user."""
    numbers = _SET_IDS.get(platform.machine())
    if numbers is None:
        return False
    done: list[bool] = []

    def become_and_limit() -> None:
        # The C library's own functions would change every thread; the system calls change the calling one.
        call = ctypes.CDLL(None, use_errno=True).syscall
        become_group, become_user = numbers
        if call(become_group, gid, gid, gid) == 0 and call(become_user, uid, uid, uid) == 0:
            done.append(_limit(pid, most, for_good))

    thread = threading.Thread(target=become_and_limit, name="memory-limit")
    thread.start()
    thread.join()
    return done == [True]
