"""Data folders of real servers, used again by one server after the other: each finds a migrated database without a row, and no files.

What initdb and the migrations make is removed at the end of the session only; the start of a server takes half of the time that way.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cargo_ai.store import migrate
from cargo_ai.store.embedded import postgres, roles
from cargo_ai.store.embedded.identity import ID_FILE
from tests.kit.data.databases import Snapshot

_snapshots: dict[Path, Snapshot] = {}
_free: list[Path] = []


def take() -> Path:
    """A data folder that no one uses; its database is not running."""
    if _free:
        return _free.pop()
    folder = Path(tempfile.mkdtemp(prefix="cargo-ai-test-"))
    cluster = postgres.start(folder)
    migrate.upgrade(cluster.owner_url)
    with roles.connect(_admin_url(cluster)) as admin:
        _snapshots[folder] = Snapshot.of(admin)
    postgres.stop(folder)
    return folder


def give_back(folder: Path) -> None:
    """Remove what a server has left, none of whose processes but the database lives."""
    if _restored(folder):
        _free.append(folder)
    else:
        _erase(folder)


def erase() -> None:
    """Delete the folders that no one uses."""
    while _free:
        _erase(_free.pop())


def _restored(folder: Path) -> bool:
    try:
        cluster = postgres.start(folder)
        with roles.connect(_admin_url(cluster)) as admin:
            restored = _snapshots[folder].restore(admin)
        # The next server finds nothing in PostgreSQL's memory.
        postgres.stop(folder)
    except postgres.EmbeddedPostgresError:
        return False
    for path in folder.iterdir():
        if path.name not in {ID_FILE, "postgres"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return restored


def _erase(folder: Path) -> None:
    postgres.erase(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _admin_url(cluster: postgres.Cluster) -> str:
    return roles.with_database(cluster.admin_url, roles.DATABASE)
