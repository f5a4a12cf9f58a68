"""Language models of a connector, by real requests: listed as the service lists them, remembered, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cargo_ai.kernel.settings import Settings
from tests.kit.api_client import ApiClient
from tests.simulators.language_models import server
from tests.simulators.language_models.server import Running

COMMAND = "connection.connector.getLanguageModels"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with server.running() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, simulator: Running) -> Settings:
    """A server that calls the simulator instead of OpenAI."""
    simulator.control.reset()
    addresses = {"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1", "CARGO_AI_SERVICE_ADDRESSES": f"openAi={simulator.url}"}
    return Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1"} | addresses)


async def _connector(api: ApiClient, integration: str, config: dict[str, str]) -> str:
    made = await api.call("connection.connector.create", integrationSlug=integration, slug=integration, name=integration, config=config)
    return str(made["connector"]["uuid"])


async def test_models_are_listed_with_what_is_known_of_them_and_remembered(api: ApiClient, simulator: Running) -> None:
    connector = await _connector(api, "openAi", {"apiKey": simulator.key})
    models = (await api.call(COMMAND, connectorUuid=connector))["languageModels"]
    assert [model["slug"] for model in models] == ["gpt-4.1-mini", "gpt-4o", "o4-mini"]
    assert (models[0]["contextWindowTokensLimit"], models[2]["isReasoning"]) == (1_047_576, True)
    asked = len(simulator.control.seen)
    assert (await api.call(COMMAND, connectorUuid=connector))["languageModels"] == models
    assert len(simulator.control.seen) == asked


async def test_a_service_that_fails_is_quoted(api: ApiClient, simulator: Running) -> None:
    connector = await _connector(api, "openAi", {"apiKey": simulator.key})
    simulator.control.fail(status=403, body={"error": {"message": "No access for this project."}})
    status, refused = await api.refusal(COMMAND, connectorUuid=connector, refresh=True)
    assert (status, refused["reason"]) == (502, "failedToGetLanguageModels")
    assert "No access for this project." in refused["errorMessage"] and simulator.key not in str(refused)


async def test_a_service_without_language_models_and_a_connector_that_there_is_not_are_refused(api: ApiClient) -> None:
    connector = await _connector(api, "http", {})
    assert await api.refused(COMMAND, connectorUuid=connector) == (400, "languageModelsNotSupported")
    assert await api.refused(COMMAND, connectorUuid="0198c5f0-0000-7000-8000-000000000001") == (404, "connectorNotFound")
