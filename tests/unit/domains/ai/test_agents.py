"""Agents and releases, by real requests: what a draft begins with, partial updates, versions, and what is refused."""

from __future__ import annotations

import pytest

from tests.kit.api_client import ApiClient
from tests.kit.backend import Backend
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "0198c5f0-0000-7000-8000-000000000001"


async def test_a_new_agent_begins_with_the_language_model_of_the_workspace(api: ApiClient) -> None:
    agent = (await api.call("ai.agent.create", name="Planner", icon={"color": "purple", "face": "🧭"}, temperature=0.7))["agent"]
    assert (agent["deployedRelease"], agent["icon"]["color"], agent["isReadOnly"]) == (None, "purple", False)
    changed = (await api.call("ai.agent.update", uuid=agent["uuid"], icon={"face": "🦊"}))["agent"]
    assert changed["icon"] == {"color": "purple", "face": "🦊"}, "what is not given stays"
    draft = (await api.call("ai.release.getDraft", agentUuid=agent["uuid"]))["release"]
    assert (draft["integrationSlug"], draft["temperature"], draft["status"]) == ("anthropic", 0.7, "draft")


async def test_a_part_that_is_not_given_stays(api: ApiClient) -> None:
    agent = await new_agent(api, systemPrompt="You research companies.", maxSteps=7)
    draft = (await api.call("ai.release.updateDraft", agentUuid=agent, temperature=0.9))["release"]
    assert (draft["systemPrompt"], draft["maxSteps"], draft["temperature"]) == ("You research companies.", 7, 0.9)
    deployed = (await api.call("ai.release.getDeployed", agentUuid=agent))["release"]
    assert (deployed["version"], deployed["temperature"]) == ("1.0.0", 0.2)


async def test_versions_go_up_and_the_former_release_is_archived(api: ApiClient) -> None:
    agent = await new_agent(api)
    await api.call("ai.release.deployDraft", agentUuid=agent, version="2.0.0", description="Second")
    releases = (await api.call("ai.release.list", agentUuid=agent))["releases"]
    assert [(release["status"], release["version"]) for release in releases] == [
        ("draft", None),
        ("deployed", "2.0.0"),
        ("archived", "1.0.0"),
    ]
    assert await api.refused("ai.release.deployDraft", agentUuid=agent, version="1.5.0") == (400, "invalidReleaseVersion")
    assert (await api.call("ai.agent.get", uuid=agent))["agent"]["deployedRelease"]["version"] == "2.0.0"


async def test_a_draft_takes_over_the_parts_of_its_parent(api: ApiClient) -> None:
    agent = await new_agent(api, systemPrompt="First")
    first = (await api.call("ai.release.getDeployed", agentUuid=agent))["release"]["uuid"]
    await api.call("ai.release.updateDraft", agentUuid=agent, systemPrompt="Second", maxSteps=3)
    draft = (await api.call("ai.release.updateDraft", agentUuid=agent, parentUuid=first, maxSteps=4))["release"]
    assert (draft["systemPrompt"], draft["maxSteps"], draft["parentUuid"]) == ("First", 4, first)
    assert await api.refused("ai.release.updateDraft", agentUuid=agent, parentUuid=draft["uuid"]) == (400, "invalidParent")


async def test_the_integration_follows_a_connector_that_is_named_alone(api: ApiClient) -> None:
    agent = await new_agent(api, integrationSlug="anthropic", languageModelSlug="claude-haiku-4-5")
    connectors = (await api.call("connection.connector.list"))["connectors"]
    uuids = {connector["integrationSlug"]: connector["uuid"] for connector in connectors}

    async def saved(**parts: object) -> tuple[str, str | None, str]:
        draft = (await api.call("ai.release.updateDraft", agentUuid=agent, **parts))["release"]
        return draft["integrationSlug"], draft["connectorUuid"], draft["languageModelSlug"]

    assert await saved(connectorUuid=uuids["openAi"]) == ("openAi", uuids["openAi"], "gpt-4.1-mini")
    assert await saved(integrationSlug="anthropic") == ("anthropic", None, "claude-sonnet-5")
    assert await saved(connectorUuid=uuids["openAi"], languageModelSlug="gpt-4o") == ("openAi", uuids["openAi"], "gpt-4o")
    assert await saved(temperature=0.5) == ("openAi", uuids["openAi"], "gpt-4o")
    answer = await answer_to(api, "Who?", agentUuid=agent, connectorUuid=uuids["openAi"])
    assert (answer["status"], answer["usage"]["languageModelSlug"]) == ("success", "gpt-4.1-mini")


