"""Token endpoints go where the operator sends a service's calls, if they are the service's own."""

from __future__ import annotations

import pytest

from cargo_ai.domains.connection.oauth.apps import moved
from cargo_ai.integrations.kit import integrations
from cargo_ai.kernel.settings import Settings

SETTINGS = Settings({"CARGO_AI_SERVICE_ADDRESSES": "googleSheets=http://127.0.0.1:9/g,hubspot=http://127.0.0.1:9/h"})


@pytest.mark.parametrize(
    ("slug", "url", "address"),
    [
        ("hubspot", "https://api.hubapi.com/oauth/2026-03/token", "http://127.0.0.1:9/h/oauth/2026-03/token"),
        ("googleSheets", "https://oauth2.googleapis.com/token", "http://127.0.0.1:9/g/token"),
        ("googleSheets", "https://oauth2.googleapis.com.example.com/token", "https://oauth2.googleapis.com.example.com/token"),
        ("googleSheets", "https://elsewhere.example/token", "https://elsewhere.example/token"),
        ("slack", "https://slack.com/api/oauth.v2.access", "https://slack.com/api/oauth.v2.access"),
    ],
)
def test_an_address_of_the_services_domain_is_moved(slug: str, url: str, address: str) -> None:
    assert moved(url, integrations()[slug], SETTINGS) == address
