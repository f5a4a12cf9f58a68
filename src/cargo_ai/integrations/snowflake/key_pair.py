"""Key pairs: each call of Snowflake carries a token (JWT, RS256) that the private key of a user signs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic import Field

from cargo_ai.integrations.kit import Credentials, Form, InvalidConfig, SignIn, secret_field
from cargo_ai.kernel import clock

Json = Any
LIFETIME_SECONDS = 3_600
"""The longest that Snowflake takes."""
WINDOW_SECONDS = 600
"""For so long the same token is sent, so that what has to be kept out of answers is known before it is sent."""
_SECRET_LINE = 32


class KeyPairForm(Form):
    """Who signs in, and with which key."""

    user: str = Field(title="User", description="The name of the user that has the public key.", min_length=1, max_length=255)
    private_key: str = secret_field("Private key", "As text (PEM): -----BEGIN PRIVATE KEY-----, or ENCRYPTED with a passphrase.")
    passphrase: str = secret_field("Passphrase", "Of a key that is encrypted.", optional=True)


@dataclass(frozen=True, kw_only=True)
class KeyPair(SignIn):
    """The private key of a user whose public key Snowflake knows."""

    kind: str = "keyPair"
    title: str = "Key pair"

    @property
    def form(self) -> type[Form]:
        """User and key."""
        return KeyPairForm

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """A token that lasts for fifty minutes or longer. InvalidConfig where the key is not one."""
        headers = {"authorization": f"Bearer {_token_of(config, 0)}", "x-snowflake-authorization-token-type": "KEYPAIR_JWT"}
        return Credentials(headers=headers)

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """The tokens of about now, and the lines of the key."""
        yield from (line for line in str(config.get("privateKey") or "").splitlines() if len(line) >= _SECRET_LINE)
        try:
            yield from (_token_of(config, shift) for shift in (-1, 0, 1))
        except InvalidConfig:
            return


def _token_of(config: Mapping[str, Json], shift: int) -> str:
    window = int(clock.unix_seconds()) // WINDOW_SECONDS + shift
    account, user = claimed_account(str(config.get("account") or "")), str(config.get("user") or "").strip().upper()
    return _token(account, user, str(config.get("privateKey") or ""), str(config.get("passphrase") or ""), window * WINDOW_SECONDS)


def claimed_account(identifier: str) -> str:
    """The account as tokens name it: in capitals, of a locator without region and cloud."""
    name = identifier.strip().upper()
    return name.split("-", 1)[0] if name.endswith(".GLOBAL") else name.split(".", 1)[0]


@lru_cache(maxsize=256)
def _token(account: str, user: str, key_text: str, passphrase: str, issued: int) -> str:
    key = _read_key(key_text, passphrase)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fingerprint = base64.b64encode(hashlib.sha256(public).digest()).decode()
    subject = f"{account}.{user}"
    claims = {"iss": f"{subject}.SHA256:{fingerprint}", "sub": subject, "iat": issued, "exp": issued + LIFETIME_SECONDS}
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _read_key(text: str, passphrase: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(text.strip().encode(), passphrase.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InvalidConfig("`privateKey` is not an RSA private key in PEM, or its `passphrase` is wrong.")
    return key


def _part(document: Mapping[str, Json]) -> str:
    return _encoded(json.dumps(document, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
