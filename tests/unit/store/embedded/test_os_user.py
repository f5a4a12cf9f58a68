"""The operating system's users: PostgreSQL never runs as root, and other users reach neither the database nor its files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cargo_ai.store.embedded import data_home, os_user, postgres
from cargo_ai.store.embedded.postgres import Cluster, EmbeddedPostgresError
from tests.unit.store.embedded.calls import START, as_root, python


@as_root
def test_another_local_user_cannot_reach_the_database_even_with_the_password(shared: Cluster) -> None:
    code = (
        "import sys, psycopg\ntry: psycopg.connect(sys.argv[1])\nexcept psycopg.OperationalError as error: print(error)\nelse: print('in')"
    )
    assert "Permission denied" in python(code, shared.admin_url, unprivileged=True).stdout


@as_root
def test_another_local_user_can_read_neither_the_passwords_nor_the_data(stopped: Path) -> None:
    postgres.start(stopped, fsync=False)
    backend = data_home.data_home_of(stopped)
    for path in (backend.admin_password, backend.owner_password, backend.log, backend.data / "PG_VERSION", backend.life_lock):
        assert "PermissionError" in python("import sys; open(sys.argv[1])", str(path), unprivileged=True).stderr
    assert "PermissionError" in python("import os, sys; os.listdir(sys.argv[1])", str(backend.folder), unprivileged=True).stderr


@as_root
def test_as_root_the_server_runs_as_its_own_user_and_the_data_folder_gets_only_its_id(folder: Path) -> None:
    folder.parent.chmod(0o700)
    folder.chmod(0o750)
    cluster = postgres.start(folder, fsync=False)
    assert Path(f"/proc/{cluster.pid}").stat().st_uid == os_user.database_user().uid != 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert [path.name for path in folder.iterdir()] == ["database.id"]


@pytest.mark.slow
@as_root
def test_without_root_everything_is_in_the_data_folder_whose_mode_stays(unprivileged_folder: Path) -> None:
    code = START + "assert embedded.start(Path(sys.argv[1])) == c; print(c.owner_url); assert embedded.stop(Path(sys.argv[1]))"
    answer = python(code, str(unprivileged_folder), unprivileged=True)
    assert answer.stderr == ""
    assert f"host={unprivileged_folder}/postgres/socket&" in answer.stdout
    assert stat.S_IMODE(unprivileged_folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((unprivileged_folder / "postgres").stat().st_mode) == 0o700
    assert [path.name for path in unprivileged_folder.iterdir()] == ["postgres"]
    with pytest.raises(EmbeddedPostgresError, match="not made by root"):
        postgres.start(unprivileged_folder)


def test_an_image_without_useradd_gets_the_user_written_by_hand_once(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/sh")
    os_user.append_user(tmp_path)
    os_user.append_user(tmp_path)
    root, ours = (tmp_path / "passwd").read_text().splitlines()
    name, password, uid, gid, *_rest, shell = ours.split(":")
    assert root == "root:x:0:0:root:/root:/bin/sh"
    assert (name, password, uid, shell) == ("cargo-ai-pg", "*", gid, "/usr/sbin/nologin")
    assert 200 <= int(uid) < 1000
    assert (tmp_path / "group").read_text() == f"cargo-ai-pg:x:{gid}:\n"
