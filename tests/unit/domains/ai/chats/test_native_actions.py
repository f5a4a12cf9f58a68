"""Native actions as actions of agents: runs as others are, of what the release fixes and nothing else."""

from __future__ import annotations

import pytest

from tests.kit.api_client import ApiClient
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


async def test_an_agent_writes_into_the_model_that_the_release_fixes(api: ApiClient, model: Running) -> None:
    mine, other = await api.model(slug="mine"), await api.model(slug="other")
    action = {"kind": "native", "slug": "add_company", "actionSlug": "modelInsert", "config": {"modelUuid": mine}, "isBulkAllowed": True}
    agent = await new_agent(api, actions=[action], **MODEL)
    items = [{"mappings": {"domain": f"{number}.com", "name": f"Acme {number}"}} for number in range(3)]
    calls = [
        ("add_company", {"mappings": {"domain": "9.com", "name": "Elsewhere"}, "modelUuid": other}),
        ("add_company_bulk", {"items": items}),
    ]
    model.control.rules.append(lambda said: Reply("done") if said.results else Reply(calls=list(calls)))
    answer = await answer_to(api, "Go", agentUuid=agent)
    assert "modelUuid" not in model.control.said[0].tools["add_company"]["properties"]
    refused, added = [part for part in answer["parts"] if part["type"].startswith("tool-")]
    assert refused["state"] == "output-error" and "modelUuid" in refused["errorText"]
    assert added["state"] == "output-available" and len(added["toolMetadata"]["runUuids"]) == 3
    assert (await api.call("storage.record.list", modelUuid=other))["records"] == []
    records = (await api.call("storage.record.list", modelUuid=mine))["records"]
    assert {record["name"] for record in records} == {f"Acme {number}" for number in range(3)}
    run = (await api.call("orchestration.run.get", uuid=added["toolMetadata"]["runUuids"][0]))["run"]
    assert run["parentChatUuid"] == answer["chatUuid"] and run["parentMessageUuid"] == answer["uuid"]


async def test_what_the_model_writes_is_data_for_a_native_action(api: ApiClient, model: Running) -> None:
    action = {"kind": "native", "slug": "set", "actionSlug": "variables"}
    agent = await new_agent(api, actions=[action], **MODEL)
    given = {"variables": [{"name": "x", "type": "string", "value": "{{ nodes.start }}"}]}
    model.control.rules.append(lambda said: Reply("done") if said.results else Reply(calls=[("set", given)]))
    answer = await answer_to(api, "Go", agentUuid=agent)
    (part,) = [part for part in answer["parts"] if part["type"] == "tool-set"]
    assert part["output"] == {"x": "{{ nodes.start }}"}, "what a language model writes is data, not an expression"
