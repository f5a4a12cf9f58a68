"""Limit the memory of one query's database process, where the database runs on the same Linux machine."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import threading
from pathlib import Path

MAX_BYTES = 512 * 1024 * 1024
"""What a query may take beyond what its process has when it begins."""
_SET_IDS = {"x86_64": (119, 117), "aarch64": (149, 147)}
"""The numbers of the system calls setresgid and setresuid."""


def limit_memory(pid: int, role: str) -> bool:
    """Limit the address space of the database's process of that pid; whether it could be done.

    Beyond it the process is refused memory, which ends its query with an error of its own and nothing else. The pid must be that of a
    process that says it serves the role: with a database on another machine the number may be anybody's here.
    """
    if sys.platform != "linux":
        return False
    import resource

    folder = Path(f"/proc/{pid}")
    try:
        if role.encode() not in folder.joinpath("cmdline").read_bytes():
            return False
        most = int(folder.joinpath("statm").read_text().split()[0]) * resource.getpagesize() + MAX_BYTES
        owner = folder.stat()
        if owner.st_uid == os.geteuid():
            return _limit(pid, most)
        return os.geteuid() == 0 and _limit_as(owner.st_uid, owner.st_gid, pid, most)
    except (OSError, ValueError, IndexError):
        return False


def _limit(pid: int, most: int) -> bool:
    import resource

    try:
        resource.prlimit(pid, resource.RLIMIT_AS, (most, most))
    except OSError:
        return False
    return True


def _limit_as(uid: int, gid: int, pid: int, most: int) -> bool:
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
            done.append(_limit(pid, most))

    thread = threading.Thread(target=become_and_limit, name="memory-limit")
    thread.start()
    thread.join()
    return done == [True]
