"""The embedded PostgreSQL is started, shared, stopped and recovered."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from cargo_ai.store.embedded import data_home, postgres
from cargo_ai.store.embedded.postgres import Cluster, EmbeddedPostgresError
from tests.unit.store.embedded.calls import START, execute, python, value


def test_a_second_start_reuses_the_running_server(stopped: Path) -> None:
    first = postgres.start(stopped, fsync=False)
    assert value(first.owner_url, "SELECT current_database()") == "cargo_ai"
    assert postgres.start(stopped, fsync=False) == first
    assert postgres.status(stopped) == first


def test_stop_stops_and_says_whether_it_was_running(stopped: Path) -> None:
    cluster = postgres.start(stopped, fsync=False)
    with closing(psycopg.connect(cluster.owner_url)) as connection:
        connection.execute("SELECT 1")
        assert postgres.stop(stopped) is True
    with pytest.raises(psycopg.OperationalError):
        execute(cluster.owner_url)
    assert postgres.stop(stopped) is False
    assert postgres.status(stopped) is None


def test_a_folder_that_was_never_used_has_no_server_and_is_left_alone(tmp_path: Path) -> None:
    assert postgres.status(tmp_path / "none") is None
    assert postgres.stop(tmp_path / "none") is False
    assert not (tmp_path / "none").exists()


def test_what_was_written_is_there_after_a_stop_and_a_start(stopped: Path) -> None:
    execute(postgres.start(stopped).owner_url, "CREATE TABLE kept AS SELECT 42 AS n")
    postgres.stop(stopped)
    assert value(postgres.start(stopped).owner_url, "SELECT n FROM kept") == 42


@pytest.mark.slow
def test_starts_at_the_same_moment_agree_on_one_server(folder: Path) -> None:
    code = START + "print(json.dumps([c.pid, c.owner_url]))"
    found: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: found.append(python(code, str(folder)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.stderr for answer in found] == ["", "", ""]
    assert len({answer.stdout for answer in found}) == 1
    assert value(json.loads(found[0].stdout)[1], "SELECT 1") == 1


@pytest.mark.slow
def test_nothing_is_printed(folder: Path) -> None:
    quiet = python(START + "embedded.status(Path(sys.argv[1])); embedded.stop(Path(sys.argv[1]))", str(folder))
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_bootstrap_that_was_cut_off_is_finished_by_the_next_start(stopped: Path) -> None:
    former = postgres.start(stopped, fsync=False)
    data_home.data_home_of(stopped).owner_password.unlink()
    assert postgres.status(stopped) is None
    again = postgres.start(stopped, fsync=False)
    assert again.pid == former.pid
    assert value(again.owner_url, "SELECT 1") == 1


def test_a_server_that_cannot_start_says_why(stopped: Path) -> None:
    settings = data_home.data_home_of(stopped).data / "postgresql.conf"
    former = settings.read_text()
    settings.write_text(f"{former}work_mem = 'plenty'\n")
    try:
        with pytest.raises(EmbeddedPostgresError, match=r'(?s)ended while it was starting.*invalid value for parameter "work_mem"'):
            postgres.start(stopped)
    finally:
        settings.write_text(former)


def test_the_settings_are_the_decided_ones(stopped: Path) -> None:
    url = postgres.start(stopped).owner_url
    expected = {"shared_buffers": "192MB", "work_mem": "16MB", "max_wal_size": "1GB", "max_connections": "100", "jit": "off"}
    expected |= {"data_checksums": "on", "server_encoding": "UTF8", "fsync": "on", "full_page_writes": "on", "TimeZone": "UTC"}
    expected |= {"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}
    assert {name: value(url, f"SHOW {name}") for name in expected} == expected
    assert value(url, "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'cargo_ai'") == "b C.UTF-8"


def test_a_database_that_was_made_without_settings_of_today_has_them_and_keeps_what_is_written(stopped: Path) -> None:
    settings = data_home.data_home_of(stopped).data / "postgresql.conf"
    former = settings.read_text()
    earlier = former.replace("\nautovacuum_naptime", "\n#autovacuum_naptime").replace("\nwal_buffers", "\n#wal_buffers")
    settings.write_text(earlier.replace("\nmax_wal_senders = 0", "\nmax_wal_senders = 3"))
    try:
        url = postgres.start(stopped, fsync=False).owner_url
        names = ("autovacuum_naptime", "wal_buffers", "max_wal_senders")
        assert [value(url, f"SHOW {name}") for name in names] == ["2min", "1MB", "3"]
        postgres.stop(stopped)
    finally:
        settings.write_text(former)


def test_a_database_is_a_copy_of_its_template_and_is_dropped_under_open_connections(shared: Cluster) -> None:
    template = postgres.create_database(shared, "template-1")
    execute(template, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 'a' % 'b'")
    copy = postgres.create_database(shared, "copy-1", template="template-1")
    with closing(psycopg.connect(copy)) as connection:
        row = connection.execute("SELECT n FROM kept").fetchone()
        assert row == (7,)
        postgres.drop_database(shared, "copy-1")
    postgres.drop_database(shared, "copy-1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        execute(copy)
