"""The embedded PostgreSQL: a private server for one data folder, started, found again and stopped.

It listens only on a socket in a 0700 folder, requires a password, and gives the application a login without superuser rights. It
outlives the process that started it: the next start reuses it. The reasons are in docs/decisions/0002-embedded-postgres.md.
"""

from __future__ import annotations

import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path

import psycopg

from cargo_ai.kernel import clock
from cargo_ai.store import private_files
from cargo_ai.store.embedded import data_home, new_data, process, roles, server_settings
from cargo_ai.store.embedded.binaries import Binaries, binaries_for
from cargo_ai.store.embedded.data_home import DataHome
from cargo_ai.store.embedded.identity import ID_FILE
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError, OsUser, database_user

__all__ = ["Cluster", "EmbeddedPostgresError", "create_database", "drop_database", "erase", "start", "status", "stop"]

INITDB_SECONDS = 300
ORPHAN_SECONDS = 1.0
IMMEDIATE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server. The URLs hold passwords: do not print them."""

    owner_url: str
    """libpq URL of the role `cargo_owner` (no superuser, may create roles), owner of the database `cargo_ai`."""
    admin_url: str
    """libpq URL of the superuser in the database `postgres`: for bootstrap and tests only."""
    pid: int
    """The postmaster's process id."""


class _Ended(Exception):
    """The server ended while its start was waited for."""


def start(data_dir: Path, *, fsync: bool = True, timeout_seconds: float = 30, programs: Path | None = None) -> Cluster:
    """The running server of a data folder: the existing one, or a new one, with a new database when the folder has none.

    `programs` is PostgreSQL's bin folder, by default the one of the settings. `fsync=False` (tests) gives up durability. Both are ignored
    when the server runs already. `timeout_seconds` bounds the wait for the first
    answer, not initdb. EmbeddedPostgresError when there are no binaries, the data are of another major version, a folder is not ours, or no
    answer came; a server that is still recovering keeps running, and another start waits for it again.
    """
    data_home.assign_id(data_dir)
    home = data_home.data_home_of(data_dir)
    user = database_user()
    data_home.prepare_home(home)
    # Another process may be in initdb, which its own timeout does not bound.
    with process.start_stop_lock(home, INITDB_SECONDS + timeout_seconds):
        for _attempt in range(3):
            launched = _ensure_launched(home, user, programs, fsync=fsync, timeout_seconds=timeout_seconds)
            try:
                return _ready(home, timeout_seconds, launched=launched)
            except _Ended:
                # One that was already going down when we came is replaced; one that we launched has written why to its log.
                if launched:
                    break
        raise EmbeddedPostgresError(f"PostgreSQL ended while it was starting. {data_home.log_tail(home)}")


def stop(data_dir: Path, *, timeout_seconds: float = 30) -> bool:
    """Stop the server of a data folder; True if it was running.

    Sessions are ended and everything is written (SIGINT). After `timeout_seconds` it is cut off (SIGQUIT, then SIGKILL) and the next start
    recovers. EmbeddedPostgresError when even that does not end it.
    """
    home = data_home.data_home_of(data_dir)
    if not home.folder.is_dir():
        return False
    with process.start_stop_lock(home, INITDB_SECONDS + timeout_seconds):
        if not process.is_alive(home):
            return False
        for number, seconds in ((signal.SIGINT, timeout_seconds), (signal.SIGQUIT, IMMEDIATE_SECONDS), (signal.SIGKILL, IMMEDIATE_SECONDS)):
            pid = process.postmaster_pid(home)
            if pid is not None:
                process.send_signal(pid, number)
            if pid is None or number == signal.SIGKILL:
                process.end_orphans(home, number)
            if process.wait_until(lambda: not process.is_alive(home), seconds):
                return True
    raise EmbeddedPostgresError(f"The database of {home.data_dir} did not stop. {data_home.log_tail(home)}")


def status(data_dir: Path) -> Cluster | None:
    """The server of a data folder if it runs and answers (one that is still recovering does not); changes nothing."""
    home = data_home.data_home_of(data_dir)
    if not process.is_alive(home):
        return None
    pid, cluster = process.postmaster_pid(home), _cluster(home)
    if pid is None or cluster is None:
        return None
    try:
        with roles.connect(cluster.owner_url) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return None
    return cluster


def erase(data_dir: Path) -> None:
    """Stop the server of a data folder and delete everything it has written. It cannot be undone."""
    stop(data_dir)
    data_home.erase(data_home.data_home_of(data_dir))
    (data_dir / ID_FILE).unlink(missing_ok=True)


def create_database(cluster: Cluster, name: str, template: str | None = None) -> str:
    """Create a database of the owner and return its URL: a copy of `template` (without connections), or empty with our extensions."""
    roles.create(cluster.admin_url, name, template)
    return roles.with_database(cluster.owner_url, name)


