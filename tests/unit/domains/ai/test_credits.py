"""Credits of tokens: charged with the step that they gave, shown on the message and in usage, bounded by the day and by the budget."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from cargo_ai.domains.ai.asking import admitting
from cargo_ai.kernel import clock
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.kit.graphs import node
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPENAI: Body = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4o"}
PRICE = 0.25
"""Credits of a token."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, simulator: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """An installation that shares an account of OpenAI."""
    folder = tmp_path_factory.mktemp("backend")
    file = folder / "shared.json"
    file.write_text(json.dumps({"openAi": {"apiKey": simulator.key}}))
    settings = {
        "CARGO_AI_SERVICE_ADDRESSES": f"openAi={simulator.url}",
        "CARGO_AI_SHARED_ACCOUNTS_FILE": str(file),
        "CARGO_AI_ACTION_COSTS": f"openAi.tokens={PRICE}/tokens",
    }
    with databases.lent() as url:
        async with running_backend(url, folder / "data", **settings) as running:
            await running.admin.call("connection.connector.create", integrationSlug="openAi", slug="shared", name="Shared")
            yield running


async def _charged(backend: Backend, agent: str) -> float:
    query = text("""select coalesce(sum(c.amount), 0) from ledger_charges c join ledger_labels l on l.uuid = c.label_uuid
        where l.agent_uuid = :agent""")
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        return float((await db.execute(query, {"agent": agent})).scalar_one())


async def test_each_step_of_an_answer_is_charged_once(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, capabilities=[{"slug": "codeInterpreter"}], **OPENAI)
    model.control.rules.append(lambda heard: None if heard.results else Reply(calls=[("run_python", {"code": "return 1"})]))
    usage = (await answer_to(api, "Hello", agentUuid=agent))["usage"]
    assert len(model.control.said) == 2
    assert usage["creditsUsedCount"] == usage["tokensUsedCount"] * PRICE == await _charged(backend, agent) > 0
    assert (await api.call("ai.agent.get", uuid=agent))["agent"]["creditsUsedToday"] == usage["creditsUsedCount"]


async def test_what_a_language_model_refuses_is_charged_all_the_same(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    model.control.rules.append(lambda _heard: Reply(refusal=True))
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert answer["status"] == "error" and answer["usage"]["creditsUsedCount"] == await _charged(backend, agent) > 0
    today = str(clock.now().date())
    usage = {"from": today, "to": today, "unit": "billing.credits"}
    before = (await api.call("billing.usage.getMetrics", **usage))["totalUsage"]
    assert "refused to answer" in await api.refusal_message("ai.prompt.optimize", prompt="You research.")
    assert (await api.call("billing.usage.getMetrics", **usage))["totalUsage"] > before


async def test_usage_names_the_agent_the_workflow_and_the_connector_of_nodes(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    action = {"kind": "agent", "agentUuid": agent, "config": {"prompt": "Hello"}}
    started = await api.call("orchestration.action.executeBatch", action=action, records=[{"n": 1}, {"n": 2}])
    await backend.ended("batches", started["batch"]["uuid"])
    today = clock.now().date()
    for unit, count in (("orchestration.executions", 2), ("billing.credits", await _charged(backend, agent))):
        query = {"from": str(today - timedelta(days=1)), "to": str(today), "unit": unit, "agentUuid": agent, "groupBy": "agent_uuid"}
        items = [item for metric in (await api.call("billing.usage.getMetrics", **query))["metrics"] for item in metric["items"]]
        assert {item["groupBy"] for item in items} == {agent}
        assert sum(item["count"] for item in items) >= count > 0


async def test_tokens_of_a_field_that_is_filled_name_the_workflow_and_the_batch(backend: Backend, api: ApiClient, model: Running) -> None:
    model.control.rules.append(lambda heard: Reply(calls=[("final_result", {"value": "Hello"})]) if "final_result" in heard.tools else None)
    filled = {"kind": "templateExpression", "expression": "Greet {{ nodes.start.n }}", "instructTo": "ai", "fromRecipe": False}
    end = node("end", config={"variables": [{"name": "greeting", "type": "string", "value": filled}]})
    data = {"kind": "records", "records": [{"n": number} for number in range(2)]}
    started = await api.call("orchestration.batch.create", data=data, nodes=[node("start", children=("end",)), end])
    batch = (await backend.ended("batches", started["batch"]["uuid"]))["batch"]
    today = clock.now().date()
    query = {"from": str(today - timedelta(days=1)), "to": str(today), "batchUuid": batch["uuid"], "groupBy": "workflow_uuid"}
    metrics = await api.call("billing.usage.getMetrics", unit="billing.credits", **query)
    assert batch["failedRunsCount"] == 0 and metrics["totalUsage"] > 0
    assert {item["groupBy"] for metric in metrics["metrics"] for item in metric["items"]} == {batch["workflowUuid"]}


async def _batch_of(backend: Backend, api: ApiClient, agent: str, count: int, **given: object) -> Body:
    """A batch whose records are asked about, when it has ended."""
    nodes = [node("start", children=("ask",)), node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "Hello"})]
    data = {"kind": "records", "records": [{"n": number} for number in range(count)]}
    started = await api.call("orchestration.batch.create", data=data, nodes=nodes, **given)
    ended: Body = (await backend.ended("batches", started["batch"]["uuid"]))["batch"]
    return ended


async def test_an_agent_node_shows_its_credits_on_execution_run_and_batch(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    batch = await _batch_of(backend, api, agent, 2)
    spent = await _charged(backend, agent)
    assert batch["creditsUsedCount"] == spent > 0
    runs = (await api.call("orchestration.run.list", batchUuid=batch["uuid"]))["runs"]
    for run in runs:
        executions = (await api.call("orchestration.run.get", uuid=run["uuid"]))["run"]["executions"]
        assert [execution["creditsUsedCount"] for execution in executions] == [0, spent / 2]
    by_node = await api.call("orchestration.run.getMetrics", workflowUuid=batch["workflowUuid"], batchUuid=batch["uuid"])
    assert {metric["creditsUsedCount"] for metric in by_node["runMetrics"]} == {0, spent}
    today = clock.now().date()
    query = {"from": str(today - timedelta(days=1)), "to": str(today), "batchUuid": batch["uuid"], "groupBy": "workflow_uuid"}
    metrics = await api.call("billing.usage.getMetrics", unit="billing.credits", **query)
    assert metrics["totalUsage"] == spent
    assert {item["groupBy"] for metric in metrics["metrics"] for item in metric["items"]} == {batch["workflowUuid"]}


async def test_an_agent_node_that_fails_shows_what_it_cost(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, capabilities=[{"slug": "codeInterpreter"}], maxSteps=1, **OPENAI)
    model.control.rules.append(lambda heard: Reply(calls=[("run_python", {"code": "return 1"})]))
    batch = await _batch_of(backend, api, agent, 1)
    assert batch["failedRunsCount"] == 1
    assert batch["creditsUsedCount"] == await _charged(backend, agent) > 0


async def test_tokens_count_against_the_credits_of_a_batch(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    cost = (await answer_to(api, "Hello", agentUuid=agent))["usage"]["creditsUsedCount"]
    batch = await _batch_of(backend, api, agent, 9, maxCredits=cost * 4)
    assert (batch["status"], batch["executedRunsCount"]) == ("error", 4)
    assert batch["creditsUsedCount"] == cost * 4 and "limit" in batch["errorMessage"]


async def test_an_evaluation_names_its_agent(backend: Backend, api: ApiClient, model: Running) -> None:
    evaluator = {"rubric": "It is polite.", "threshold": 0.5}
    agent = await new_agent(api, evaluator=evaluator, **OPENAI)
    judged = {"criteria": [{"name": "polite", "passed": True, "reason": "It says hello."}], "summary": "Fine.", "score": 1}
    model.control.rules.append(lambda heard: Reply(calls=[("final_result", judged)]) if "judge" in heard.system else None)
    answer = await answer_to(api, "Hello", agentUuid=agent)
    while answer.get("evaluation") is None:
        answer = (await api.call("ai.message.get", uuid=answer["uuid"]))["message"]
        await asyncio.sleep(0.05)
    shown = (await api.call("ai.agent.get", uuid=agent))["agent"]
    assert answer["usage"]["creditsUsedCount"] == await _charged(backend, agent) == shown["creditsUsedToday"]


async def test_the_interval_of_a_dry_run_holds_what_tokens_cost(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    output = {"type": "jsonSchema", "jsonSchema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}
    asking = node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "Hello", "output": output})
    request = {"data": {"kind": "records", "records": [{"n": 1}]}, "nodes": [node("start", children=("ask",)), asking]}
    forecast = (await api.call("orchestration.batch.create", dryRun=True, **request))["dryRun"]
    started = await api.call("orchestration.batch.create", **request)
    batch = (await backend.ended("batches", started["batch"]["uuid"]))["batch"]
    assert forecast["creditsMin"] == 0 < batch["creditsUsedCount"] < forecast["creditsMax"] < 5 * 131_072 * PRICE
    assert any("Tokens of agents" in note for note in forecast["assumptions"])


async def test_a_dry_run_does_not_promise_that_tools_of_agents_have_an_end(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, capabilities=[{"slug": "codeInterpreter"}], **OPENAI)
    asking = node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "Hello"})
    nodes = [node("start", children=("ask",)), asking]
    reply = await api.call("orchestration.batch.create", data={"kind": "records", "records": [{"n": 1}]}, nodes=nodes, dryRun=True)
    forecast = reply["dryRun"]
    assert (forecast["creditsMin"], forecast["creditsMax"]) == (0, None)


@pytest.mark.slow
async def test_many_answers_at_once_exceed_the_credits_of_a_day_by_one_step_at_most(
    backend: Backend, api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admitting, "PAUSE", 0.02)
    agent = await new_agent(api, **OPENAI)
    cost = (await answer_to(api, "Hello", agentUuid=agent))["usage"]["creditsUsedCount"]
    await api.call("ai.agent.update", uuid=agent, maxCreditsPerDay=cost * 3)
    answers = await asyncio.gather(*(answer_to(api, "Hello", agentUuid=agent) for _ in range(8)))
    shown = (await api.call("ai.agent.get", uuid=agent))["agent"]
    assert cost * 3 <= shown["creditsUsedToday"] <= cost * 4 and shown["creditsUsedToday"] == await _charged(backend, agent)
    assert any("maxCreditsPerDay" in str(answer["errorMessage"]) for answer in answers)


@pytest.mark.slow
async def test_nodes_that_end_together_spend_the_credits_of_a_day_exactly(
    backend: Backend, api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admitting, "PAUSE", 0.02)
    agent = await new_agent(api, **OPENAI)
    await api.call("ai.agent.update", uuid=agent, maxCreditsPerDay=100_000)
    model.control.fail(path="completions", delay=0.05, times=100)
    spent = (await _batch_of(backend, api, agent, 30))["creditsUsedCount"]
    query = text(
        """select count(distinct c.source_uuid), count(*), sum(c.executions) from ledger_charges c
        join ledger_labels l on l.uuid = c.label_uuid where l.agent_uuid = :agent"""
    )
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        groups, charges, executions = (await db.execute(query, {"agent": agent})).one()
    assert groups == charges < 20 and executions == 30, "what ends together is charged together"
    cost = spent / 30
    await api.call("ai.agent.update", uuid=agent, maxCreditsPerDay=spent + cost * 3)
    batch = await _batch_of(backend, api, agent, 8)
    used = (await api.call("ai.agent.get", uuid=agent))["agent"]["creditsUsedToday"]
    assert spent + cost * 3 <= used <= spent + cost * 4 and used == await _charged(backend, agent) == spent + batch["creditsUsedCount"]
    assert batch["executedRunsCount"] - batch["failedRunsCount"] == batch["creditsUsedCount"] / cost
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        assert (await db.execute(text("select count(*) from agent_reservations"))).scalar_one() == 0


async def test_without_credits_no_language_model_is_asked(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    await api.call("billing.budget.set", creditsCount=1)
    await answer_to(api, "Hello", agentUuid=agent)
    model.control.said.clear()
    refused = await answer_to(api, "Hello", agentUuid=agent)
    assert refused["status"] == "error" and "No credits are left" in refused["errorMessage"] and not model.control.said
    await api.call("billing.budget.remove")
