"""Apps of OAuth: the connector's own, else the one that the server's operator has set for the integration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.kit.signing.oauth import App, OAuth2
from cargo_ai.kernel.settings import Settings


def oauth_of(integration: Integration) -> OAuth2 | None:
    """How people consent to connect a service, None where they cannot."""
    return next((sign_in for sign_in in integration.account.sign_ins if isinstance(sign_in, OAuth2)), None)


def reached(sign_in: OAuth2, integration: Integration, settings: Settings) -> OAuth2:
    """The sign-in with its token endpoints where the operator sends the service's calls, if they are below the service's own address."""
    return replace(
        sign_in, token_url=moved(sign_in.token_url, integration, settings), revoke_url=moved(sign_in.revoke_url, integration, settings)
    )


def moved(url: str, integration: Integration, settings: Settings) -> str:
    """An address of the service, where the operator sends its calls: one below that of its calls, or of another host of its domain, as
    Google has for tokens. Of a service whose accounts have addresses of their own, every address is."""
    address, service = settings.service_addresses.get(integration.slug), integration.service
    if address is None or service is None or not url:
        return url
    origin = "/".join(url.split("/", 3)[:3])
    home = service.base_url.rstrip("/") if isinstance(service.base_url, str) else origin
    if not url.startswith(f"{home}/") and _domain(url) != _domain(home):
        return url
    return f"{address.rstrip('/')}{url.removeprefix(home if url.startswith(f'{home}/') else origin)}"


def _domain(url: str) -> str:
    """The last two parts of its host's name."""
    return ".".join((urlsplit(url).hostname or "").split(".")[-2:])


def app_of(settings: Settings, integration: Integration, config: Mapping[str, Any]) -> App | None:
    """The app, None where there is not one. A connector with a client id uses its own secret, never the server's."""
    own = integration.account.signed_in(config)
    if own.get("clientId"):
        return App(str(own["clientId"]), str(own.get("clientSecret") or ""))
    client_id, client_secret = settings.oauth_app(integration.slug)
    return App(client_id, client_secret) if client_id else None


def how_to_set(integration: Integration, callback: str) -> str:
    """What is missing, for people."""
    name = Settings.oauth_variable(integration.slug)
    return (
        f"There is no OAuth app for {integration.name}: register one with the redirect URL {callback}, then set {name}_CLIENT_ID and "
        f"{name}_CLIENT_SECRET on the server, or give clientId and clientSecret in the connector's config."
    )