async def test_what_a_release_names_has_to_be_there(api: ApiClient) -> None:
    agent = await new_agent(api)
    for actions, words in (
        ([{"slug": "enrich", "kind": "tool", "toolUuid": NOWHERE}], "there is no tool"),
        ([{"slug": "ask", "kind": "agent", "agentUuid": agent}], "of its own"),
        ([{"slug": "send", "kind": "connector", "integrationSlug": "slack", "actionSlug": "shout"}], "has no action shout"),
        ([{"slug": "x", "kind": "native", "actionSlug": "branch"}], "not one for agents"),
        ([{"slug": "x", "kind": "native", "actionSlug": "nothing"}], "no native action nothing"),
        ([{"slug": "x", "kind": "native", "actionSlug": "agent"}], "kind agent"),
        ([{"slug": "x", "kind": "native", "actionSlug": "modelUpsert"}], "has to fix modelUuid"),
    ):
        status, refused = await api.refusal("ai.release.updateDraft", agentUuid=agent, actions=actions)
        assert (status, refused["reason"]) == (400, "failedToReconciliateAgentAiTools") and words in refused["errorMessage"]
    assert await api.refused("ai.release.updateDraft", agentUuid=agent, connectorUuid=NOWHERE) == (400, "invalidConnector")


async def test_secrets_of_mcp_servers_are_not_shown(api: ApiClient, backend: Backend) -> None:
    agent = await new_agent(api)
    clients = [{"kind": "custom", "name": "crm", "url": "https://mcp.example/", "authentication": {"accessToken": "tok-5f4dcc3b"}}]
    draft = (await api.call("ai.release.updateDraft", agentUuid=agent, mcpClients=clients))["release"]
    assert draft["mcpClients"][0]["authentication"]["accessToken"] == "***"
    again = (await api.call("ai.release.updateDraft", agentUuid=agent, mcpClients=draft["mcpClients"]))["release"]
    assert again["mcpClients"] == draft["mcpClients"]


async def test_another_workspace_sees_nothing_of_an_agent(api: ApiClient, backend: Backend) -> None:
    agent = await new_agent(api)
    other = backend.other_api
    assert await other.refused("ai.agent.get", uuid=agent) == (404, "agentNotFound")
    assert await other.refused("ai.release.deployDraft", agentUuid=agent) == (404, "agentNotFound")
    assert await other.refused("ai.chat.create", agentUuid=agent) == (404, "agentNotFound")
    assert (await other.call("ai.agent.all"))["agents"] == []


async def test_a_removed_agent_is_gone_and_its_triggers_with_it(api: ApiClient) -> None:
    agent = await new_agent(api)
    trigger = {"type": "cron", "name": "Morning", "cron": "0 8 * * 1-5", "text": "What is new?"}
    shown = (await api.call("ai.agent.update", uuid=agent, triggers=[trigger]))["agent"]["triggers"]
    assert shown[0]["nextFireAt"] is not None and shown[0]["text"] == "What is new?"
    await api.call("ai.agent.remove", uuid=agent)
    assert await api.refused("ai.agent.get", uuid=agent) == (404, "agentNotFound")
    assert agent not in [entry["uuid"] for entry in (await api.call("ai.agent.all"))["agents"]]


async def test_an_agent_begins_with_the_instructions_of_a_template(api: ApiClient) -> None:
    templates = (await api.call("ai.template.list", isPreset=True))["templates"]
    assert [template["slug"] for template in templates] == ["account-planner", "company-classifier", "email-drafter", "lead-researcher"]
    for template in templates:
        made = await api.call("ai.agent.create", name=template["name"], icon=template["icon"], templateSlug=template["slug"])
        draft = (await api.call("ai.release.getDraft", agentUuid=made["agent"]["uuid"]))["release"]
        assert (draft["systemPrompt"], draft["output"]) == (template["systemPrompt"], template["output"])
        assert (draft["integrationSlug"], draft["templateSlug"]) == ("anthropic", template["slug"])
    assert await api.refused("ai.agent.create", name="X", icon=templates[0]["icon"], templateSlug="no-such") == (404, "templateNotFound")


async def test_a_workspace_offers_its_own_agents_as_templates(api: ApiClient, backend: Backend) -> None:
    agent = await new_agent(api, systemPrompt="Ours")
    await api.call("ai.agent.update", uuid=agent, template={"isAvailable": True, "scope": "private"})
    assert agent in [template["slug"] for template in (await api.call("ai.template.list", isPreset=False))["templates"]]
    made = await api.call("ai.agent.create", name="Copy", icon={"color": "red", "face": "🙂"}, templateSlug=agent)
    assert (await api.call("ai.release.getDraft", agentUuid=made["agent"]["uuid"]))["release"]["systemPrompt"] == "Ours"
    assert await backend.other_api.refused("ai.template.get", slug=agent) == (404, "templateNotFound")


async def test_what_is_kept_and_not_used_yet_is_a_warning(api: ApiClient) -> None:
    agent = await new_agent(api)
    warnings = await api.warnings("ai.release.updateDraft", agentUuid=agent, capabilities=[{"slug": "sandbox"}])
    assert any("no capability sandbox" in warning for warning in warnings)
