"""OAuth 2 as data: where consent is given, how a code and a refresh token become access tokens, and what the answers say."""

from __future__ import annotations

import base64
import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast
from urllib.parse import quote, urlencode

from pydantic import Field

from cargo_ai.integrations.kit.errors import DISCONNECTED, AccountHalted
from cargo_ai.integrations.kit.forms import Form, secret_field
from cargo_ai.integrations.kit.signing.sign_in import Credentials, SignIn

Json = Any

ACCESS_TOKEN = "accessToken"  # noqa: S105
"""Where the access token of a grant stands in a config that is opened for calls. It is in no form, so that no one can enter one."""
INSTANCE = "instanceUrl"
"""The same, the address at which the tokens are good, of a vendor whose token endpoint says so."""
DEFAULT_SECONDS = 3600


class UnusableTokens(ValueError):
    """An answer of a token endpoint holds no access token."""


@dataclass(frozen=True, slots=True)
class App:
    """The app that people consent to, as the vendor knows it."""

    client_id: str
    client_secret: str = ""


@dataclass(frozen=True, slots=True)
class TokenCall:
    """One call of a token endpoint: a form that is posted."""

    url: str
    form: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave. refresh: None where the former one stays valid. seconds: how long the access token lasts.
    instance: the address at which it is good, of a vendor who says so."""

    access: str
    refresh: str | None
    seconds: int
    scopes: str = ""
    instance: str = ""


def read_tokens(answer: Json) -> Tokens:
    """The tokens in an answer. UnusableTokens where it has none."""
    document: Mapping[str, Json] = cast("Mapping[str, Json]", answer) if isinstance(answer, Mapping) else {}
    access, refresh, seconds = document.get("access_token"), document.get("refresh_token"), document.get("expires_in")
    if not isinstance(access, str) or not access:
        raise UnusableTokens("the answer has no access_token")
    valid = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0
    lasting = int(seconds) if valid and isinstance(seconds, (int, float)) else DEFAULT_SECONDS
    scopes = document.get("scope") or " ".join(map(str, cast("list[Json]", document.get("scopes") or [])))
    instance = document.get("instance_url")
    known = refresh if isinstance(refresh, str) and refresh else None
    return Tokens(access, known, lasting, str(scopes), instance if isinstance(instance, str) else "")


@dataclass(frozen=True, kw_only=True)
class TokenSignIn(SignIn):
    """A sign-in whose access tokens come from a token endpoint and expire."""

    refreshable: ClassVar[bool] = True

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """The access token that stands in the opened config."""
        token = config.get(ACCESS_TOKEN)
        if not token:
            raise AccountHalted("The account is not connected.", DISCONNECTED)
        return Credentials(headers={"authorization": f"Bearer {token}"})

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """The access token."""
        yield str(config.get(ACCESS_TOKEN) or "")


@dataclass(frozen=True, kw_only=True)
class FetchedSignIn(TokenSignIn):
    """A sign-in whose access tokens are fetched with what stands in the config, without a person's consent.

    one_for_all: whether all processes use one token, so that it is fetched by one call when it is over.
    """

    one_for_all: ClassVar[bool] = False

    @abstractmethod
    def token_call(self, config: Mapping[str, Json], now: int) -> TokenCall:
        """The call that gives a token. InvalidConfig where the config cannot be used for one. now: seconds since 1970."""

    @abstractmethod
    def identity(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """The texts on which the token depends: another config with the same ones may use it."""

    def fingerprint(self, config: Mapping[str, Json]) -> str:
        """The identity, without its secrets."""
        return hashlib.sha256("\0".join((self.kind, *self.identity(config))).encode("utf-8", "surrogatepass")).hexdigest()


class _OAuthForm(Form):
    client_id: str = Field(
        default="", title="Client id", description="Of an app of your own; empty: the app that the server's operator set."
    )
    client_secret: str = secret_field("Client secret", "Of that app.", optional=True)
    grant: str = secret_field(
        "Grant", "What `connection integration complete-oauth` gave; empty when you connect by a link.", optional=True
    )


@dataclass(frozen=True, kw_only=True)
class OAuth2(TokenSignIn):
    """Consent of a person in the browser (authorization code, with PKCE S256 unless the vendor refuses it), then refresh tokens.

    authorize_params: what the vendor wants to see besides the usual. client_auth: where the app's credentials go. revoke_url: takes a
    refresh token back; "": the vendor cannot.
    """

    kind: str = "oauth"
    title: str = "OAuth"
    authorize_url: str
    token_url: str
    revoke_url: str = ""
    scopes: tuple[str, ...] = ()
    scope_separator: str = " "
    pkce: bool = True
    authorize_params: Mapping[str, str] = field(default_factory=dict[str, str])
    client_auth: Literal["body", "basic"] = "body"

    @property
    def form(self) -> type[Form]:
        """A separate app, where the server has not one."""
        return _OAuthForm

    def consent_url(self, app: App, redirect_uri: str, state: str, verifier: str) -> str:
        """Where a person consents."""
        query = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.scope_separator.join(self.scopes),
            "state": state,
            **self.authorize_params,
        }
        if self.pkce:
            query |= {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
        return f"{self.authorize_url}?{urlencode(query, quote_via=quote)}"

    def code_call(self, app: App, redirect_uri: str, code: str, verifier: str) -> TokenCall:
        """Turns the code that came back from the consent into tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._call(self.token_url, app, form | ({"code_verifier": verifier} if self.pkce else {}))

    def refresh_call(self, app: App, refresh_token: str) -> TokenCall:
        """Turns a refresh token into a new access token."""
        return self._call(self.token_url, app, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    def revoke_call(self, app: App, refresh_token: str) -> TokenCall | None:
        """Takes a refresh token back; None where the vendor cannot."""
        form = {"token": refresh_token, "token_type_hint": "refresh_token"}
        return self._call(self.revoke_url, app, form) if self.revoke_url else None

    def _call(self, url: str, app: App, form: Mapping[str, str]) -> TokenCall:
        if self.client_auth == "basic":
            pair = base64.b64encode(f"{quote(app.client_id, safe='')}:{quote(app.client_secret, safe='')}".encode()).decode()
            return TokenCall(url, form, {"authorization": f"Basic {pair}"})
        secret = {"client_secret": app.client_secret} if app.client_secret else {}
        return TokenCall(url, {**form, "client_id": app.client_id, **secret})


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
