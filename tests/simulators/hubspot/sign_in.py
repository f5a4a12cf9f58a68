"""Sign-in: service keys, OAuth access tokens with an end, their scopes, and the token endpoint."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.hubspot.refusal import Refused

Json = Any
SERVICE_KEY = "pat-na1-00000000-0000-4000-8000-000000000001"
_NO_CREDENTIALS = (
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
    "https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)
_MISSING = (
    "This app hasn't been granted all required scopes to make this call. "
    "Read more about required scopes here: https://developers.hubspot.com/scopes."
)


@dataclass
class Credential:
    """One key or token. `scopes`: None allows everything. `expires`: seconds since 1970, None for keys."""

    token: str
    kind: str = "key"
    scopes: frozenset[str] | None = None
    expires: float | None = None


class SignIn:
    """The credentials that the account accepts."""

    def __init__(self) -> None:
        self.credentials: dict[str, Credential] = {SERVICE_KEY: Credential(SERVICE_KEY)}
        self.clients: dict[str, str] = {"simulated-client": "simulated-secret"}
        self.codes: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.refreshes = 0

    def add(self, token: str, kind: str = "key", scopes: list[str] | None = None, expires_in: float | None = None) -> Credential:
        """One more key or token."""
        ends = None if expires_in is None else time.time() + expires_in
        self.credentials[token] = Credential(token, kind, None if scopes is None else frozenset(scopes), ends)
        return self.credentials[token]

    def of(self, authorization: str) -> Credential:
        """The credential of a request. Refuses none, an unknown one, one that has ended."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, _NO_CREDENTIALS, category="INVALID_AUTHENTICATION")
        if not token.isascii() or len(token) < 10:
            # Cloudflare answers a token of another form, without HubSpot's error form.
            raise Refused(530, "error code: 1016", category="")
        credential = self.credentials.get(token)
        if credential is None:
            raise Refused(401, _NO_CREDENTIALS, category="INVALID_AUTHENTICATION")
        if credential.expires is not None and credential.expires <= time.time():
            ago = max(0, int(time.time() - credential.expires))
            raise Refused(401, f"The OAuth token used to make this call expired {ago} second(s) ago.", category="EXPIRED_AUTHENTICATION")
        return credential

    @staticmethod
    def require(credential: Credential, *any_of: str) -> None:
        """Refuse (403) a credential that has none of these scopes."""
        if credential.scopes is None or not any_of or credential.scopes & set(any_of):
            return
        detail = {"message": "One or more of the following scopes are required.", "context": {"requiredGranularScopes": list(any_of)}}
        links = {"links": {"scopes": "https://developers.hubspot.com/scopes"}}
        raise Refused(403, _MISSING, category="MISSING_SCOPES", errors=[detail], extra=links)

    def revoke(self, form: Mapping[str, str]) -> None:
        """Take a refresh token back; an unknown one is not an error."""
        self.refresh_tokens.discard(form.get("token", ""))

    def exchange(self, form: Mapping[str, str]) -> dict[str, Json]:
        """The token endpoint: a code or a refresh token for an access token of 30 minutes. Refresh tokens stay the same."""
        if self.clients.get(form.get("client_id", "")) != form.get("client_secret"):
            raise Refused(400, "missing or unknown client id", category="", extra={"error": "invalid_client"})
        match form.get("grant_type"):
            case "authorization_code" if form.get("code") in self.codes:
                self.codes.discard(form["code"])
                refresh = f"na1-{secrets.token_hex(16)}"
                self.refresh_tokens.add(refresh)
            case "refresh_token" if form.get("refresh_token") in self.refresh_tokens:
                refresh = form["refresh_token"]
                self.refreshes += 1
            case _:
                raise Refused(400, "missing or invalid refresh token or code", category="", extra={"error": "invalid_grant"})
        token = f"CO{secrets.token_hex(24)}"
        self.add(token, kind="oauth", expires_in=1800)
        return {"token_type": "bearer", "access_token": token, "refresh_token": refresh, "expires_in": 1800}
