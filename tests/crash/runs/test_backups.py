"""A backup of a busy server goes on elsewhere where it was: no record is lost or run twice, and plays see later changes only."""

from __future__ import annotations

import json
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cargo_ai.store.embedded import postgres
from tests.crash.conftest import MakeServer, delay_graph, end
from tests.crash.runs.test_plays import ended, model, play, write
from tests.kit.graphs import node
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

pytestmark = pytest.mark.slow

PASSPHRASE = "correct horse battery staple"
RECORDS = 1_000
SLOW = [node("start", children=("code",)), node("code", "script", ("end",), config={"script": "return 1"}), end()]
PARKED = 50
LATER = delay_graph(0.75)


def spend_transactions(server: RealServer, count: int) -> None:
    """Let the server's transaction ids be far beyond those of a new database."""
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        for _ in range(count):
            connection.execute("select pg_current_xact_id()")


def backed_up(server: RealServer, target: Path) -> dict[str, Any]:
    """Back the server up."""
    done = server.command("backup", str(target), BACKUP_PASSPHRASE=PASSPHRASE)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def restored(server: RealServer, source: Path, data_dir: Path) -> None:
    """Restore into that folder."""
    done = server.command("restore", str(source), BACKUP_PASSPHRASE=PASSPHRASE, DATA_DIR=str(data_dir))
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def postgres_of(data_dir: Path) -> Generator[psycopg.Connection[tuple[Any, ...]]]:
    """The database of a data folder whose server is not running."""
    with psycopg.connect(postgres.start(data_dir).owner_url, autocommit=True) as connection:
        yield connection
    postgres.stop(data_dir)


def test_a_restored_server_finishes_the_batch_and_its_plays_react_to_later_changes_only(make_server: MakeServer, tmp_path: Path) -> None:
    former = make_server(workers=1)
    former.wait_for_workers()
    spend_transactions(former, 3_000)
    deals = model(former)
    won = play(former, deals, {"type": "realtime"})
    write(former, deals, "a", "b", "c")
    wait_until(lambda: ended(former, won["workflowUuid"]) == ["a", "b", "c"], 30, "the runs before")
    parked = former.batch(former.tool(LATER), csv_of(PARKED))
    batch = former.batch(former.tool(SLOW), csv_of(RECORDS))
    former.busy_worker()
    written = backed_up(former, tmp_path / "one.backup")
    assert written["files"] >= 1
    assert stat.S_IMODE((tmp_path / "one.backup").stat().st_mode) == 0o600
    former.stop()

    data_dir = tmp_path / "elsewhere"
    restored(former, tmp_path / "one.backup", data_dir)
    assert sorted(path.name for path in data_dir.iterdir()) == ["database.id", "files", "secret.key"]
    with postgres_of(data_dir) as connection:
        ended_before = connection.execute("select count(*) from runs where batch_uuid = %s and finished_ms is not null", [parked])
        assert ended_before.fetchone() == (0,), "the backup was to be made in the middle of the batch"
    later = make_server(workers=1, data_dir=data_dir, STALLED_AFTER_SECONDS="2")
    later.client = later.client_of(former.token)
    for uuid, records in ((batch, RECORDS), (parked, PARKED)):
        assert later.finished(uuid)["executedRunsCount"] == records
        assert sorted(row["recordId"] for row in later.results(uuid)) == sorted(f"r{at}" for at in range(records))

    workflow = won["workflowUuid"]
    write(later, deals, "d")
    wait_until(lambda: ended(later, workflow) == ["a", "b", "c", "d"], 30, "the run after")
    later.call("storage.record.update", modelUuid=deals, id="a", data={"stage": "lost"})
    later.call("storage.record.update", modelUuid=deals, id="a", data={"stage": "won"})
    write(later, deals, "e")
    wait_until(lambda: "e" in ended(later, workflow), 30, "the run of the last record")
    wait_until(lambda: later.value("select count(*) from segment_work") == 0, 30, "work that settles to be looked at again")
    runs = [row["record_id"] for row in later.rows("select record_id from runs where workflow_uuid = %s order by 1", workflow)]
    assert runs in (["a", "b", "c", "d", "e"], ["a", "a", "b", "c", "d", "e"])


def test_a_backup_that_is_not_whole_or_a_folder_that_is_not_empty_is_refused_before_anything_is_written(
    make_server: MakeServer, tmp_path: Path
) -> None:
    server = make_server(workers=1)
    server.stop()
    target, cut, changed = (tmp_path / name for name in ("whole.backup", "cut.backup", "changed.backup"))
    backed_up(server, target)
    whole = target.read_bytes()
    cut.write_bytes(whole[:-10])
    changed.write_bytes(whole[:5_000] + bytes([whole[5_000] ^ 1]) + whole[5_001:])
    folder = tmp_path / "folder"
    for source, passphrase, said in [
        (cut, PASSPHRASE, "was cut off"),
        (changed, PASSPHRASE, "was changed"),
        (target, "another passphrase", "passphrase is not the one"),
        (tmp_path / "none", PASSPHRASE, "cannot be read"),
    ]:
        done = server.command("restore", str(source), BACKUP_PASSPHRASE=passphrase, DATA_DIR=str(folder))
        assert (done.returncode, json.loads(done.stdout)["reason"]) == (1, "restoreFailed")
        assert said in json.loads(done.stdout)["errorMessage"]
        assert not folder.exists()
    again = server.command("backup", str(target), BACKUP_PASSPHRASE=PASSPHRASE)
    assert "exists already" in json.loads(again.stdout)["errorMessage"]
    full = server.command("restore", str(target), BACKUP_PASSPHRASE=PASSPHRASE)
    assert "is not empty" in json.loads(full.stdout)["errorMessage"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".backup") == ["changed.backup", "cut.backup", "whole.backup"]
    folder.mkdir()
    (folder / "restore.unfinished").touch()
    half = server.command("start", "--port", "0", DATA_DIR=str(folder))
    assert "did not finish" in json.loads(half.stdout)["errorMessage"]
