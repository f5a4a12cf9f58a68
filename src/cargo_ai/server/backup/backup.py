"""Back up an installation into one encrypted file, while it runs or not."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cargo_ai import __version__
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.backup.dump import dump
from cargo_ai.server.backup.entries import EntryWriter, Manifest
from cargo_ai.server.backup.refusals import BackupRefused
from cargo_ai.server.backup.sealed_stream import SealedWriter
from cargo_ai.store import migrate, private_files
from cargo_ai.store.files import FileMissing, FileStore


@dataclass(frozen=True, slots=True)
class Written:
    """What a backup holds."""

    path: Path
    bytes: int
    files: int


def back_up(settings: Settings, url: str, target: Path, passphrase: str) -> Written:
    """Write database, files and secret key into a new file, which appears when it is whole. Memory: a few MB.

    The database is read at one point in time; the files after it, so that every file that a row names is there (unless it is removed
    meanwhile). BackupRefused when the target exists or is in no folder; DumpFailed and FilesUnavailable pass.
    """
    if target.exists():
        raise BackupRefused(f"{target} exists already: name a file that does not, so that no former backup is lost.")
    draft = target.with_name(f"{target.name}.partial")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BackupRefused(f"{draft} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "wb", buffering=1024 * 1024) as file:
            sealed = SealedWriter(file, passphrase)
            files = asyncio.run(_write(settings, url, EntryWriter(sealed)))
            sealed.close()
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a renaming, does not replace a backup that came there meanwhile.
        os.link(draft, target)
        private_files.sync_folder(target.parent)
    except FileExistsError:
        raise BackupRefused(f"{target} exists already: another backup wrote it meanwhile.") from None
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    return Written(target, target.stat().st_size, files)


async def _write(settings: Settings, url: str, entries: EntryWriter) -> int:
    revision = migrate.current(url)
    if revision is None:
        raise BackupRefused("The database is empty: there is nothing to back up.")
    entries.manifest(Manifest(__version__, revision, clock.now().isoformat(), key_text(settings)))
    entries.begin("database")
    for block in dump(url, settings.postgres_bin):
        entries.add(block)
    entries.finish()
    files, count = FileStore.of(settings), 0
    async for key in files.keys():
        chunks = files.stream(key)
        try:
            first = await anext(chunks, b"")
        except FileMissing:
            continue  # removed since it was listed
        entries.begin("file", key)
        entries.add(first)
        async for chunk in chunks:
            entries.add(chunk)
        entries.finish()
        count += 1
    entries.begin("end")
    entries.finish()
    return count


def key_text(settings: Settings) -> str:
    """The installation's secret key as text. BackupRefused when it is missing: without it, a backup could not be used."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / "secret.key"
    try:
        return path.read_text().strip()
    except OSError as error:
        raise BackupRefused(
            f"The secret key is needed: {path} cannot be read ({error.strerror}), and CARGO_AI_SECRET_KEY is not set."
        ) from None