def drop_database(cluster: Cluster, name: str) -> None:
    """Drop a database and end its connections; no error when it does not exist."""
    roles.drop(cluster.admin_url, name)


def _ensure_launched(home: DataHome, user: OsUser, programs: Path | None, *, fsync: bool, timeout_seconds: float) -> bool:
    """Launch a postmaster when none runs; whether it did. Backends without a postmaster are waited for, then ended."""
    began = clock.seconds()
    signals = [(ORPHAN_SECONDS, signal.SIGQUIT), (ORPHAN_SECONDS * 5, signal.SIGKILL)]

    def settled() -> bool:
        nonlocal life
        life = process.acquire_life_lock(home)
        if life is not None or process.postmaster_pid(home) is not None:
            return True
        if signals and clock.seconds() - began > signals[0][0]:
            process.end_orphans(home, signals.pop(0)[1])
        return False

    life: int | None = None
    if not process.wait_until(settled, timeout_seconds):
        raise EmbeddedPostgresError(f"Processes of an earlier PostgreSQL in {home.data} are still running: end them and start again.")
    if life is None:
        return False
    try:
        binaries = binaries_for(user, programs)
        if home.data.exists():
            _check_version(home, binaries)
        else:
            new_data.make(home, user, binaries, fsync=fsync, timeout_seconds=INITDB_SECONDS)
        _launch(home, user, binaries, life, fsync=fsync)
    finally:
        os.close(life)
    return True


def _check_version(home: DataHome, binaries: Binaries) -> None:
    try:
        made_by = (home.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"{home.data} is not a data folder of PostgreSQL: move it away and start again.") from None
    if made_by != str(binaries.major):
        raise EmbeddedPostgresError(
            f"The database in {home.data} was made by PostgreSQL {made_by}; the programs in {binaries.folder} are {binaries.major}: "
            f"install version {made_by} and name its bin folder in CARGO_AI_POSTGRES_BIN, or move the data with pg_dump or pg_upgrade."
        )


def _launch(home: DataHome, user: OsUser, binaries: Binaries, life: int, *, fsync: bool) -> None:
    for folder in (home.data, home.folder / "socket"):
        if folder.exists():
            data_home.change_owner(folder, user)
    sockets = data_home.make_socket_folder(home, user)
    process.clear_leftovers(home, sockets)
    settings = {
        "listen_addresses": "",
        "port": str(data_home.PORT),
        "unix_socket_directories": f'"{sockets}"',
        "unix_socket_permissions": "0700",
        **server_settings.missing(home.data, binaries.major),
        **({} if fsync else server_settings.NEVER_DURABLE),
    }
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    log = data_home.open_log(home)
    try:
        process.launch([binaries.path("postgres"), "-D", str(home.data), *arguments], user, life=life, log=log)
    finally:
        os.close(log)


def _ready(home: DataHome, timeout_seconds: float, *, launched: bool) -> Cluster:
    """Wait until the server answers queries, finish its bootstrap if necessary, and return where it is."""
    last, seen = "", not launched

    def answers() -> bool:
        nonlocal last, seen
        # A postmaster that was there and is gone has ended, even if a backend of it still lives; a new one needs a moment to show.
        there = process.postmaster_pid(home) is not None
        if (seen and not there) or not process.is_alive(home):
            raise _Ended
        seen = seen or there
        try:
            with roles.connect(_admin_url(home)) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            last = str(error).strip()
            if "password authentication failed" in last:
                raise EmbeddedPostgresError(f"The password in {home.admin_password} is not the one of the database beside it.") from None
            return False
        return True

    if not process.wait_until(answers, timeout_seconds):
        raise EmbeddedPostgresError(f"PostgreSQL did not answer within {timeout_seconds:g} s and is still starting ({home.log}): {last}")
    if not home.owner_password.exists():
        password = secrets.token_hex(32)
        roles.bootstrap(_admin_url(home), password)
        private_files.write(home.owner_password, password)
    else:
        # A newer version may revoke more.
        roles.harden_database(_admin_url(home))
    cluster = _cluster(home)
    if cluster is None:
        raise _Ended
    return cluster


def _admin_url(home: DataHome) -> str:
    sockets = data_home.socket_folder(home)
    if sockets is None:
        raise EmbeddedPostgresError(
            f"The folder of the database's socket is gone from {home.folder}: stop the database and start it again."
        )
    try:
        return roles.url(roles.ADMIN, home.admin_password.read_text(), "postgres", str(sockets))
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"{home.admin_password} is missing: without it no one can log in to the database beside it.") from None


def _cluster(home: DataHome) -> Cluster | None:
    """A running server; None when its postmaster or one of its files does not exist (yet)."""
    sockets, pid = data_home.socket_folder(home), process.postmaster_pid(home)
    if sockets is None or pid is None or not home.owner_password.exists():
        return None
    owner = roles.url(roles.OWNER, home.owner_password.read_text(), roles.DATABASE, str(sockets))
    return Cluster(owner, _admin_url(home), pid)
