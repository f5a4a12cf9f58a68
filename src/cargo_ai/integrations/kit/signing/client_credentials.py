"""Client credentials: an app's id and secret give access tokens, without a person's consent (RFC 6749, 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from cargo_ai.integrations.kit.forms import Form, secret_field
from cargo_ai.integrations.kit.signing.oauth import FetchedSignIn, TokenCall

Json = Any


class ClientCredentialsForm(Form):
    """The app."""

    client_id: str = Field(title="Client id", description="Of the app: its consumer key.", min_length=1, max_length=500)
    client_secret: str = secret_field("Client secret", "Of the app: its consumer secret.")


@dataclass(frozen=True, kw_only=True)
class ClientCredentials(FetchedSignIn):
    """The id and the secret of an app. token_url: follows from the config. fields: the form, with what the address needs besides."""

    one_for_all: ClassVar[bool] = True

    kind: str = "clientCredentials"
    title: str = "Client credentials"
    token_url: Callable[[Mapping[str, Json]], str]
    fields: type[ClientCredentialsForm] = ClientCredentialsForm

    @property
    def form(self) -> type[Form]:
        """The app, and where it is."""
        return self.fields

    def token_call(self, config: Mapping[str, Json], now: int) -> TokenCall:
        """Turns id and secret into an access token."""
        app = {"client_id": str(config.get("clientId") or ""), "client_secret": str(config.get("clientSecret") or "")}
        return TokenCall(self.token_url(config), {"grant_type": "client_credentials", **app})

    def identity(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """The app, and where it is."""
        return (self.token_url(config), str(config.get("clientId")), str(config.get("clientSecret")))
