"""Accounts of Salesforce: an app's id and secret, a person's consent, or the token of a session, proven by the list of resources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import (
    AccountSpec,
    Bearer,
    ClientCredentials,
    ClientCredentialsForm,
    Form,
    InvalidConfig,
    Verification,
    secret_field,
)
from cargo_ai.integrations.kit.signing.oauth import INSTANCE
from cargo_ai.integrations.kit.signing.vendors import salesforce_oauth
from cargo_ai.integrations.salesforce.versions import DATA

Json = Any
LOGIN = "https://login.salesforce.com"
# Secrets go to this host: in clear only on this machine, where a simulator may be.
_DOMAIN = re.compile(r"(?:(?:https://)?[A-Za-z0-9][A-Za-z0-9.-]*|http://(?:127\.0\.0\.1|localhost))(?::[0-9]{1,5})?")


def _domain_field() -> Any:
    return Field(
        title="My Domain",
        description="The address of the org: acme.my.salesforce.com, of a sandbox acme--dev.sandbox.my.salesforce.com (Setup > My Domain).",
        min_length=4,
        max_length=255,
    )


class AppForm(ClientCredentialsForm):
    """The app and its org."""

    domain: str = _domain_field()


class SessionForm(Form):
    """A session of an org."""

    domain: str = _domain_field()
    session_token: str = secret_field("Access token", "Of a session that is open; it ends within hours and is not renewed: for a trial.")


@dataclass(frozen=True, kw_only=True)
class SessionToken(Bearer):
    """The access token of a session, and the org that gave it."""

    @property
    def form(self) -> type[Form]:
        """The token and the org."""
        return SessionForm


def home(config: Mapping[str, Json]) -> str:
    """The address of the org. What the token endpoint says wins: of a consent nothing else is known. InvalidConfig for another text."""
    if instance := config.get(INSTANCE):
        return str(instance).rstrip("/")
    domain = str(config.get("domain") or "").strip().rstrip("/")
    if not domain:
        return LOGIN
    if not _DOMAIN.fullmatch(domain):
        raise InvalidConfig("`domain` is not an address of an org: it is like acme.my.salesforce.com, by https and without a path.")
    return domain if "://" in domain else f"https://{domain}"


def token_url(config: Mapping[str, Json]) -> str:
    """Where the org gives tokens."""
    if not config.get("domain"):
        raise InvalidConfig("The address of the org (`domain`) is missing.")
    return f"{home({'domain': config['domain']})}/services/oauth2/token"


APP = ClientCredentials(title="External Client App", token_url=token_url, fields=AppForm)
OAUTH = salesforce_oauth("api", "refresh_token")
SESSION = SessionToken(kind="accessToken", title="Access token of a session", field="sessionToken")

ACCOUNT = AccountSpec(sign_ins=(APP, OAUTH, SESSION), verification=Verification(DATA), bound_to=("domain",))
