"""The operating system's user for the embedded PostgreSQL: ourselves, or a system user when we are root."""

from __future__ import annotations

import fcntl
import grp
import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SYSTEM_USER = "cargo-ai-pg"
SYSTEM_PATHS = "/usr/sbin:/sbin:/usr/bin:/bin"
# Nothing of our own environment (API keys, PG* variables) reaches the database's processes.
ENVIRONMENT = {"PATH": SYSTEM_PATHS, "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded database cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class OsUser:
    """A user and its group, by their numbers."""

    uid: int
    gid: int

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        output: int = subprocess.PIPE,
        pass_fds: Sequence[int] = (),
        new_session: bool = False,
        typed: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user with a bare environment and no supplementary groups; the exit code is not checked. `typed`: what it
        reads; by default nothing."""
        change = os.geteuid() == 0
        return subprocess.run(
            list(argv),
            user=self.uid if change else None,
            group=self.gid if change else None,
            extra_groups=[] if change else None,
            umask=0o077,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL if typed is None else None,
            input=typed,
            stdout=output,
            stderr=output,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            pass_fds=pass_fds,
            start_new_session=new_session,
            check=False,
        )


def database_user() -> OsUser:
    """The user for the database. As root, the system user `cargo-ai-pg` is created when it is missing (PostgreSQL refuses root)."""
    if os.geteuid() != 0:
        return OsUser(os.geteuid(), os.getegid())
    user = _look_up()
    if user is None and shutil.which("useradd", path=SYSTEM_PATHS):
        _useradd()
        user = _look_up()
    if user is None:
        append_user(Path("/etc"))
        user = _look_up()
    if user is None or user.uid == 0:
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses root, and the system user {SYSTEM_USER} could not be made: make it, or start the server as another user."
        )
    return user


def _look_up() -> OsUser | None:
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None
    return OsUser(entry.pw_uid, entry.pw_gid)


def _useradd() -> None:
    argv = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent", "--shell=/usr/sbin/nologin", SYSTEM_USER]
    # A failure is not final: another start may have made the user at this moment, and append_user comes next.
    subprocess.run(argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def append_user(etc: Path) -> None:
    """Write the user into `etc` by hand, under the lock that useradd takes: for images that have no useradd.

    An entry is needed, a bare uid is not enough: initdb refuses to run under a uid without a name.
    """
    try:
        with (etc / ".pwd.lock").open("a") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            if any(line.startswith(f"{SYSTEM_USER}:") for line in (etc / "passwd").read_text().splitlines()):
                return
            number = free_uid()
            _append(etc / "group", f"{SYSTEM_USER}:x:{number}:")
            _append(etc / "passwd", f"{SYSTEM_USER}:*:{number}:{number}:cargo-ai database:/nonexistent:/usr/sbin/nologin")
    except OSError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses root, and the system user {SYSTEM_USER} could not be added ({error}): "
            "make it, or start the server as another user."
        ) from None


def free_uid() -> int:
    """A uid of the system range (200 to 999) that neither a user nor a group has; the same one on every machine where it is free."""
    first = int.from_bytes(hashlib.sha256(SYSTEM_USER.encode()).digest()[:4], "big") % 800
    users, groups = {entry.pw_uid for entry in pwd.getpwall()}, {entry.gr_gid for entry in grp.getgrall()}
    for step in range(800):
        number = 200 + (first + step) % 800
        if number not in users and number not in groups:
            return number
    raise EmbeddedPostgresError(f"No uid from 200 to 999 is free for the system user {SYSTEM_USER}: make that user yourself.")


def _append(path: Path, line: str) -> None:
    before = path.read_bytes() if path.exists() else b""
    start = "" if not before or before.endswith(b"\n") else "\n"
    with path.open("a") as file:
        file.write(f"{start}{line}\n")
