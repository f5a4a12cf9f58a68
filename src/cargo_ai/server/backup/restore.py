"""Restore a backup into an empty data folder, and into an empty database where one is configured."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.kernel import secrets
from cargo_ai.kernel.configuration import settings_file
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.backup import dump
from cargo_ai.server.backup.entries import EntryReader, Manifest
from cargo_ai.server.backup.refusals import MARKER, BackupRefused, InvalidBackup
from cargo_ai.server.backup.sealed_stream import SealedReader
from cargo_ai.store import migrate, private_files, transaction_ids
from cargo_ai.store.embedded import postgres
from cargo_ai.store.files import FileStore

ALLOWED = frozenset({settings_file.NAME, "lost+found"})


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    manifest: Manifest
    files: int


def restore(settings: Settings, source: Path, passphrase: str) -> Restored:
    """Restore a backup. Memory: a few MB. InvalidBackup or BackupRefused, with nothing written, when the backup is not whole and unchanged,
    the passphrase is another one, the backup is newer than this version, or the folder or database is not empty.

    What fails later is undone as far as it is ours: the data folder is emptied again.
    """
    try:
        file = source.open("rb")
    except OSError as error:
        raise BackupRefused(f"{source} cannot be read: {error.strerror}.") from None
    with file:
        SealedReader(file, passphrase).verify()
        manifest = EntryReader(SealedReader(file, passphrase)).manifest()
        _require_known(manifest)
        settings = _with_key(settings, manifest)
        with _mark(settings):
            _require_empty(settings)
            try:
                files = _restore(settings, EntryReader(SealedReader(file, passphrase)))
            except BaseException:
                _undo(settings)
                raise
            (settings.data_dir / MARKER).unlink()
        private_files.sync_folder(settings.data_dir)
    return Restored(manifest, files)


@contextmanager
def _mark(settings: Settings) -> Generator[None]:
    """Hold the mark of an unfinished restore. What a killed one has left is removed; one that still runs is a BackupRefused."""
    folder = settings.data_dir
    if not (folder / MARKER).exists():
        _require_empty(settings)
        private_files.make_folder(folder)
    handle = os.open(folder / MARKER, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(f"Another restore into {folder} is running.") from None
        if os.fstat(handle).st_nlink == 0:
            raise BackupRefused(f"Another restore into {folder} has just ended.")
        _empty(settings)
        yield
    finally:
        os.close(handle)


def _require_known(manifest: Manifest) -> None:
    if manifest.revision not in {script.revision for script in migrate.scripts().walk_revisions()}:
        raise BackupRefused(
            f"The backup was made by cargo-ai {manifest.version} with schema {manifest.revision}, which this version does not know: "
            "install that version or a newer one."
        )


def _with_key(settings: Settings, manifest: Manifest) -> Settings:
    """The settings with the backup's key. BackupRefused when another one is configured: nothing that is sealed could be opened with it."""
    if settings.secret_key and not _same_key(settings.secret_key, manifest.secret_key):
        raise BackupRefused("CARGO_AI_SECRET_KEY is not the key of the backup: leave it out, the backup brings its own.")
    return replace(settings, environment={**settings.environment, Settings.secret_key.variable: manifest.secret_key})


def _same_key(one: str, other: str) -> bool:
    return secrets.key_from_text(one).derive(b"compare") == secrets.key_from_text(other).derive(b"compare")


def _require_empty(settings: Settings) -> None:
    folder = settings.data_dir
    try:
        present = sorted(path.name for path in folder.iterdir() if path.name not in {*ALLOWED, MARKER}) if folder.exists() else []
    except OSError as error:
        raise BackupRefused(f"{folder} cannot be used as a data folder: {error.strerror}.") from None
    if present:
        raise BackupRefused(
            f"{folder} is not empty ({', '.join(present[:5])}): name an empty or new folder in CARGO_AI_DATA_DIR. Nothing is overwritten."
        )
    if settings.database_url and not dump.is_empty(settings.database_url):
        raise BackupRefused("The database of CARGO_AI_DATABASE_URL is not empty: create a new one. Nothing is overwritten.")


def _restore(settings: Settings, entries: EntryReader) -> int:
    manifest = entries.manifest()
    url = settings.database_url or postgres.start(settings.data_dir, programs=settings.postgres_bin).owner_url
    kind, _ = entries.next()
    if kind != "database":
        raise InvalidBackup("This backup holds no database where it should.")
    dump.load(url, entries.blocks(), settings.postgres_bin)
    transaction_ids.renumber(url, segmentation.STORED_SNAPSHOTS)
    files = asyncio.run(_restore_files(FileStore.of(settings), entries))
    _write_key(settings, manifest)
    if not settings.database_url:
        postgres.stop(settings.data_dir)
    return files


async def _restore_files(files: FileStore, entries: EntryReader) -> int:
    count = 0
    while True:
        kind, key = entries.next()
        if kind == "end":
            return count
        if kind != "file":
            raise InvalidBackup(f"This backup holds a {kind}, which this version does not know.")
        await files.put(key, _stream(entries.blocks()))
        count += 1


async def _stream(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def _write_key(settings: Settings, manifest: Manifest) -> None:
    """Into the file that holds it for the embedded database; for another one it is a setting."""
    if not settings.database_url:
        private_files.write(settings.data_dir / "secret.key", manifest.secret_key)
        return
    path = settings.data_dir / settings_file.NAME
    before = path.read_text() if path.exists() else ""
    if not any(line.split("=")[0].strip() == "secret_key" for line in before.splitlines()):
        # Before everything else, for a table in the file would swallow it.
        private_files.write(path, f"secret_key = {_toml_text(manifest.secret_key)}\n{before}")


def _toml_text(text: str) -> str:
    escaped = "".join(f"\\u{ord(sign):04X}" if sign in '"\\' or ord(sign) < 32 else sign for sign in text)
    return f'"{escaped}"'


def _undo(settings: Settings) -> None:
    """The mark stays with an external database, which may hold something now."""
    _empty(settings)
    if not settings.database_url:
        (settings.data_dir / MARKER).unlink(missing_ok=True)


def _empty(settings: Settings) -> None:
    """Remove what a restore has written into the data folder."""
    if not settings.database_url:
        postgres.erase(settings.data_dir)
    for path in settings.data_dir.iterdir():
        if path.name not in ALLOWED and path.name != MARKER:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
