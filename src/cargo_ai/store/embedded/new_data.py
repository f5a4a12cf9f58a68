"""Make PostgreSQL's data folder, with the application's database in it: before a server runs on it, that is a copy of files.

A server would read the template into its buffers and write the copy there, 10 MB that an idle server then keeps.
"""

from __future__ import annotations

import secrets
import shutil
import sys

from cargo_ai.store import private_files
from cargo_ai.store.embedded import data_home, roles, server_settings
from cargo_ai.store.embedded.binaries import Binaries
from cargo_ai.store.embedded.data_home import DataHome
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError, OsUser


def make(home: DataHome, user: OsUser, binaries: Binaries, *, fsync: bool, timeout_seconds: float) -> None:
    """Create the data folder beside its final path and move it there when it is complete. `timeout_seconds` bounds each of three steps."""
    draft, password_file = home.folder / "data.draft", home.folder / "initdb.password"
    if draft.exists():
        shutil.rmtree(draft)
    data_home.private_folder(draft, user)
    home.owner_password.unlink(missing_ok=True)
    password = secrets.token_hex(32)
    private_files.write(home.admin_password, password)
    private_files.write(password_file, password, (user.uid, user.gid))
    # From 17 on, PostgreSQL has its own C.UTF-8, so an upgrade of the C library cannot change the order in our indexes.
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
    initdb = [
        *(binaries.path("initdb"), f"--pgdata={draft}", f"--username={roles.ADMIN}", f"--pwfile={password_file}"),
        *("--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", *provider),
        *(f"--set={name}={value}" for name, value in server_settings.settings_of(binaries.major).items()),
        "--no-sync",
    ]
    # What fails in it is only written to the log: the bootstrap makes a database that is missing.
    alone = [binaries.path("postgres"), "--single", "-F", "-D", str(draft), "template1"]
    sync = [binaries.path("initdb"), f"--pgdata={draft}", "--sync-only", *_sync_arguments(binaries)]
    try:
        _run(user, initdb, timeout_seconds)
    finally:
        password_file.unlink()
    _run(user, alone, timeout_seconds, f"CREATE DATABASE {roles.DATABASE} STRATEGY FILE_COPY\n")
    if fsync:
        _run(user, sync, timeout_seconds)
    draft.rename(home.data)
    private_files.sync_folder(home.folder)


def _run(user: OsUser, argv: list[str], timeout_seconds: float, typed: str | None = None) -> None:
    done = user.run(argv, timeout_seconds=timeout_seconds, typed=typed)
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"PostgreSQL could not make its data folder: {(done.stderr or done.stdout).strip()[-1000:]}")


def _sync_arguments(binaries: Binaries) -> list[str]:
    """How a thousand new files become durable: all at once, where the system can, which takes a tenth as long as one after the other."""
    return ["--sync-method=syncfs"] if binaries.major >= 17 and sys.platform == "linux" else []
