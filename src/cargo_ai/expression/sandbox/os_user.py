"""The operating system's user that sandboxes run as: ours, or a system user for them when we are root."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
import subprocess

from cargo_ai.expression.sandbox.jail import IS_LINUX, may_change_user

SYSTEM_USER = "cargo-ai-sandbox"
_SYSTEM_PATHS = "/usr/sbin:/sbin:/usr/bin:/bin"


def sandbox_user() -> tuple[int, int] | None:
    """The uid and gid to become; None where this process keeps its own: it is not root, or root that may not become another.

    The system user is made when it is missing. Where it cannot be (no `useradd`, a read-only system), a number of the system range that
    no user has does as well: nothing in a sandbox needs a name.
    """
    if os.geteuid() != 0 or (IS_LINUX and not may_change_user()):
        return None
    return _look_up() or _create() or _free_number()


def _look_up() -> tuple[int, int] | None:
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None
    return (entry.pw_uid, entry.pw_gid) if entry.pw_uid and entry.pw_gid else None


def _create() -> tuple[int, int] | None:
    tool = shutil.which("useradd", path=_SYSTEM_PATHS)
    if tool is None:
        return None
    argv = [tool, "--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent", "--shell=/usr/sbin/nologin", SYSTEM_USER]
    # A failure is not final: another process may have made the user at this moment.
    subprocess.run(argv, env={"PATH": _SYSTEM_PATHS}, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    return _look_up()


def _free_number() -> tuple[int, int]:
    first = int.from_bytes(hashlib.sha256(SYSTEM_USER.encode()).digest()[:4], "big") % 800
    taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
    number = next((number for step in range(800) if (number := 200 + (first + step) % 800) not in taken), 65534)
    return number, number
