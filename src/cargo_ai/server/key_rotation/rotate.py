"""Rotate the secret key of an installation: a new key file first, which opens what both have sealed; the former one goes at the end."""

from __future__ import annotations

import base64
import secrets as randomness
from dataclasses import asdict

import psycopg

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.key_rotation.installation_key import former_key_file, key_file, secret_key
from cargo_ai.server.key_rotation.reseal import reseal
from cargo_ai.store import private_files


class RotationRefused(Exception):
    """The key cannot be rotated now; the message says what to do."""


def rotate(settings: Settings, url: str) -> dict[str, object]:
    """Make a new key (with a key file), seal everything with it, and forget the former one. After a kill, the same again goes on.

    Where the environment holds the key, both are in it: nothing is written but the database.
    """
    in_file = not settings.secret_key
    if in_file:
        _begin(settings)
    elif not settings.former_secret_key:
        raise RotationRefused(
            "Set CARGO_AI_FORMER_SECRET_KEY to the present key and CARGO_AI_SECRET_KEY to a new one (`openssl rand -base64 32`), on every "
            "machine; restart them, then run this."
        )
    with psycopg.connect(url, autocommit=True) as connection:
        counts = reseal(connection, secret_key(settings))
    if in_file:
        former_key_file(settings).unlink()
        private_files.sync_folder(settings.data_dir)
    return {"rotated": True, **asdict(counts)}


def _begin(settings: Settings) -> None:
    """Put a new key in the place of the present one, which is kept beside it. A rotation that was cut off has done so already."""
    present, former = key_file(settings), former_key_file(settings)
    if not present.exists():
        raise RotationRefused(f"{present} is missing: there is no key to replace. Put it back from a backup.")
    text = present.read_text().strip()
    if former.exists() and former.read_text().strip() != text:
        return
    # Both files are whole at any moment. A kill between the two leaves the same key twice, which opens everything.
    private_files.write(former, text)
    private_files.write(present, base64.b64encode(randomness.token_bytes(32)).decode())


def require_rotated(settings: Settings) -> None:
    """RotationRefused while two keys are in use: a backup holds one."""
    if settings.former_secret_key or former_key_file(settings).exists():
        raise RotationRefused("The secret key is being rotated: finish that with `cargo-ai server rotate-key`, then back up.")
