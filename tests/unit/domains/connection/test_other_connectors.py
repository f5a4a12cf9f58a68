"""Other connectors: a facade acts by those of its own workspace only."""

from __future__ import annotations

import pytest

from cargo_ai.domains.connection.accounts import accounts
from cargo_ai.engine.graph.action import Failed
from tests.kit.api_client import ApiClient
from tests.unit.domains.connection.conftest import Worker


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look at connectors again at once, so that no test has to wait."""
    monkeypatch.setattr(accounts, "FRESH_SECONDS", 0.0)


async def test_a_connector_of_another_workspace_does_not_answer(worker: Worker, api: ApiClient, other_api: ApiClient) -> None:
    theirs = await other_api.connector("theirs", integrationSlug="clearbit", config={})
    own = await api.connector("ours", integrationSlug="clearbit", config={"connectorUuid": theirs["uuid"]})
    outcome = await worker.perform({"domain": "acme.example"}, integrationSlug="clearbit", actionSlug="company_enrich")
    assert isinstance(outcome, Failed) and f"There is no connector {theirs['uuid']}" in outcome.message
    await api.call("connection.connector.update", uuid=own["uuid"], config={"connectorUuid": own["uuid"]})
    outcome = await worker.perform({"domain": "acme.example"}, integrationSlug="clearbit", actionSlug="company_enrich")
    assert isinstance(outcome, Failed) and "is one of clearbit, not of peopleDataLabs or apolloio" in outcome.message
