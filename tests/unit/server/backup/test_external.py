"""An installation with an external PostgreSQL is backed up, and restored into another database with its secret key."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cargo_ai.kernel.configuration import settings_file
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.backup.backup import back_up
from cargo_ai.server.backup.refusals import MARKER, BackupRefused, require_finished
from cargo_ai.server.backup.restore import restore
from cargo_ai.store.embedded import postgres
from cargo_ai.store.embedded.postgres import Cluster
from cargo_ai.store.files import FileStore

PASSPHRASE, KEY = "correct horse battery", "k" * 40


def settings_of(folder: Path, url: str, **more: str) -> Settings:
    """The settings of a server on that database."""
    return Settings({"CARGO_AI_DATA_DIR": str(folder), "CARGO_AI_DATABASE_URL": url, **more})


async def put(settings: Settings, key: str, content: bytes) -> None:
    await FileStore.of(settings).put(key, content)


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[str]:
    """An empty database with the extensions."""
    yield postgres.create_database(cluster, "restored")
    postgres.drop_database(cluster, "restored")


def test_everything_comes_back_in_another_database_and_nothing_is_written_over(database_url: str, empty: str, tmp_path: Path) -> None:
    former, target = settings_of(tmp_path / "former", database_url, CARGO_AI_SECRET_KEY=KEY), tmp_path / "a.backup"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create schema ws")
        connection.execute("create table ws.kept as select n, md5(n::text) as text from generate_series(1, 1000) as n")
    big = b"0123456789abcdef" * 300_000
    asyncio.run(put(former, "w/uploads/1/big.csv", big))
    assert back_up(former, database_url, target, PASSPHRASE).files == 1
    with pytest.raises(BackupRefused, match="exists already"):
        back_up(former, database_url, target, PASSPHRASE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.backup", "former"]

    later = tmp_path / "later"
    with pytest.raises(BackupRefused, match="CARGO_AI_SECRET_KEY is not the key"):
        restore(settings_of(later, empty, CARGO_AI_SECRET_KEY="another" * 10), target, PASSPHRASE)
    with pytest.raises(BackupRefused, match="DATABASE_URL is not empty"):
        restore(settings_of(later, database_url), target, PASSPHRASE)
    assert not later.exists()
    assert restore(settings_of(later, empty), target, PASSPHRASE).files == 1
    assert sorted(path.name for path in later.iterdir()) == ["files", "settings.toml"]
    settings, _ = settings_file.with_file(settings_of(later, empty))
    assert settings.secret_key == KEY
    assert (later / "files/w/uploads/1/big.csv").read_bytes() == big
    count = "select count(*), count(distinct text), (select version_num from alembic_version) from ws.kept"
    closed = "select has_schema_privilege('public', 'public', 'usage')"
    with psycopg.connect(database_url) as one, psycopg.connect(empty) as other:
        assert one.execute(count).fetchone() == other.execute(count).fetchone()
        assert other.execute(closed).fetchone() == (False,)


@pytest.mark.slow
def test_what_a_killed_restore_has_left_is_removed_by_the_next_and_a_running_one_is_left_alone(
    database_url: str, empty: str, tmp_path: Path
) -> None:
    former, target, later = (
        settings_of(tmp_path / "former", database_url, CARGO_AI_SECRET_KEY=KEY),
        tmp_path / "a.backup",
        tmp_path / "later",
    )
    back_up(former, database_url, target, PASSPHRASE)
    (later / "files").mkdir(parents=True)
    (later / "files/half").touch()
    settings = settings_of(later, empty)
    with pytest.raises(BackupRefused, match="is not empty"):
        restore(settings, target, PASSPHRASE)
    with (later / MARKER).open("w") as running:
        with pytest.raises(BackupRefused, match="did not finish"):
            require_finished(settings)
        fcntl.flock(running, fcntl.LOCK_EX)
        with pytest.raises(BackupRefused, match="is running"):
            restore(settings, target, PASSPHRASE)
        assert (later / "files/half").exists()
    restore(settings, target, PASSPHRASE)
    require_finished(settings)
    assert sorted(path.name for path in later.iterdir()) == ["files", "settings.toml"]
    assert list((later / "files").iterdir()) == []
