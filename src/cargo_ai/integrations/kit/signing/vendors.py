"""OAuth of vendors that several services share, as their pages describe it."""

from __future__ import annotations

from cargo_ai.integrations.kit.signing.oauth import OAuth2
from cargo_ai.integrations.kit.signing.service_account import ServiceAccount

GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"


def google_oauth(*scopes: str) -> OAuth2:
    """Consent at Google (developers.google.com/identity/protocols/oauth2/web-server): without `offline` and `consent` no refresh token."""
    return OAuth2(
        title="Google account",
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url=GOOGLE_TOKENS,
        revoke_url="https://oauth2.googleapis.com/revoke",
        scopes=scopes,
        authorize_params={"access_type": "offline", "prompt": "consent"},
    )


def google_service_account(*scopes: str) -> ServiceAccount:
    """A service account of Google (developers.google.com/identity/protocols/oauth2/service-account)."""
    return ServiceAccount(token_url=GOOGLE_TOKENS, scopes=scopes)


def hubspot_oauth(*scopes: str) -> OAuth2:
    """Consent at HubSpot, by the dated token endpoints of 2026-03, which take all parameters in the body."""
    return OAuth2(
        title="HubSpot account",
        authorize_url="https://app.hubspot.com/oauth/authorize",
        token_url="https://api.hubapi.com/oauth/2026-03/token",  # noqa: S106
        revoke_url="https://api.hubapi.com/oauth/2026-03/token/revoke",
        scopes=scopes,
    )


def salesforce_oauth(*scopes: str) -> OAuth2:
    """Consent at Salesforce (help.salesforce.com, OAuth 2.0 web server flow); `instance_url` of the answer says where the org is."""
    return OAuth2(
        title="Salesforce user",
        authorize_url="https://login.salesforce.com/services/oauth2/authorize",
        token_url="https://login.salesforce.com/services/oauth2/token",  # noqa: S106
        revoke_url="https://login.salesforce.com/services/oauth2/revoke",
        scopes=scopes,
    )
