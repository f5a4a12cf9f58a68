"""The embedded PostgreSQL's processes are found, ended and replaced, whatever happened to them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from cargo_ai.store.embedded import data_home, os_user, postgres, process
from cargo_ai.store.embedded.postgres import Cluster
from tests.unit.store.embedded.calls import START, execute, python, value


def test_a_killed_postmaster_is_replaced_and_what_was_committed_is_recovered(stopped: Path) -> None:
    cluster = postgres.start(stopped)
    execute(cluster.owner_url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    os.kill(cluster.pid, signal.SIGKILL)
    again = postgres.start(stopped)
    assert again.pid != cluster.pid
    assert value(again.owner_url, "SELECT count(*) FROM kept") == 1000


@pytest.mark.slow
def test_a_backend_that_goes_on_computing_after_its_postmaster_died_is_ended(stopped: Path) -> None:
    cluster = postgres.start(stopped)

    def compute() -> None:
        with suppress(psycopg.OperationalError), psycopg.connect(cluster.owner_url) as connection:
            connection.execute("SET max_parallel_workers_per_gather = 0")
            connection.execute("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b")

    thread = threading.Thread(target=compute)
    thread.start()
    seen = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%1000000) b' AND pid <> pg_backend_pid()"
    assert process.wait_until(lambda: value(cluster.admin_url, seen) == 1, 60)
    os.kill(cluster.pid, signal.SIGKILL)
    assert value(postgres.start(stopped).owner_url, "SELECT 1") == 1
    thread.join(60)
    assert not thread.is_alive()


def test_a_postmaster_that_does_not_react_is_stopped_all_the_same(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = postgres.start(stopped, fsync=False)
    os.kill(cluster.pid, signal.SIGSTOP)
    monkeypatch.setattr(postgres, "IMMEDIATE_SECONDS", 0.5)
    assert postgres.stop(stopped, timeout_seconds=0.2) is True
    assert value(postgres.start(stopped, fsync=False).owner_url, "SELECT 1") == 1


def test_a_pid_file_whose_pid_belongs_to_another_program_by_now_does_not_matter(stopped: Path) -> None:
    postgres.start(stopped, fsync=False)
    postgres.stop(stopped)
    account, backend = os_user.database_user(), data_home.data_home_of(stopped)
    # Of the same user: PostgreSQL itself would refuse to start because of this one.
    other = subprocess.Popen(["sleep", "60"], user=account.uid if os.geteuid() == 0 else None, cwd="/")
    try:
        sockets = data_home.socket_folder(backend)
        assert sockets is not None
        for path in (backend.data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            path.write_text(f"{other.pid}\n{backend.data}\n1700000000\n5432\n{sockets}\n\n")
            os.chown(path, account.uid, account.gid)
        assert postgres.status(stopped) is None
        assert postgres.stop(stopped) is False
        assert value(postgres.start(stopped, fsync=False).owner_url, "SELECT 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_server_outlives_a_killed_starter_and_the_next_start_finds_it(stopped: Path) -> None:
    code = START + "print(c.pid, flush=True); import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    starter = python(code, str(stopped))
    assert starter.returncode == -signal.SIGKILL
    assert postgres.start(stopped, fsync=False).pid == int(starter.stdout)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(shared: Cluster) -> None:
    assert os.getsid(shared.pid) != os.getsid(0)
    assert os.getpgid(shared.pid) != os.getpgid(0)
