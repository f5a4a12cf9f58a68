"""The embedded PostgreSQL: a private server of our own for one data folder, started, found again and stopped.

It listens on a socket in a 0700 folder and nowhere else, asks everybody for a password, and gives the application a login without
superuser rights. It outlives the process that started it: the next start reuses it. The reasons are in
docs/decisions/0002-embedded-postgres.md.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import psycopg

from cargo_ai.kernel import clock
from cargo_ai.store.embedded import data_home, process, roles
from cargo_ai.store.embedded.binaries import Binaries, binaries_for
from cargo_ai.store.embedded.data_home import DataHome
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError, OsUser, database_user

__all__ = ["Cluster", "EmbeddedPostgresError", "create_database", "drop_database", "erase", "start", "status", "stop"]

# initdb writes these into postgresql.conf, where an administrator may change them.
SETTINGS = {
    "shared_buffers": "192MB",
    "work_mem": "16MB",
    "max_wal_size": "1GB",
    "max_connections": "100",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "jit": "off",
    "huge_pages": "try",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_duration_statement": "-1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Given on the command line of every start: only there nothing overrides them.
NEVER_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
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
    """The server ended while it was being waited for."""


def start(data_dir: Path, *, fsync: bool = True, timeout_seconds: float = 30) -> Cluster:
    """The running server of a data folder: the one that is there, or a new one, made from nothing when the folder has none.

    `fsync=False` (tests) gives up durability; it is ignored when the server runs already. `timeout_seconds` bounds the wait for the first
    answer, not initdb. EmbeddedPostgresError when there are no binaries, the data are of another major version, a folder is not ours, or no
    answer came; a server that is still recovering goes on, and another start waits for it again.
    """
    data_home.assign_id(data_dir)
    place = data_home.data_home_of(data_dir)
    account = database_user()
    data_home.prepare_home(place)
    # Another starter may be in initdb, which its own timeout does not bound.
    with process.start_stop_lock(place, INITDB_SECONDS + timeout_seconds):
        for _attempt in range(3):
            launched = _launch_unless_alive(place, account, fsync=fsync, timeout_seconds=timeout_seconds)
            try:
                return _ready(place, timeout_seconds, launched=launched)
            except _Ended:
                # One that was already going down when we came is replaced; one that we launched has told its log why.
                if launched:
                    break
        raise EmbeddedPostgresError(f"PostgreSQL ended while it was starting. {data_home.log_tail(place)}")


def stop(data_dir: Path, *, timeout_seconds: float = 30) -> bool:
    """Stop the server of a data folder; True if it was running.

    Sessions are ended and everything is written (SIGINT). After `timeout_seconds` it is cut off (SIGQUIT, then SIGKILL) and the next start
    recovers. EmbeddedPostgresError when even that does not end it.
    """
    place = data_home.data_home_of(data_dir)
    if not place.home.is_dir():
        return False
    with process.start_stop_lock(place, INITDB_SECONDS + timeout_seconds):
        if not process.is_alive(place):
            return False
        for number, seconds in ((signal.SIGINT, timeout_seconds), (signal.SIGQUIT, IMMEDIATE_SECONDS), (signal.SIGKILL, IMMEDIATE_SECONDS)):
            pid = process.postmaster_pid(place)
            if pid is not None:
                process.send_signal(pid, number)
            if pid is None or number == signal.SIGKILL:
                process.end_orphans(place, number)
            if process.wait_until(lambda: not process.is_alive(place), seconds):
                return True
    raise EmbeddedPostgresError(f"The database of {place.data_dir} did not stop. {data_home.log_tail(place)}")


def status(data_dir: Path) -> Cluster | None:
    """The server of a data folder if it runs and answers (one that is still recovering does not); changes nothing."""
    place = data_home.data_home_of(data_dir)
    if not process.is_alive(place):
        return None
    pid, cluster = process.postmaster_pid(place), _cluster(place)
    if pid is None or cluster is None:
        return None
    try:
        with roles.connect(cluster.owner_url) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return None
    return cluster


def erase(data_dir: Path) -> None:
    """Stop the server of a data folder and delete everything it has written. There is no way back."""
    stop(data_dir)
    data_home.erase(data_home.data_home_of(data_dir))


def create_database(cluster: Cluster, name: str, template: str | None = None) -> str:
    """Make a database of the owner and give its URL: a copy of `template` (nobody may be connected to it), or empty with our extensions."""
    roles.create(cluster.admin_url, name, template)
    return roles.with_database(cluster.owner_url, name)


def drop_database(cluster: Cluster, name: str) -> None:
    """Drop a database, ending its connections; no error when there is none."""
    roles.drop(cluster.admin_url, name)


def _launch_unless_alive(place: DataHome, account: OsUser, *, fsync: bool, timeout_seconds: float) -> bool:
    """Launch a postmaster when none lives; whether it did. Backends without a postmaster are waited for, then ended."""
    began = clock.seconds()
    signals = [(ORPHAN_SECONDS, signal.SIGQUIT), (ORPHAN_SECONDS * 5, signal.SIGKILL)]

    def settled() -> bool:
        nonlocal life
        life = process.acquire_life_lock(place)
        if life is not None or process.postmaster_pid(place) is not None:
            return True
        if signals and clock.seconds() - began > signals[0][0]:
            process.end_orphans(place, signals.pop(0)[1])
        return False

    life: int | None = None
    if not process.wait_until(settled, timeout_seconds):
        raise EmbeddedPostgresError(f"Processes of an earlier PostgreSQL in {place.data} are still running: end them and start again.")
    if life is None:
        return False
    try:
        binaries = binaries_for(account)
        if place.data.exists():
            _check_version(place, binaries)
        else:
            _initialise(place, account, binaries, fsync=fsync)
        _launch(place, account, binaries, life, fsync=fsync)
    finally:
        os.close(life)
    return True


def _check_version(place: DataHome, binaries: Binaries) -> None:
    try:
        made_by = (place.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"{place.data} is not a data folder of PostgreSQL: move it away and start again.") from None
    if made_by != str(binaries.major):
        raise EmbeddedPostgresError(
            f"The database in {place.data} was made by PostgreSQL {made_by}; the programs in {binaries.folder} are {binaries.major}: "
            f"install version {made_by} and name its bin folder in CARGO_AI_POSTGRES_BIN, or move the data with pg_dump or pg_upgrade."
        )


def _initialise(place: DataHome, account: OsUser, binaries: Binaries, *, fsync: bool) -> None:
    """Make the data folder beside its place and move it there when it is complete."""
    draft, password_file = place.home / "data.draft", place.home / "initdb.password"
    if draft.exists():
        shutil.rmtree(draft)
    data_home.private_folder(draft, account)
    place.owner_password.unlink(missing_ok=True)
    password = secrets.token_hex(32)
    data_home.write_private(place.admin_password, password)
    data_home.write_private(password_file, password, account)
    # From 17 on PostgreSQL brings C.UTF-8 itself, so an upgrade of the C library cannot change the order in our indexes.
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
    argv = [
        *(binaries.path("initdb"), f"--pgdata={draft}", f"--username={roles.ADMIN}", f"--pwfile={password_file}"),
        *("--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", *provider),
        *(f"--set={name}={value}" for name, value in SETTINGS.items()),
        *([] if fsync else ["--no-sync"]),
    ]
    try:
        done = account.run(argv, timeout_seconds=INITDB_SECONDS)
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"PostgreSQL could not make its data folder: {(done.stderr or done.stdout).strip()[-1000:]}")
    draft.rename(place.data)
    data_home.sync_folder(place.home)


def _launch(place: DataHome, account: OsUser, binaries: Binaries, life: int, *, fsync: bool) -> None:
    for folder in (place.data, place.home / "socket"):
        if folder.exists():
            data_home.change_owner(folder, account)
    sockets = data_home.make_socket_folder(place, account)
    process.clear_leftovers(place, sockets)
    settings = {
        "listen_addresses": "",
        "port": str(data_home.PORT),
        "unix_socket_directories": f'"{sockets}"',
        "unix_socket_permissions": "0700",
        **({} if fsync else NEVER_DURABLE),
    }
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    log = data_home.open_log(place)
    try:
        process.launch([binaries.path("postgres"), "-D", str(place.data), *arguments], account, life=life, log=log)
    finally:
        os.close(log)


def _ready(place: DataHome, timeout_seconds: float, *, launched: bool) -> Cluster:
    """Wait until the server answers queries, finish the bootstrap if need be, and say where it is."""
    last, seen = "", not launched

    def answers() -> bool:
        nonlocal last, seen
        # A postmaster that was there and is gone has ended, even if a backend of it still lives; a new one needs a moment to show.
        there = process.postmaster_pid(place) is not None
        if (seen and not there) or not process.is_alive(place):
            raise _Ended
        seen = seen or there
        try:
            with roles.connect(_admin_url(place)) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            last = str(error).strip()
            if "password authentication failed" in last:
                raise EmbeddedPostgresError(f"The password in {place.admin_password} is not the one of the database beside it.") from None
            return False
        return True

    if not process.wait_until(answers, timeout_seconds):
        raise EmbeddedPostgresError(f"PostgreSQL did not answer within {timeout_seconds:g} s and goes on starting ({place.log}): {last}")
    if not place.owner_password.exists():
        password = secrets.token_hex(32)
        roles.bootstrap(_admin_url(place), password)
        data_home.write_private(place.owner_password, password)
    else:
        # A newer program may know more that workspaces must not reach.
        roles.harden_database(_admin_url(place))
    cluster = _cluster(place)
    if cluster is None:
        raise _Ended
    return cluster


def _admin_url(place: DataHome) -> str:
    sockets = data_home.socket_folder(place)
    if sockets is None:
        raise EmbeddedPostgresError(f"The folder of the database's socket is gone from {place.home}: stop the database and start it again.")
    try:
        return roles.url(roles.ADMIN, place.admin_password.read_text(), "postgres", str(sockets))
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"{place.admin_password} is missing: without it nobody can log in to the database beside it.") from None


def _cluster(place: DataHome) -> Cluster | None:
    """What is known of a living server; None when its postmaster or one of its files is not there (yet)."""
    sockets, pid = data_home.socket_folder(place), process.postmaster_pid(place)
    if sockets is None or pid is None or not place.owner_password.exists():
        return None
    owner = roles.url(roles.OWNER, place.owner_password.read_text(), roles.DATABASE, str(sockets))
    return Cluster(owner, _admin_url(place), pid)
