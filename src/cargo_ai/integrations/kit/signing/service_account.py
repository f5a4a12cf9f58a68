"""Service accounts: a signed assertion (JWT, RS256) instead of a person's consent, as Google takes it (RFC 7523)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field

from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit.forms import Form, secret_field
from cargo_ai.integrations.kit.signing.oauth import FetchedSignIn, TokenCall

Json = Any

ASSERTION_SECONDS = 3600
SECRET_LINE = 32
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class _ServiceAccountForm(Form):
    service_account_key: str = secret_field("Key file", "The JSON key file of the service account, as text.")
    subject: str = Field(default="", title="On behalf of", description="The e-mail address of a user, where the account may act for users.")


@dataclass(frozen=True, kw_only=True)
class ServiceAccount(FetchedSignIn):
    """The key file of a service account. token_url: where assertions are sent, whatever the file says."""

    kind: str = "serviceAccount"
    title: str = "Service account"
    token_url: str
    scopes: tuple[str, ...]

    @property
    def form(self) -> type[Form]:
        """The key file."""
        return _ServiceAccountForm

    def token_call(self, config: Mapping[str, Json], now: int) -> TokenCall:
        """Turns the key into an access token. InvalidConfig where the text is not a key file."""
        email, key_id, key = _read_key(str(config.get("serviceAccountKey") or ""))
        claims: dict[str, Json] = {"iss": email, "scope": " ".join(self.scopes), "aud": self.token_url}
        claims |= {"iat": now, "exp": now + ASSERTION_SECONDS}
        if config.get("subject"):
            claims["sub"] = config["subject"]
        header = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
        signed = f"{_part(header)}.{_part(claims)}"
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return TokenCall(self.token_url, {"grant_type": GRANT_TYPE, "assertion": f"{signed}.{_encoded(signature)}"})

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """The access token, and the lines of the private key: the file as a whole is not what a service would send back."""
        yield from super().derived_secrets(config)
        try:
            document: Any = json.loads(str(config.get("serviceAccountKey") or ""))
            text = str(document["private_key"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        yield from (line for line in text.split("\n") if len(line) >= SECRET_LINE)

    def identity(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """The key, for whom it acts, and what for."""
        return (self.token_url, *self.scopes, str(config.get("serviceAccountKey")), str(config.get("subject")))


def _read_key(text: str) -> tuple[str, str, rsa.RSAPrivateKey]:
    try:
        document: Any = json.loads(text)
        entries = cast("dict[str, Json]", document) if isinstance(document, dict) else {}
        key = load_pem_private_key(str(entries["private_key"]).encode(), None)
        email = entries["client_email"]
    except (ValueError, KeyError, TypeError, UnsupportedAlgorithm, RecursionError):
        key = email = None
        entries = {}
    if not isinstance(key, rsa.RSAPrivateKey) or not isinstance(email, str):
        raise InvalidConfig("The key of the service account is not a JSON key file with `client_email` and an RSA `private_key`.")
    return email, str(entries.get("private_key_id") or ""), key


def _part(document: Mapping[str, Json]) -> str:
    return _encoded(json.dumps(document, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
