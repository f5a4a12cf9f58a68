"""A small authorization server: consent, codes with PKCE, refresh tokens that may rotate, revocation, and service accounts.

As RFC 6749, 7636, 7009 and 7523 have it, in the forms of HubSpot's dated token endpoints (all in the body) and of Google's (a refresh token
only with `access_type=offline`, assertions signed with RS256). Faults: a slow answer, an answer that is lost after its effect, an outage.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.kit.peers.echo_service import EchoService, Heard, Say


@dataclass
class OAuthSimulator:
    """The server, on a service. `rotates`: a refresh token is good once. `faults`: what the next calls of the token endpoint suffer."""

    service: EchoService
    client_id: str = "app-4711"
    client_secret: str = "app-secret-4711-0815"
    seconds: int = 1800
    rotates: bool = False
    key: rsa.RSAPublicKey | None = None
    faults: list[str] = field(default_factory=list[str])
    delay: float = 0.0
    refreshes: int = 0
    issued: list[str] = field(default_factory=list[str])
    verifiers: list[str] = field(default_factory=list[str])
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    access: set[str] = field(default_factory=set[str])
    refresh: set[str] = field(default_factory=set[str])
    refreshing: asyncio.Event = field(default_factory=asyncio.Event)
    revoked: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.service.on("/token", self._token)
        self.service.on("/revoke", self._revoke)
        self.service.on("/me", self._me)

    def consent(self, url: str) -> dict[str, str]:
        """A person consents at this URL: the query that the browser brings back."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert query["client_id"] == self.client_id and query["response_type"] == "code"
        assert query.get("code_challenge_method") == "S256"
        code = self._new("code")
        self.codes[code] = query
        return {"state": query["state"], "code": code}

    def _new(self, kind: str) -> str:
        token = f"{kind}-{len(self.issued):04d}-{hashlib.sha256(f'{kind}{len(self.issued)}'.encode()).hexdigest()[:24]}"
        self.issued.append(token)
        return token

    async def _token(self, heard: Heard) -> Say:
        form = {name: values[0] for name, values in parse_qs(heard.body.decode()).items()}
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "outage":
            return _json(503, {"error": "temporarily_unavailable"})
        answer = self._granted(form)
        if self.delay:
            await asyncio.sleep(self.delay)
        return Say(reset=True) if fault == "lost" else answer

    def _granted(self, form: dict[str, str]) -> Say:
        if form.get("grant_type", "").endswith("jwt-bearer"):
            return self._assertion(form["assertion"])
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return _json(401, {"error": "invalid_client", "error_description": "unknown app"})
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            verifier = form.get("code_verifier", "")
            self.verifiers.append(verifier)
            if asked is None or asked["redirect_uri"] != form["redirect_uri"] or challenge(verifier) != asked["code_challenge"]:
                return _json(400, {"error": "invalid_grant", "error_description": f"code {form['code']} is not valid"})
            offline = "googleapis" not in asked["scope"] or (asked.get("access_type"), asked.get("prompt")) == ("offline", "consent")
            return self._tokens(self._refresh_token() if offline else None)
        self.refreshes += 1
        self.refreshing.set()
        if form["refresh_token"] not in self.refresh:
            return _json(400, {"error": "invalid_grant", "error_description": "refresh token is invalid, expired or revoked"})
        if self.rotates:
            self.refresh.discard(form["refresh_token"])
        return self._tokens(self._refresh_token() if self.rotates else None)

    def _refresh_token(self) -> str:
        token = self._new("refresh")
        self.refresh.add(token)
        return token

    def _tokens(self, refresh: str | None) -> Say:
        access = self._new("access")
        self.access.add(access)
        given: dict[str, Any] = {"access_token": access, "token_type": "bearer", "expires_in": self.seconds, "scope": "crm"}
        return _json(200, given if refresh is None else {**given, "refresh_token": refresh})

    def _assertion(self, assertion: str) -> Say:
        assert self.key is not None
        head, claims, signature = assertion.split(".")
        try:
            self.key.verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return _json(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        said: dict[str, Any] = json.loads(_decoded(claims))
        assert json.loads(_decoded(head))["alg"] == "RS256"
        assert said["aud"] == f"{self.service.url}/token" and said["exp"] - said["iat"] <= 3600 and said["exp"] > time.time()
        return self._tokens(None)

    def _revoke(self, heard: Heard) -> Say:
        form = {name: values[0] for name, values in parse_qs(heard.body.decode()).items()}
        self.revoked.append(form["token"])
        self.refresh.discard(form["token"])
        return _json(200, {})

    def _me(self, heard: Heard) -> Say:
        token = heard.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.access:
            return _json(401, {"message": f"The token {token} is not valid."})
        return _json(200, {"portal": 42, "token": token})


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json(status: int, document: Any) -> Say:
    return Say(status, json.dumps(document).encode(), {"content-type": "application/json"})
