"""HubSpot by OAuth, at the simulator of its token endpoints: connected, renewed, disconnected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.simulators.hubspot import server
from tests.simulators.hubspot.server import Running
from tests.unit.domains.connection.oauth.conftest import agree, expire, shown


@pytest.fixture
def hubspot() -> Iterator[Running]:
    with server.running() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, hubspot: Running) -> Settings:
    """A server with an app for HubSpot, which it reaches at the simulator."""
    ((client_id, client_secret),) = hubspot.control.sign_in.clients.items()
    named = {
        "CARGO_AI_DATA_DIR": str(tmp_path / "data"),
        "CARGO_AI_STRICT_REFUSALS": "1",
        "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1",
        "CARGO_AI_PUBLIC_URL": "http://test",
        "CARGO_AI_SERVICE_ADDRESSES": f"hubspot={hubspot.url}",
        "CARGO_AI_OAUTH_HUBSPOT_CLIENT_ID": client_id,
        "CARGO_AI_OAUTH_HUBSPOT_CLIENT_SECRET": client_secret,
    }
    return Settings(named)


async def test_an_account_is_connected_renewed_and_disconnected(api: ApiClient, hubspot: Running, state: State) -> None:
    sign_in = hubspot.control.sign_in
    asked = await api.call("connection.connector.connect", integrationSlug="hubspot", name="CRM", slug="crm")
    where = urlsplit(str(asked["consentUrl"]))
    query = dict(parse_qsl(where.query))
    assert (where.netloc, where.path) == ("app.hubspot.com", "/oauth/authorize")
    assert {"oauth", "crm.objects.contacts.write", "crm.lists.read"} <= set(query["scope"].split())
    assert "crm.objects.custom.read" in query["optional_scope"] and "custom" not in query["scope"]

    sign_in.codes.add("code-4711")
    page = await agree(api, {"state": query["state"], "code": "code-4711"})
    assert page.status_code == 200, page.text
    connector = str(asked["connector"]["uuid"])
    assert (await shown(api, connector))["status"] == "active"

    async def objects() -> list[str]:
        fields: Body = {"connectorUuid": connector, "slug": "listObjects", "params": {}, "refresh": True}
        return [choice["value"] for choice in (await api.call("connection.connector.autocomplete", **fields))["results"]]

    assert "contacts" in await objects()
    await expire(state)
    sign_in.credentials = {token: each for token, each in sign_in.credentials.items() if each.kind != "oauth"}
    assert "contacts" in await objects()
    assert sign_in.refreshes == 1

    await api.call("connection.connector.disconnect", uuid=connector)
    assert sign_in.refresh_tokens == set()
    assert (await shown(api, connector))["status"] == "disconnected"
