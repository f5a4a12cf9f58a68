"""Agents in workflows: nodes of kind `agent`, the native action, actions that are executed by themselves, and what cannot be asked."""

from __future__ import annotations

import pytest

from tests.kit.api_client import ApiClient
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = {"type": "object", "properties": {"tier": {"type": "string", "enum": ["A", "B"]}}, "required": ["tier"]}
OPENAI = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4o"}


async def test_an_agent_node_gives_its_answer_and_a_chat_to_read(backend: Backend, model: Running) -> None:
    agent = await new_agent(backend.admin, **OPENAI)
    asking = node("ask", "agent", ("end",), kind="agent", agentUuid=agent, config={"prompt": "Tier of {{ nodes.start.domain }}?"})
    end = node("end", config={"variables": [{"name": "said", "type": "string", "value": "{{ nodes.ask.answer }}"}]})
    run = await backend.run({"domain": "acme.com"}, nodes=[node("start", children=("ask",)), asking, end])
    assert run["run"]["status"] == "success", run["run"]["errorMessage"]
    assert run["runContext"]["end"]["said"] == "You said: Tier of acme.com?"
    chat = (await backend.admin.call("ai.chat.get", uuid=run["runContext"]["ask"]["chatUuid"]))["chat"]
    assert (chat["trigger"]["type"], chat["trigger"]["runUuid"], chat["agentUuid"]) == ("workflow", run["run"]["uuid"], agent)


async def test_a_batch_of_agent_nodes_asks_once_per_record(backend: Backend, model: Running) -> None:
    agent = await new_agent(backend.admin, **OPENAI)
    asking = node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "{{ nodes.start.n }}"})
    batch = await backend.batch([{"_id": str(n), "n": n} for n in range(40)], nodes=[node("start", children=("ask",)), asking])
    assert (batch["status"], batch["failedRunsCount"]) == ("success", 0)
    assert sorted(int(said.last) for said in model.control.said) == list(range(40))


async def test_the_native_action_asks_a_language_model_and_gives_what_holds_to_a_schema(backend: Backend, model: Running) -> None:
    config = {
        "prompt": "Which tier?",
        "output": {"type": "jsonSchema", "jsonSchema": SCHEMA},
        "advancedSettings": {"systemPrompt": "Be brief.", "integrationSlug": "openAi", "languageModelSlug": "gpt-4o"},
    }
    run = await backend.run({}, nodes=[node("start", children=("ask",)), node("ask", "agent", (None,), config=config)])
    assert run["run"]["status"] == "success", run["run"]["errorMessage"]
    assert run["runContext"]["ask"]["answer"] == {"tier": "A"} and model.control.said[-1].system == "Be brief."


async def test_an_agent_is_executed_as_an_action(backend: Backend, model: Running) -> None:
    agent = await new_agent(backend.admin, **OPENAI)
    action = {"kind": "agent", "agentUuid": agent, "config": {"prompt": "Hello"}}
    started = await backend.admin.call("orchestration.action.execute", action=action, data={})
    ended = await backend.ended("runs", started["run"]["uuid"])
    assert ended["runContext"]["action"]["answer"] == "You said: Hello"
    schema = (await backend.admin.call("orchestration.action.getOutputSchema", action=action))["schema"]
    assert "answer" in schema["properties"]


async def test_an_answer_that_fails_fails_its_node(backend: Backend, model: Running) -> None:
    agent = await new_agent(backend.admin, **OPENAI)
    model.control.rules.append(lambda _said: Reply("No.", refusal=True))
    asking = node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "Hello"})
    run = (await backend.run({}, nodes=[node("start", children=("ask",)), asking]))["run"]
    assert run["status"] == "error" and "refused" in run["errorMessage"]


async def test_a_graph_with_an_agent_that_there_is_not_is_neither_run_nor_deployed(api: ApiClient) -> None:
    missing = "0198c5f0-0000-7000-8000-000000000001"
    asking = node("ask", "agent", (None,), kind="agent", agentUuid=missing, config={"prompt": "Hello"})
    nodes = [node("start", children=("ask",)), asking]
    assert f"There is no agent {missing}" in await api.refusal_message("orchestration.run.create", nodes=nodes, data={})
    workflow = (await api.tool())["workflowUuid"]
    assert f"There is no agent {missing}" in await api.refusal_message(
        "orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=nodes, formFields=None
    )


async def test_a_node_of_an_agent_that_was_removed_fails_with_a_sentence(backend: Backend, model: Running) -> None:
    agent = await new_agent(backend.admin, **OPENAI)
    asking = node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "Hello"})
    tool, _ = await backend.admin.deployed([node("start", children=("ask",)), asking])
    await backend.admin.call("ai.agent.remove", uuid=agent)
    run = (await backend.run({}, workflowUuid=tool["workflowUuid"]))["run"]
    assert run["status"] == "error" and "no agent" in run["errorMessage"] and model.control.said == []


async def test_another_workspaces_agent_cannot_be_asked(api: ApiClient, backend: Backend) -> None:
    agent = await new_agent(api, **OPENAI)
    action = {"kind": "agent", "agentUuid": agent, "config": {"prompt": "Hello"}}
    assert f"There is no agent {agent}" in await backend.other_api.refusal_message("orchestration.action.execute", action=action, data={})
