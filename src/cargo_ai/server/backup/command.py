"""`cargo-ai server backup` and `restore`: the passphrase, and what is printed at the end."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.backup import backup
from cargo_ai.server.backup import restore as restoring
from cargo_ai.server.backup.refusals import BackupRefused
from cargo_ai.server.backup.sealed_stream import LEAST_PASSPHRASE
from cargo_ai.server.processes.bootstrap import database_url
from cargo_ai.store.files import FilesUnavailable

HOW_TO = "name its file with --passphrase-file, or set CARGO_AI_BACKUP_PASSPHRASE"


def back_up(settings: Settings, flags: dict[str, str]) -> dict[str, object]:
    """Write the backup that the flags name. BackupRefused when it cannot be."""
    passphrase = _passphrase(settings, flags)
    if len(passphrase) < LEAST_PASSPHRASE:
        raise BackupRefused(
            f"The passphrase has {len(passphrase)} characters, fewer than {LEAST_PASSPHRASE}: `openssl rand -base64 32` makes one."
        )
    target = Path(flags["FILE"]).expanduser().absolute()
    try:
        written = backup.back_up(settings, database_url(settings), target, passphrase)
    except FilesUnavailable as error:
        raise BackupRefused(str(error)) from None
    return {"backup": str(written.path), "bytes": written.bytes, "files": written.files}


def restore(settings: Settings, flags: dict[str, str]) -> dict[str, object]:
    """Restore the backup that the flags name. BackupRefused when it cannot be."""
    passphrase = _passphrase(settings, flags)
    try:
        restored = restoring.restore(settings, Path(flags["FILE"]).expanduser().absolute(), passphrase)
    except (FilesUnavailable, psycopg.Error, OSError) as error:
        raise BackupRefused(f"The restore failed and was undone: {str(error).strip()}") from error
    manifest = restored.manifest
    return {"restored": str(settings.data_dir), "files": restored.files, "madeAt": manifest.created_at, "madeBy": manifest.version}


def _passphrase(settings: Settings, flags: dict[str, str]) -> str:
    named = flags.get("--passphrase-file")
    if named is None:
        if not settings.backup_passphrase:
            raise BackupRefused(f"A passphrase is needed: {HOW_TO}. Keep it where the backup is not; it cannot be recovered.")
        return settings.backup_passphrase
    try:
        text = sys.stdin.readline() if named == "-" else Path(named).expanduser().read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise BackupRefused(f"The passphrase file {named} cannot be read: {error}.") from None
    if not text.strip():
        raise BackupRefused(f"There is no passphrase in the first line of {'standard input' if named == '-' else named}.")
    return text.strip()
