"""Consent: a state that is good for one answer of its own user, PKCE, and connectors that are disconnected and connected again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import text

from cargo_ai.engine.graph.action import Done, Later
from cargo_ai.integrations.kit import AccountSpec, Integration, Verification, integrations
from cargo_ai.integrations.kit.signing.oauth import OAuth2
from cargo_ai.integrations.kit.signing.vendors import google_oauth, hubspot_oauth
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient
from tests.simulators.oauth import OAuthSimulator
from tests.unit.domains.connection.oauth.conftest import SLUG, Process, agree, connected, expire, key_file, shown


async def test_a_person_connects_an_account_in_the_browser(api: ApiClient, vendor: OAuthSimulator, processes: list[Process]) -> None:
    asked = await api.call("connection.connector.connect", integrationSlug=SLUG, name="CRM", slug="crm")
    query = dict(parse_qsl(urlsplit(str(asked["consentUrl"])).query))
    assert (query["scope"], query["redirect_uri"], query["code_challenge_method"]) == ("crm read", "http://test/v1/oauth/callback", "S256")
    assert asked["connector"]["status"] == "disconnected"
    waiting = await processes[0].perform(asked["connector"]["uuid"])
    assert isinstance(waiting, Later) and waiting.reason == "connectorDisconnected"
    brought = vendor.consent(asked["consentUrl"])
    page = await api.http.get("/v1/oauth/callback", params=brought, headers={"Authorization": ""})
    assert page.status_code == 200 and "admin@localhost asks to connect" in page.text
    assert page.headers["cache-control"] == "no-store" and "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert (await agree(api, brought)).status_code == 200
    assert (await shown(api, asked["connector"]["uuid"]))["status"] == "active"
    assert isinstance(await processes[0].perform(asked["connector"]["uuid"]), Done)
    again = await agree(api, brought)
    assert again.status_code == 400 and "not valid any more" in again.text


async def test_a_program_completes_a_consent_and_makes_the_connector_with_the_grant(
    api: ApiClient, other_api: ApiClient, vendor: OAuthSimulator, processes: list[Process]
) -> None:
    asked = await api.call("connection.integration.initiateOauth", slug=SLUG)
    brought = vendor.consent(asked["consentUrl"])
    stranger = await other_api.refused("connection.integration.completeOauth", slug=SLUG, params=brought)
    assert stranger == (400, "invalidState")
    grant = (await api.call("connection.integration.completeOauth", slug=SLUG, params=brought))["value"]
    assert await api.refused("connection.integration.completeOauth", slug=SLUG, params=brought) == (400, "invalidState")
    config = {"method": "oauth", "grant": grant}
    assert "not a grant of yours" in await other_api.refusal_message(
        "connection.connector.create", integrationSlug=SLUG, slug="crm", name="CRM", config=config
    )
    made = (await api.call("connection.connector.create", integrationSlug=SLUG, slug="crm", name="CRM", config=config))["connector"]
    assert (made["status"], made["config"]) == ("active", {"method": "oauth", "grant": None})
    assert isinstance(await processes[1].perform(made["uuid"]), Done)
    assert "not a grant of yours" in await api.refusal_message(
        "connection.connector.create", integrationSlug=SLUG, slug="two", name="CRM", config=config
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": "code-of-another"}, "answered 400: code *** is not valid"),
        ({"code": ""}, "Consented sent no code."),
        ({"error": "access_denied", "error_description": "<b>No</b>"}, "Consented gave no consent: &lt;b&gt;No&lt;/b&gt;."),
    ],
)
async def test_a_consent_that_gives_no_tokens_says_why_and_uses_its_state_up(
    api: ApiClient, vendor: OAuthSimulator, integration: Integration, change: dict[str, str], said: str
) -> None:
    asked = await api.call("connection.connector.connect", integrationSlug=SLUG)
    brought = {**vendor.consent(asked["consentUrl"]), **change}
    page = await agree(api, brought)
    assert page.status_code == 400 and said in page.text
    assert "not valid any more" in (await agree(api, brought)).text
    assert (await shown(api, asked["connector"]["uuid"]))["status"] == "disconnected"


async def test_a_stolen_code_is_worth_nothing_without_the_verifier(
    api: ApiClient, vendor: OAuthSimulator, integration: Integration
) -> None:
    victim = vendor.consent((await api.call("connection.integration.initiateOauth", slug=SLUG))["consentUrl"])
    thief = await api.call("connection.integration.initiateOauth", slug=SLUG)
    refused = await api.refusal("connection.integration.completeOauth", slug=SLUG, params={"state": thief["state"], "code": victim["code"]})
    assert refused[1]["reason"] == "consentFailed" and victim["code"] not in refused[1]["errorMessage"]


@pytest.mark.parametrize("state_", ["", "unknown", "x" * 5000])
async def test_an_unknown_state_is_refused(api: ApiClient, integration: Integration, state_: str) -> None:
    assert (await agree(api, {"state": state_, "code": "x"})).status_code == 400
    assert await api.refused("connection.integration.completeOauth", slug=SLUG, params={"state": state_}) == (400, "invalidState")


async def test_a_state_is_over_after_ten_minutes(api: ApiClient, vendor: OAuthSimulator, integration: Integration, state: State) -> None:
    asked = await api.call("connection.integration.initiateOauth", slug=SLUG)
    async with state.database.session(ALL_WORKSPACES) as db:
        left = await db.scalar(text("select extract(epoch from expires_at - now()) from oauth_consents"))
        assert 590 < float(left or 0) <= 600
        await db.execute(text("update oauth_consents set expires_at = now()"))
        await db.commit()
    brought = vendor.consent(asked["consentUrl"])
    assert await api.refused("connection.integration.completeOauth", slug=SLUG, params=brought) == (400, "invalidState")


async def test_a_disconnected_account_takes_its_tokens_back_and_keeps_its_uuid(
    api: ApiClient, other_api: ApiClient, vendor: OAuthSimulator, processes: list[Process]
) -> None:
    connector = await connected(api, vendor)
    assert await other_api.refused("connection.connector.disconnect", uuid=connector) == (404, "connectorNotFound")
    assert await other_api.refused("connection.connector.connect", uuid=connector) == (404, "connectorNotFound")
    off = (await api.call("connection.connector.disconnect", uuid=connector))["connector"]
    assert (off["status"], off["disconnectedBecause"]) == ("disconnected", "it was disconnected by a person")
    assert vendor.revoked and not vendor.refresh
    assert await api.refused("connection.connector.disconnect", uuid=connector) == (409, "notConnected")
    assert isinstance(await processes[0].perform(connector), Later)
    assert await connected(api, vendor, uuid=connector) == connector
    assert isinstance(await processes[0].perform(connector), Done)


async def test_a_connector_may_have_an_app_of_its_own(api: ApiClient, vendor: OAuthSimulator, processes: list[Process]) -> None:
    vendor.client_id, vendor.client_secret = "app-of-the-team", "secret-of-the-team"
    connector = await connected(api, vendor, config={"clientId": "app-of-the-team"}, secrets={"clientSecret": "secret-of-the-team"})
    assert (await shown(api, connector))["config"] == {"method": "oauth", "clientId": "app-of-the-team", "clientSecret": "***"}
    assert isinstance(await processes[0].perform(connector), Done)


async def test_what_cannot_be_connected_says_so(api: ApiClient, integration: Integration, state: State) -> None:
    assert await api.refused("connection.connector.connect", integrationSlug="http") == (409, "initiateOauthNotSupported")
    assert await api.refused("connection.connector.connect", integrationSlug="nowhere") == (404, "integrationNotFound")
    assert await api.refused("connection.connector.connect") == (400, "invalidConnector")
    key = (await api.call("connection.connector.create", integrationSlug=SLUG, slug="k", name="K", config=_bearer(), verify=False))[
        "connector"
    ]
    assert await api.refused("connection.connector.connect", uuid=key["uuid"]) == (409, "initiateOauthNotSupported")
    del state.settings.environment["CARGO_AI_OAUTH_CONSENTED_CLIENT_ID"]
    said = await api.refusal_message("connection.connector.connect", integrationSlug=SLUG)
    assert "register one with the redirect URL http://test/v1/oauth/callback, then set CARGO_AI_OAUTH_CONSENTED_CLIENT_ID" in said


def _bearer() -> dict[str, Any]:
    return {"method": "bearer", "token": "a-token-of-someone"}


async def test_a_service_account_signs_in_with_its_key(api: ApiClient, vendor: OAuthSimulator, processes: list[Process]) -> None:
    config = {"method": "serviceAccount", "serviceAccountKey": key_file()}
    made = (await api.call("connection.connector.create", integrationSlug=SLUG, slug="r", name="R", config=config))["connector"]
    assert made["config"] == {"method": "serviceAccount", "serviceAccountKey": "***"}
    asked = len(vendor.issued)
    assert [isinstance(await processes[0].perform(made["uuid"]), Done) for _ in range(3)] == [True] * 3
    assert len(vendor.issued) == asked + 1
    vendor.access.clear()  # taken back by the vendor: a fresh one is fetched
    assert isinstance(await processes[0].perform(made["uuid"]), Done)
    bad = {"method": "serviceAccount", "serviceAccountKey": "{}"}
    said = await api.refusal_message("connection.connector.create", integrationSlug=SLUG, slug="x", name="X", config=bad)
    assert "is not a JSON key file with `client_email`" in said


@pytest.mark.parametrize(
    "declared", [hubspot_oauth("oauth"), google_oauth("https://www.googleapis.com/auth/spreadsheets")], ids=lambda way: way.title
)
async def test_what_is_declared_of_a_vendor_connects_refreshes_and_disconnects(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process], state: State, declared: OAuth2
) -> None:
    url = vendor.service.url
    here = replace(declared, authorize_url=f"{url}/authorize", token_url=f"{url}/token", revoke_url=f"{url}/revoke")
    changed = replace(processes[0].integration, account=AccountSpec(sign_ins=(here,), verification=Verification("/me")))
    integrations().loaded[SLUG] = changed
    connector = await connected(api, vendor)
    await expire(state)
    outcome = await replace(processes[0], integration=changed).perform(connector)
    assert isinstance(outcome, Done) and vendor.refreshes == 1
    await api.call("connection.connector.disconnect", uuid=connector)
    assert not vendor.refresh
