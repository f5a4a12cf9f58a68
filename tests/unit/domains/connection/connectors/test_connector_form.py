"""Forms that ask a connector's account, by real requests: choices and schemas, remembered for half an hour, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cargo_ai.kernel.settings import Settings
from tests.kit.api_client import ApiClient, Body
from tests.simulators.hubspot import server
from tests.simulators.hubspot.server import Running

COMMAND = "connection.connector.autocomplete"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with server.running() as running:
        yield running


@pytest.fixture
def hubspot(simulator: Running) -> Running:
    simulator.control.reset()
    return simulator


@pytest.fixture
def settings(tmp_path: Path, simulator: Running) -> Settings:
    """A server that calls the simulator instead of HubSpot."""
    addresses = {"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1", "CARGO_AI_SERVICE_ADDRESSES": f"hubspot={simulator.url}"}
    return Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1"} | addresses)


@pytest.fixture
async def connector(api: ApiClient, hubspot: Running) -> str:
    config = {"method": "privateApp", "accessToken": hubspot.key}
    made = await api.call("connection.connector.create", integrationSlug="hubspot", slug="crm", name="CRM", config=config)
    return str(made["connector"]["uuid"])


async def values(api: ApiClient, connector: str, slug: str, **fields: object) -> list[str]:
    reply = await api.call(COMMAND, connectorUuid=connector, slug=slug, **{"params": {}, **fields})
    return [choice["value"] for choice in reply["results"]]


async def test_an_action_names_the_choices_of_its_fields_and_the_account_gives_them(api: ApiClient, connector: str) -> None:
    integration = (await api.call("connection.integration.get", slug="hubspot"))["integration"]
    ui_schema = integration["actions"]["updateRecords"]["config"]["uiSchema"]
    assert ui_schema["objectType"]["ui:options"]["slug"] == "listObjects"
    dependent = ui_schema["matchingPropertyName"]["ui:options"]
    assert (dependent["slug"], dependent["params"]) == ("listObjectProperties", {"objectType": "$this.$parent.objectType"})
    declared = {part["slug"]: part["params"]["jsonSchema"] for part in integration["autocompletes"]}
    assert declared["listObjectProperties"]["required"] == ["objectType"]
    assert "recordProperties" in integration["dynamicSchemas"]
    assert "contacts" in await values(api, connector, "listObjects")
    assert "email" in await values(api, connector, "listObjectProperties", params={"objectType": "contacts"})
    assert await values(api, connector, "listObjectProperties", params={"objectType": "contacts"}, value="mail") == [
        "email",
        "hs_email_optout",
    ]


async def test_a_choice_without_a_description_has_none(api: ApiClient, connector: str) -> None:
    reply = await api.call(COMMAND, connectorUuid=connector, slug="listObjects", params={})
    assert reply["results"][0] == {"label": "Contacts", "value": "contacts"}


async def test_answers_are_remembered_until_they_are_refreshed(api: ApiClient, connector: str, hubspot: Running) -> None:
    hubspot.control.account.add_list("Warm", "0-1")
    assert await values(api, connector, "listLists") == ["1"]
    hubspot.control.account.add_list("Cold", "0-1")
    asked = len(hubspot.control.sent(path="lists"))
    assert await values(api, connector, "listLists") == ["1"]
    assert len(hubspot.control.sent(path="lists")) == asked
    assert await values(api, connector, "listLists", refresh=True) == ["1", "2"]
    assert await values(api, connector, "listLists") == ["1", "2"]
    assert await values(api, connector, "listLists", value="cold") == ["2"]


async def test_another_key_asks_again(api: ApiClient, connector: str, hubspot: Running) -> None:
    await values(api, connector, "listLists")
    hubspot.control.sign_in.add("pat-na1-another-key")
    hubspot.control.account.add_list("Warm", "0-1")
    await api.call("connection.connector.update", uuid=connector, config={"method": "privateApp", "accessToken": "pat-na1-another-key"})
    assert await values(api, connector, "listLists") == ["1"]


async def test_a_dynamic_schema_has_the_fields_of_the_account(api: ApiClient, connector: str) -> None:
    fields: Body = {"connectorUuid": connector, "slug": "recordProperties", "params": {"objectType": "deals"}}
    reply = await api.call("connection.connector.getDynamicSchema", **fields)
    assert reply["schema"]["properties"]["dealstage"]["title"] == "Deal Stage"
    assert reply["uiSchema"] == {}


async def test_what_is_missing_or_unknown_is_refused(api: ApiClient, connector: str) -> None:
    for command, slug in ((COMMAND, "listObjectProperties"), ("connection.connector.getDynamicSchema", "recordProperties")):
        fields: Body = {"connectorUuid": connector, "slug": slug, "params": {}}
        status, body = await api.refusal(command, **fields)
        assert (status, body["reason"]) == (400, "invalidInput")
        assert "Invalid" in body["errorMessage"] and "params" in body["errorMessage"] and "objectType" in body["errorMessage"]
        assert await api.refused(command, **(fields | {"slug": "listNothing"})) == (404, "failedToGetIntegration")
        unknown = "0198c5f0-0000-7000-8000-00000000ffff"
        for other in (unknown, "no-uuid"):
            assert await api.refused(command, **(fields | {"connectorUuid": other})) == (404, "connectorNotFound")
    assert (await api.refusal(COMMAND, connectorUuid=connector, slug="listObjectProperties", params={}))[1]["errorMessage"].startswith(
        "params: Invalid autocomplete params: "
    )


async def test_a_connector_of_another_workspace_is_unknown(other_api: ApiClient, connector: str) -> None:
    fields: Body = {"connectorUuid": connector, "slug": "listObjects", "params": {}}
    assert await other_api.refused(COMMAND, **fields) == (404, "connectorNotFound")


async def test_what_the_service_refuses_comes_in_its_words_and_is_not_remembered(api: ApiClient, connector: str, hubspot: Running) -> None:
    body = {"status": "error", "message": f"No lists for {hubspot.key} today.", "category": "OOPS"}
    hubspot.control.fail(path="lists", status=400, body=body)
    status, refusal = await api.refusal(COMMAND, connectorUuid=connector, slug="listLists", params={})
    assert (status, refusal["reason"]) == (422, "failedToGetIntegrationAutocomplete")
    assert "No lists for *** today." in refusal["errorMessage"]
    assert await values(api, connector, "listLists") == []
    fields: Body = {"connectorUuid": connector, "slug": "recordProperties", "params": {"objectType": "no_such"}}
    status, refusal = await api.refusal("connection.connector.getDynamicSchema", **fields)
    assert (status, refusal["reason"], "no_such" in refusal["errorMessage"]) == (404, "failedToGetIntegration", True)


async def test_a_stopped_connector_asks_nothing(api: ApiClient, connector: str, hubspot: Running) -> None:
    await api.call("connection.connector.stop", uuid=connector)
    asked = len(hubspot.control.sent())
    assert await api.refused(COMMAND, connectorUuid=connector, slug="listObjects", params={}) == (404, "failedToGetIntegration")
    assert len(hubspot.control.sent()) == asked
