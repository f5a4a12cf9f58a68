"""A small OpenID provider: discovery, consent with PKCE and nonce, identity tokens, userinfo; and what a hostile one would say."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.kit.peers.echo_service import EchoService, Heard, Say
from tests.simulators.oauth import challenge


@dataclass
class OpenIdSimulator:
    """The provider, on a service. `claims`: what it says of the person besides; `in_userinfo`: the address is only there."""

    service: EchoService
    client_id: str = "cargo"
    client_secret: str = "provider-secret-0815"
    email: str = "ann@example.com"
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    in_userinfo: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def __post_init__(self) -> None:
        url = self.service.url
        document = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
        }
        self.service.on("/.well-known/openid-configuration", _json(200, document))
        self.service.on("/token", self._token)
        self.service.on("/userinfo", self._userinfo)

    def consent(self, url: str) -> dict[str, str]:
        """A person consents at this URL: the query that the browser brings back."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert query["client_id"] == self.client_id and query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256" and "openid" in query["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return {"state": query["state"], "code": code}

    def _token(self, heard: Heard) -> Say:
        form = {name: values[0] for name, values in parse_qs(heard.body.decode()).items()}
        asked = self.codes.pop(form["code"], None)
        if (form["client_id"], form["client_secret"]) != (self.client_id, self.client_secret):
            return _json(401, {"error": "invalid_client"})
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or challenge(form["code_verifier"]) != asked["code_challenge"]:
            return _json(400, {"error": "invalid_grant"})
        address = {} if self.in_userinfo else {"email": self.email, "email_verified": True}
        known = {"iss": self.service.url, "aud": self.client_id, "sub": "4711", "exp": int(time.time()) + 300, "nonce": asked["nonce"]}
        return _json(200, {"access_token": "at", "id_token": ".".join(map(_part, ({"alg": "RS256"}, known | address | self.claims, {})))})

    def _userinfo(self, heard: Heard) -> Say:
        assert heard.headers["authorization"] == "Bearer at"
        return _json(200, {"sub": "4711", "email": self.email, "email_verified": True})


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _json(status: int, body: Any) -> Say:
    return Say(status, json.dumps(body).encode(), {"content-type": "application/json"})
