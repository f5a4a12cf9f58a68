"""`cargo-ai server backup` and `restore`: what they do with their flags, and what is printed at the end."""

from __future__ import annotations

from pathlib import Path

import psycopg

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.backup import backup
from cargo_ai.server.backup import restore as restoring
from cargo_ai.server.backup.refusals import BackupRefused
from cargo_ai.server.processes.bootstrap import database_url
from cargo_ai.store.files import FilesUnavailable


def back_up(settings: Settings, flags: dict[str, str], passphrase: str) -> dict[str, object]:
    """Write the backup that the flags name. BackupRefused when it cannot be."""
    target = Path(flags["FILE"]).expanduser().absolute()
    try:
        written = backup.back_up(settings, database_url(settings), target, passphrase)
    except FilesUnavailable as error:
        raise BackupRefused(str(error)) from None
    return {"backup": str(written.path), "bytes": written.bytes, "files": written.files}


def restore(settings: Settings, flags: dict[str, str], passphrase: str) -> dict[str, object]:
    """Restore the backup that the flags name. BackupRefused when it cannot be."""
    try:
        restored = restoring.restore(settings, Path(flags["FILE"]).expanduser().absolute(), passphrase)
    except (FilesUnavailable, psycopg.Error, OSError) as error:
        raise BackupRefused(f"The restore failed and was undone: {str(error).strip()}") from error
    manifest = restored.manifest
    return {"restored": str(settings.data_dir), "files": restored.files, "madeAt": manifest.created_at, "madeBy": manifest.version}
