"""OpenAI's responses: a connector with `"interface": "responses"` asks by them, and answers are as by chat completions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCHEMA = {"type": "object", "properties": {"tier": {"type": "string", "enum": ["A", "B"]}}, "required": ["tier"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model_of(backend: Backend) -> AsyncIterator[Body]:
    """A language model that is asked by responses, as a release names it."""
    config = {"apiKey": "sk-test-5f4dcc3b5aa765d61d8327deb882cf99", "interface": "responses"}
    connector = await backend.admin.connector("responses", integrationSlug="openAi", name="Responses", config=config)
    yield {"integrationSlug": "openAi", "connectorUuid": connector["uuid"], "languageModelSlug": "gpt-4.1-mini"}


async def test_an_answer_is_streamed_and_what_was_said_before_is_sent_along(api: ApiClient, model: Running, model_of: Body) -> None:
    agent = await new_agent(api, systemPrompt="Be brief.", **model_of)
    first = await answer_to(api, "Who buys at Acme, and why?", agentUuid=agent)
    assert (first["status"], said(first)) == ("success", "You said: Who buys at Acme, and why?")
    assert first["usage"]["inputTokensCount"] > 0 and first["usage"]["outputTokensCount"] > 0
    await answer_to(api, "And at Globex?", chatUuid=first["chatUuid"])
    assert set(model.control.counts) == {"POST 200"}
    assert [kind for kind, _ in model.control.said[1].texts] == ["user", "assistant", "user"]
    assert model.control.said[1].system.startswith("Be brief.")


async def test_tools_are_called_and_their_results_sent_back(api: ApiClient, model: Running, model_of: Body) -> None:
    agent = await new_agent(api, capabilities=[{"slug": "documentationSearch"}], **model_of)
    model.control.rules.append(
        lambda heard: Reply("done") if heard.results else Reply("I look.", [("search_documentation", {"query": "segments"})])
    )
    answer = await answer_to(api, "Go", agentUuid=agent)
    (part,) = [part for part in answer["parts"] if part["type"] == "tool-search_documentation"]
    assert (part["state"], said(answer)) == ("output-available", "I look.done")
    assert model.control.said[1].results[0][0] == "search_documentation"


async def test_a_structured_answer_is_repaired_once(api: ApiClient, model: Running, model_of: Body) -> None:
    def rule(heard: Said) -> Reply:
        return Reply(calls=[("final_result", {"tier": "A" if heard.results else "Z"})])

    model.control.rules.append(rule)
    agent = await new_agent(api, output={"type": "jsonSchema", "jsonSchema": SCHEMA}, **model_of)
    answer = await answer_to(api, "Which tier?", agentUuid=agent)
    assert answer["status"] == "success" and {"type": "data-output", "data": {"tier": "A"}} in answer["parts"]
    assert "is not one of" in model.control.said[1].results[0][1]


async def test_refusals_and_unknown_models_are_sentences(api: ApiClient, model: Running, model_of: Body) -> None:
    model.control.rules.append(lambda heard: Reply(refusal=True) if "refuse" in heard.last else None)
    refused = await answer_to(api, "refuse this", agentUuid=await new_agent(api, **model_of))
    assert (refused["status"], refused["errorMessage"]) == ("error", "The language model refused to answer.")
    unknown = await answer_to(api, "Go", agentUuid=await new_agent(api, **{**model_of, "languageModelSlug": "gpt-99"}))
    assert unknown["status"] == "error" and "gpt-99" in unknown["errorMessage"]


async def test_an_overloaded_model_is_asked_again(api: ApiClient, model: Running, model_of: Body) -> None:
    model.control.fail(path="responses", status=503, times=1, body={"error": {"message": "Overloaded", "code": "overloaded"}})
    answer = await answer_to(api, "Go", agentUuid=await new_agent(api, **model_of))
    assert said(answer) == "You said: Go" and model.control.counts["POST 503"] == 1


async def test_an_action_asks_by_them_too(backend: Backend, api: ApiClient, model: Running, model_of: Body) -> None:
    action = {"kind": "connector", "integrationSlug": "openAi", "actionSlug": "instruct", "connectorUuid": model_of["connectorUuid"]}
    data = {"model": "gpt-4.1-mini", "prompt": "Which tier?", "output": {"type": "jsonSchema", "jsonSchema": SCHEMA}}
    started = await api.call("orchestration.action.execute", action=action | {"config": {}}, data=data)
    run = await backend.ended("runs", started["run"]["uuid"], api)
    assert run["run"]["status"] == "success", run["run"]["errorMessage"]
    assert run["runContext"]["action"]["answer"] == {"tier": "A"} and set(model.control.counts) == {"POST 200"}
