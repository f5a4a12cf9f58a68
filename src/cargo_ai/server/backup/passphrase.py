"""The passphrase of a backup: from a file, standard input or the settings. It is asked for before anything is loaded or started."""

from __future__ import annotations

import sys
from pathlib import Path

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.backup.refusals import BackupRefused

LEAST_PASSPHRASE = 12
HOW_TO = "name its file with --passphrase-file, or set CARGO_AI_BACKUP_PASSPHRASE"


def new_passphrase(settings: Settings, flags: dict[str, str]) -> str:
    """That of a new backup. BackupRefused without one, or when it is too short."""
    passphrase = given_passphrase(settings, flags)
    if len(passphrase) < LEAST_PASSPHRASE:
        raise BackupRefused(
            f"The passphrase has {len(passphrase)} characters, fewer than {LEAST_PASSPHRASE}: `openssl rand -base64 32` makes one."
        )
    return passphrase


def given_passphrase(settings: Settings, flags: dict[str, str]) -> str:
    """What the flags or the settings give. BackupRefused without one."""
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
