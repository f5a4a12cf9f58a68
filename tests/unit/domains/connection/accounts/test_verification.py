"""Accounts are proved by one call before anything is stored, and the service's own words say why one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.kernel.settings import Settings
from tests.kit.api_client import ApiClient
from tests.kit.peers.echo_service import EchoService, Heard, Say

TOKEN, WRONG = "tok-4711-very-secret", "tok-0815-of-no-one"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A server that may call loopback."""
    return Settings({**settings.environment, "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})


@pytest.fixture(autouse=True)
def me(service: EchoService) -> None:
    """Who calls, for those who may."""

    def answer(heard: Heard) -> Say:
        token = heard.headers.get("authorization", "")
        if token == f"Bearer {TOKEN}" and heard.headers.get("x-team") == "a":
            return Say(200, b"ada")
        return Say(401, f'{{"message": "Unknown token {token}"}}'.encode(), {"content-type": "application/json"})

    service.on("/me", answer)


def config(service: EchoService, token: str = TOKEN, path: str = "/me") -> dict[str, Any]:
    return {"baseUrl": service.url, "verifyPath": path, "headers": {"X-Team": "a"}, "auth": {"kind": "bearer", "token": token}}


async def test_an_account_is_proved_when_it_is_made_and_when_it_is_changed(api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=config(service))
    assert [heard.path for heard in service.heard] == ["/me"]
    await api.call("connection.connector.update", uuid=made["uuid"], name="New")
    assert len(service.heard) == 1
    await api.call("connection.connector.update", uuid=made["uuid"], secrets={"auth.token": TOKEN})
    assert len(service.heard) == 2
    await api.call("connection.connector.get", uuid=made["uuid"])
    assert len(service.heard) == 2
    await api.call("connection.connector.get", uuid=made["uuid"], verify=True)
    assert len(service.heard) == 3


async def test_what_the_service_does_not_accept_is_not_stored(api: ApiClient, service: EchoService) -> None:
    status, body = await api.refusal(
        "connection.connector.create", integrationSlug="http", slug="c", name="X", config=config(service, WRONG)
    )
    assert (status, body["reason"]) == (400, "verificationFailed")
    said = "HTTP does not accept this account: HTTP answered 401: Unknown token Bearer ***."
    assert body["errorMessage"] == f"{said} Nothing was stored; --no-verify stores without asking the service."
    assert (await api.call("connection.connector.list"))["connectors"] == []
    made = await api.connector(config=config(service, WRONG), verify=False)
    assert (await api.refusal("connection.connector.get", uuid=made["uuid"], verify=True))[1]["errorMessage"] == said
    refused = await api.refusal("connection.connector.update", uuid=made["uuid"], config=config(service, "another-wrong"), name="New")
    assert refused[1]["reason"] == "verificationFailed"
    shown = (await api.call("connection.connector.get", uuid=made["uuid"]))["connector"]
    assert (shown["name"], shown["updatedAt"]) == ("CRM", made["updatedAt"])


@pytest.mark.parametrize(
    ("base", "said"),
    [("http://127.0.0.1:9", "HTTP did not prove this account: "), ("http://10.0.0.1", "The address 10.0.0.1:80 is private")],
)
async def test_a_service_that_cannot_be_reached_is_named(api: ApiClient, base: str, said: str) -> None:
    config = {"baseUrl": base, "verifyPath": "/me"}
    assert said in await api.refusal_message("connection.connector.create", integrationSlug="http", slug="c", name="X", config=config)
    await api.connector(config=config, verify=False)


async def test_a_connector_that_another_request_changed_meanwhile_is_not_overwritten(api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=config(service))

    async def slow(heard: Heard) -> Say:
        service.on("/me", Say(200, b"ada"))
        await api.call("connection.connector.update", uuid=made["uuid"], secrets={"auth.token": "by-another"}, verify=False)
        return Say(200, b"ada")

    service.on("/me", slow)
    refused = await api.refused("connection.connector.update", uuid=made["uuid"], secrets={"auth.token": TOKEN})
    assert refused == (409, "conflict")
