"""When a language model does not answer: another one does where the release names it, or a sentence says what is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.domains.ai.chats.answering import asker
from tests.kit.api_client import ApiClient, Body
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLAUDE = {"integrationSlug": "anthropic", "languageModelSlug": "claude-sonnet-5"}
OPENAI = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}
BUSY = {"error": {"message": "The engine is overloaded."}}


@pytest_asyncio.fixture(autouse=True)
async def hasty(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Waits between attempts are short."""
    monkeypatch.setattr(asker, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr(asker, "LONGEST_WAIT_BEFORE_FALLBACK", 4.0)
    monkeypatch.setattr(asker, "GROWTH", 1.0)
    monkeypatch.setattr(asker, "FIRST_WAIT", 0.01)
    yield


async def test_where_a_model_is_overloaded_the_next_one_answers_and_a_part_says_so(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI, fallbackLanguageModels=[CLAUDE])
    model.control.fail(path="openai", status=503, body=BUSY, times=100)
    answer = await answer_to(api, "Who buys?", agentUuid=agent)
    assert (answer["status"], said(answer)) == ("success", "You said: Who buys?")
    (warning,) = [part["data"] for part in answer["parts"] if part["type"] == "data-warning"]
    assert (warning["reason"], warning["languageModelSlug"]) == ("languageModelFallback", "claude-sonnet-5")
    assert "gpt-4.1-mini did not answer" in warning["message"] and "overloaded" in warning["message"]
    assert answer["usage"]["languageModelSlug"] == "claude-sonnet-5"
    release = (await api.call("ai.agent.get", uuid=agent))["agent"]["deployedRelease"]
    assert release["fallbackLanguageModels"] == [{**CLAUDE, "connectorUuid": None}]


async def test_the_rest_of_an_answer_stays_with_the_model_that_answered(api: ApiClient, model: Running) -> None:
    tool = await api.tool()
    nodes: list[Body] = [{"uuid": "a", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": [None]}]
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=nodes, formFields=[])
    actions = [{"slug": "look", "kind": "tool", "toolUuid": tool["uuid"]}]
    agent = await new_agent(api, **OPENAI, actions=actions, fallbackLanguageModels=[CLAUDE])
    model.control.rules.append(lambda heard: Reply("Done.") if heard.results else Reply(calls=[("look", {})]))
    model.control.fail(path="openai", status=503, body=BUSY, times=2)
    answer = await answer_to(api, "Look", agentUuid=agent)
    assert answer["status"] == "success" and [request.model for request in model.control.said] == ["claude-sonnet-5"] * 2
    assert len([part for part in answer["parts"] if part["type"] == "data-warning"]) == 1


async def test_a_fallback_has_to_be_a_language_model(api: ApiClient, model: Running) -> None:
    agent = (await api.call("ai.agent.create", name="A"))["agent"]["uuid"]
    for choice in ({"integrationSlug": "http", "languageModelSlug": "x"}, {**CLAUDE, "connectorUuid": agent}):
        given: dict[str, Any] = {"agentUuid": agent, "fallbackLanguageModels": [choice]}
        status, _ = await api.refused("ai.release.updateDraft", **given)
        assert 400 <= status < 500


async def test_an_agents_own_model_has_to_be_one_of_an_integration_that_answers(api: ApiClient) -> None:
    agent = (await api.call("ai.agent.create", name="A"))["agent"]["uuid"]
    for slug in ("http", "nonsense"):
        status, reason = await api.refused("ai.release.updateDraft", agentUuid=agent, integrationSlug=slug, languageModelSlug="x")
        assert (status, reason) == (400, "failedToReconciliateAgentAiTools")
    taken = await api.call("ai.release.updateDraft", agentUuid=agent, integrationSlug="openai", languageModelSlug="gpt-4o")
    assert taken["release"]["integrationSlug"] == "openAi"


ERRORS: list[tuple[Body, str]] = [
    ({"status": 503, "body": BUSY}, "overloaded"),
    ({"status": 429, "body": {"error": {"message": "You exceeded your current quota"}}}, "no money left"),
    ({"status": 429, "body": {"error": {"message": "Rate limit reached"}}, "headers": {"retry-after": "0"}}, "Rate limit reached"),
    ({"status": 401, "body": {"error": {"message": "Incorrect API key provided."}}}, "does not accept the key"),
    (
        {"status": 404, "body": {"error": {"message": "The model `x` does not exist"}}},
        "not exist `cargo-ai connection connector get-language-models ",
    ),
    ({"status": 400, "body": {"error": {"message": "maximum context length is 128000 tokens"}}}, "maximum context length"),
    ({"status": 200, "body": {"choices": []}}, "form that it should not"),
    ({"status": 200, "body": "<html>Login</html>"}, "not JSON"),
    ({"drop": "before"}, "broke"),
    ({"cut": True}, "broke"),
]


@pytest.mark.parametrize(("fault", "sentence"), ERRORS)
async def test_what_is_wrong_is_said_in_a_sentence(
    api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch, fault: Body, sentence: str
) -> None:
    monkeypatch.setattr(asker, "ATTEMPTS", 2)
    agent = await new_agent(api, **OPENAI)
    model.control.fail(path="openai", times=100, **fault)
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert answer["status"] == "error" and sentence in answer["errorMessage"], answer["errorMessage"]
    assert "Traceback" not in answer["errorMessage"] and answer["errorMessage"].count("OpenAI: OpenAI") == 0


async def test_a_model_that_asks_to_wait_for_an_hour_is_not_waited_for(
    api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asker, "LONGEST_WAIT", 600.0)
    agent = await new_agent(api, **OPENAI)
    model.control.fail(path="openai", status=503, body=BUSY, headers={"retry-after": "3600"}, times=1)
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert answer["status"] == "error"
    assert answer["errorMessage"].endswith("overloaded. It is to be asked again in 60 minutes, which is too long to wait for.")


@pytest.mark.parametrize("choice", [OPENAI, CLAUDE])
async def test_a_refusal_and_an_empty_answer_are_errors(api: ApiClient, model: Running, choice: Body) -> None:
    agent = await new_agent(api, **choice)
    model.control.rules.append(lambda _heard: Reply(refusal=True))
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert answer["status"] == "error" and "refused to answer" in answer["errorMessage"]
    tokens = answer["usage"]["tokensUsedCount"]
    assert tokens > 0 and (await api.call("ai.agent.get", uuid=agent))["agent"]["tokensUsedToday"] == tokens
    model.control.rules[:] = [lambda _heard: Reply("")]
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert answer["status"] == "error" and "nothing" in answer["errorMessage"], answer
