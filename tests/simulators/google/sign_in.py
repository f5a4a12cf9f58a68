"""Google's sign-in: a service account's key, the token endpoint that takes its assertions (RFC 7523), and the tokens that are good."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Json = Any
EMAIL = "robot@simulated-project.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
TOKEN = "ya29.simulated-token-4711-0815"
"""An access token that does not end."""
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def key() -> rsa.RSAPrivateKey:
    """The key of the service account; the same in a process."""
    return rsa.generate_private_key(65537, 2048)


@cache
def key_file(email: str = EMAIL) -> str:
    """Its key file, as the console gives it."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    text = key().private_bytes(*form).decode()
    about = {"type": "service_account", "project_id": "simulated-project", "private_key_id": "4711"}
    return json.dumps({**about, "private_key": text, "client_email": email, "token_uri": AUDIENCE})


def key_line() -> str:
    """A line of the private key in the file."""
    return str(json.loads(key_file())["private_key"]).split("\n")[1]


class Tokens:
    """The access tokens that are good, until when, and with which scopes."""

    def __init__(self) -> None:
        self.good: dict[str, tuple[float, str]] = {TOKEN: (float("inf"), "*")}
        self.given = 0

    def exchange(self, form: Mapping[str, str]) -> tuple[int, Json]:
        """The token endpoint."""
        if form.get("grant_type") != GRANT:
            return 400, {"error": "unsupported_grant_type", "error_description": f"Invalid grant_type: {form.get('grant_type')}"}
        try:
            claims = _claims(form.get("assertion", ""))
        except (ValueError, InvalidSignature):
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        if claims.get("iss") != EMAIL:
            return 400, {"error": "invalid_grant", "error_description": "Invalid grant: account not found"}
        now = time.time()
        if claims.get("aud") != AUDIENCE or claims["exp"] - claims["iat"] > 3600 or not claims["iat"] - 60 <= now < claims["exp"]:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT: Token must be a short-lived token."}
        if not claims.get("scope"):
            return 400, {"error": "invalid_scope", "error_description": "Invalid OAuth scope or ID token audience provided."}
        self.given += 1
        token = f"ya29.c.{secrets.token_urlsafe(24)}"
        self.good[token] = (now + 3600, str(claims["scope"]))
        return 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def admits(self, authorization: str) -> bool:
        """Whether a call is signed in."""
        kind, _, token = authorization.partition(" ")
        return kind.lower() == "bearer" and self.good.get(token, (0.0, ""))[0] > time.time()


def _claims(assertion: str) -> Json:
    head, claims, signature = assertion.split(".")
    key().public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    if json.loads(_decoded(head)).get("alg") != "RS256":
        raise ValueError("another algorithm")
    return json.loads(_decoded(claims))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
