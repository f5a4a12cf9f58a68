"""Refusals of backup and restore, and the mark of a restore that did not finish. Small: every start of a server reads it."""

from __future__ import annotations

from cargo_ai.kernel.settings import Settings

MARKER = "restore.unfinished"
"""In a data folder whose restore was cut off: no server starts on it."""


class BackupRefused(Exception):
    """A backup or restore that cannot be made; the message says why and what to do."""


class InvalidBackup(BackupRefused):
    """The file is not a whole, unchanged backup, or the passphrase is another one; the message says which."""


class DumpFailed(BackupRefused):
    """PostgreSQL's program failed; the message ends with what it printed."""


def require_finished(settings: Settings) -> None:
    """BackupRefused for a data folder whose restore was cut off."""
    if (settings.data_dir / MARKER).exists():
        raise BackupRefused(
            f"The restore into {settings.data_dir} did not finish, so something is missing in it: run the same `cargo-ai server restore` "
            "again, which removes what is there (empty the database of CARGO_AI_DATABASE_URL before, if there is one)."
        )
