"""OpenID providers: where their endpoints are, the page on which a person consents, and the address that they vouch for."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from cargo_ai.context.process import Services
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.url import parse_url

CALLBACK = "/v1/login/callback"
SECONDS = 15.0
KNOWN_FOR = 3600.0
LEEWAY = 60
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class LoginFailed(Exception):
    """The provider vouches for no address; the message says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The endpoints of a provider, as its discovery document has them."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None

    def consent_url(self, settings: Settings, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """The page on which a person signs in at the provider."""
        query = {
            "response_type": "code",
            "client_id": settings.login_client_id,
            "redirect_uri": redirect,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.authorization_endpoint}{'&' if '?' in self.authorization_endpoint else '?'}{urlencode(query)}"


class OpenId:
    """The provider of the settings, asked with a client that may reach it though it be in a private network. One per process."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        issuer = urlsplit(services.settings.login_issuer)
        host = f"{issuer.hostname}:{issuer.port}" if issuer.port else str(issuer.hostname)
        allowed = ",".join(filter(None, (services.settings.outbound_allow, host)))
        self._client: HttpClient = http_client.client(Settings(services.settings.environment | {"CARGO_AI_OUTBOUND_ALLOW": allowed}))
        self._provider: Provider | None = None
        self._until = 0.0
        services.database.before_close(self._client.aclose)

    async def provider(self) -> Provider:
        """The provider; its document is read again after an hour. LoginFailed where it cannot be."""
        if self._provider is None or clock.seconds() > self._until:
            issuer = self._settings.login_issuer
            document = await self._json("GET", f"{issuer}/.well-known/openid-configuration")
            if str(document.get("issuer", "")).rstrip("/") != issuer:
                raise LoginFailed(f"The document of {issuer} is of another issuer.")
            userinfo = document.get("userinfo_endpoint")
            self._provider = Provider(
                str(document["issuer"]),
                _endpoint(document, "authorization_endpoint"),
                _endpoint(document, "token_endpoint"),
                _endpoint(document, "userinfo_endpoint") if userinfo else None,
            )
            self._until = clock.seconds() + KNOWN_FOR
        return self._provider

    async def email_of(self, code: str, verifier: str, nonce: str, redirect: str) -> str:
        """The verified address of the person to whom the provider gave this code. LoginFailed without one.

        The identity token comes from the token endpoint over TLS, which stands in for its signature (OpenID Connect Core 3.1.3.7).
        """
        provider = await self.provider()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self._settings.login_client_id,
            "client_secret": self._settings.login_client_secret,
            "code_verifier": verifier,
        }
        tokens = await self._json("POST", provider.token_endpoint, form)
        claims = _claims(str(tokens.get("id_token", "")))
        self._check(provider, claims, nonce)
        if "email" not in claims and provider.userinfo_endpoint is not None:
            shown = await self._json("GET", provider.userinfo_endpoint, bearer=str(tokens.get("access_token", "")))
            if shown.get("sub") != claims.get("sub"):
                raise LoginFailed("The provider answered about another person.")
            claims = {**claims, "email": shown.get("email"), "email_verified": shown.get("email_verified")}
        email = claims.get("email")
        if not isinstance(email, str) or "@" not in email or len(email) > 254:
            raise LoginFailed("The provider gave no e-mail address.")
        if claims.get("email_verified") not in (True, "true"):
            raise LoginFailed(f"The provider has not verified the address {email}.")
        return email.lower()

    def _check(self, provider: Provider, claims: dict[str, Any], nonce: str) -> None:
        audience = claims.get("aud")
        audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
        expires = claims.get("exp")
        if claims.get("iss") != provider.issuer or self._settings.login_client_id not in audiences:
            raise LoginFailed("The identity token is of another provider or for another application.")
        if len(audiences) > 1 and claims.get("azp") != self._settings.login_client_id:
            raise LoginFailed("The identity token is for another application.")
        if claims.get("nonce") != nonce:
            raise LoginFailed("The identity token belongs to another sign-in.")
        if not isinstance(expires, (int, float)) or expires < clock.now().timestamp() - LEEWAY:
            raise LoginFailed("The identity token has expired.")

    async def _json(self, verb: str, url: str, form: dict[str, str] | None = None, bearer: str = "") -> dict[str, Any]:
        headers = {"accept": "application/json", **({"authorization": f"Bearer {bearer}"} if bearer else {})}
        body = b""
        if form is not None:
            headers["content-type"], body = "application/x-www-form-urlencoded", urlencode(form).encode()
        sent = tuple((name, value.encode()) for name, value in headers.items())
        try:
            response = await send(self._client, OutboundRequest(verb, parse_url(url), sent, body, SECONDS))
        except (ExchangeFailed, OutboundRefused) as error:
            raise LoginFailed(f"The provider cannot be reached: {error}") from None
        try:
            document: object = json.loads(response.body)
        except (ValueError, RecursionError):
            document = None
        if response.status != 200 or not isinstance(document, dict):
            code = cast("dict[str, object]", document).get("error") if isinstance(document, dict) else None
            raise LoginFailed(f"The provider answered {response.status}{f' ({str(code)[:100]})' if code else ''}.")
        return cast("dict[str, Any]", document)


def _endpoint(document: dict[str, Any], name: str) -> str:
    url = str(document.get(name, ""))
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise LoginFailed(f"The provider's {name} is not an https URL.")
    return url


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise LoginFailed("The provider gave no identity token.")
    return cast("dict[str, Any]", claims)
