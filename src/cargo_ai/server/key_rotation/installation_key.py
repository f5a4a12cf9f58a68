"""The installation's secret key: from the environment, or from a file in the data folder."""

from __future__ import annotations

from pathlib import Path

from cargo_ai.kernel import secrets
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings


class KeyUnusable(ValueError):
    """The secret key is missing or cannot be one; the message says what to do."""


def secret_key(settings: Settings) -> SecretKey:
    """The installation's key: from the environment, else (with the embedded database) from a file in the data folder."""
    text, former = settings.secret_key, _former_key(settings)
    if text:
        try:
            return secrets.key_from_text(text, former)
        except ValueError:
            raise KeyUnusable("CARGO_AI_SECRET_KEY has fewer than 32 bytes: `openssl rand -base64 32` makes a key.") from None
    if settings.database_url:
        raise KeyUnusable(
            "With CARGO_AI_DATABASE_URL, set CARGO_AI_SECRET_KEY too: `openssl rand -base64 32` makes one. Every machine needs the same."
        )
    path = key_file(settings)
    try:
        return secrets.key_from_file(path, former)
    except ValueError:
        raise KeyUnusable(f"{path} has fewer than 32 bytes: it was cut short. Put it back from a backup.") from None


def _former_key(settings: Settings) -> SecretKey | None:
    """The key that is being replaced: from the environment, or from the file that a rotation has not come to the end of."""
    path = former_key_file(settings)
    text = settings.former_secret_key or ("" if settings.secret_key or not path.exists() else path.read_text().strip())
    try:
        return secrets.key_from_text(text) if text else None
    except ValueError:
        raise KeyUnusable("CARGO_AI_FORMER_SECRET_KEY has fewer than 32 bytes: it is not a key that was used before.") from None


def former_key_file(settings: Settings) -> Path:
    """Where a rotation keeps the former key until it has come to its end."""
    return settings.data_dir / "secret.key.former"


def key_file(settings: Settings) -> Path:
    """Where the key of a server with the embedded database is kept."""
    return settings.data_dir / "secret.key"
