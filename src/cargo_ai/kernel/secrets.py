"""Secrets: encrypt what is stored, sign links, hash tokens, all with keys derived from one secret key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets as randomness
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_PREFIX = "cai_live_"  # noqa: S105
INVITATION_PREFIX = "cai_inv_"
PROBE = b"cargo-ai probe"
REFERENCE_PREFIX = "secret://"
"""How a text begins that stands for a secret which is kept elsewhere."""


class WrongKey(ValueError):
    """A stored secret was encrypted with another key."""


class SecretKey:
    """The installation's key. Every purpose has a derived key of its own, so that a token for one is worth nothing for another."""

    def __init__(self, key: bytes, former: SecretKey | None = None) -> None:
        if len(key) < 32:
            raise ValueError("The secret key must have at least 32 bytes: make one with `openssl rand -base64 32`.")
        self._key = key
        self.former = former
        """The key that was before, while it is being replaced: what it has sealed and signed still holds."""
        self._box = Fernet(base64.urlsafe_b64encode(self.derive(b"seal")))
        self._sign = self.derive(b"sign")

    def derive(self, purpose: bytes) -> bytes:
        """32 bytes for one purpose (HKDF-SHA256)."""
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"cargo-ai " + purpose).derive(self._key)

    def seal(self, plain: bytes) -> bytes:
        """Encrypted and authenticated bytes."""
        return self._box.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes; WrongKey when they were sealed with another key or changed."""
        try:
            return self._box.decrypt(sealed)
        except InvalidToken:
            if self.former is not None:
                return self.former.open(sealed)
            raise WrongKey("A stored secret cannot be opened with this secret key.") from None

    def seals(self, sealed: bytes) -> bool:
        """Whether this very key has sealed that, not a former one."""
        try:
            self._box.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def sign(self, *parts: str) -> str:
        """A URL-safe HMAC-SHA256 over the parts; parts cannot be shifted into each other."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return base64.urlsafe_b64encode(hmac.new(self._sign, message, hashlib.sha256).digest()).rstrip(b"=").decode()

    def verify(self, signature: str, *parts: str) -> bool:
        """Whether the signature belongs to the parts; constant time."""
        if hmac.compare_digest(signature.encode(), self.sign(*parts).encode()):
            return True
        return self.former is not None and self.former.verify(signature, *parts)


def is_reference(value: object) -> bool:
    """Whether a value stands for a secret that is kept elsewhere; it is not a secret itself."""
    return isinstance(value, str) and value.startswith(REFERENCE_PREFIX)


def new_token() -> str:
    """A fresh API token: 32 random bytes behind a prefix that scanners recognise."""
    return TOKEN_PREFIX + randomness.token_urlsafe(32)


def new_invitation_code() -> str:
    """A fresh code of an invitation: as random as a token, and no token."""
    return INVITATION_PREFIX + randomness.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is stored of a token. A plain SHA-256 is right here: tokens are random, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def key_from_text(text: str, former: SecretKey | None = None) -> SecretKey:
    """The key in `CARGO_AI_SECRET_KEY`: base64 of 32 or more bytes, or plain text of that length."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    return SecretKey(raw if len(raw) >= 32 else text.encode(), former)


def key_from_file(path: Path, former: SecretKey | None = None) -> SecretKey:
    """The key in a 0600 file, which is created when it is missing. Two processes that start at once agree on one key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(randomness.token_bytes(32)))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return key_from_text(path.read_text().strip(), former)
