"""What a language model writes for people: improved prompts, evaluations, JSON Schemas, suggestions, expressions; and what goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLAUDE = {"integrationSlug": "anthropic", "languageModelSlug": "claude-haiku-4-5"}
EVALUATION: Body = {"score": 0.6, "summary": "Vague.", "criteria": [{"name": "Role", "passed": True, "reason": "It names one."}]}
UNKNOWN = "0198c5f0-0000-7000-8000-000000000001"


def gives(*values: Body) -> Any:
    """A rule: these answers, one after the other; the last one again."""
    left = list(values)

    def rule(said: Said) -> Reply | None:
        if "final_result" not in said.tools:
            return None
        return Reply(calls=[("final_result", left.pop(0) if len(left) > 1 else left[0])])

    return rule


async def refusal_of(api: ApiClient, status: int, reason: str, name: str, **fields: object) -> str:
    """The sentence of a refusal that has this status and reason."""
    given, body = await api.refusal(name, **fields)
    assert (given, body["reason"]) == (status, reason), body
    return str(body["errorMessage"])


@pytest.mark.parametrize("named", [{}, CLAUDE])
async def test_a_prompt_is_improved_by_the_model_that_is_named_or_the_first_one(api: ApiClient, model: Running, named: Body) -> None:
    model.control.rules.append(gives({"prompt": "You find the buyer."}))
    reply = await api.call("ai.prompt.optimize", prompt="find buyer {{ nodes.start.name }}", **named)
    assert reply["prompt"] == "You find the buyer."
    assert (
        reply["usage"]["languageModelSlug"] == named.get("languageModelSlug", "claude-sonnet-5") and reply["usage"]["tokensUsedCount"] > 0
    )
    assert model.control.said[-1].last == "find buyer {{ nodes.start.name }}"


async def test_a_json_schema_that_is_none_is_repaired_once(api: ApiClient, model: Running) -> None:
    good = {"type": "object", "properties": {"tier": {"type": "string"}}, "required": ["tier"]}
    model.control.rules.append(gives({"jsonSchema": {"type": "object", "properties": {"tier": {"type": "text"}}}}, {"jsonSchema": good}))
    reply = await api.call("ai.prompt.generateJsonSchema", prompt="The tier", systemPrompt="You rate companies.")
    assert reply["jsonSchema"] == good
    assert "is not valid" in model.control.said[-1].results[0][1] and "You rate companies." in model.control.said[0].last
    model.control.rules[:] = [gives({"jsonSchema": {"$ref": "http://127.0.0.1:1/", "type": "object", "properties": {}}})]
    sentence = await refusal_of(api, 502, "failedToAskLanguageModel", "ai.prompt.generateJsonSchema", prompt="The tier")
    assert "also when it was corrected" in sentence


async def test_an_answer_in_words_that_is_json_counts(api: ApiClient, model: Running) -> None:
    model.control.rules.append(lambda _said: Reply('```json\n{"prompt": "Better."}\n```'))
    assert (await api.call("ai.prompt.optimize", prompt="Good."))["prompt"] == "Better."


async def test_a_prompt_is_judged_with_what_it_may_use(api: ApiClient, model: Running) -> None:
    model.control.rules.append(gives(EVALUATION))
    tool = await api.tool()
    actions = [{"slug": "enrich", "kind": "tool", "toolUuid": tool["uuid"], "description": "Enriches a company"}]
    parts: Body = {"actions": actions, "resources": [], "capabilities": [{"slug": "memory"}]}
    reply = await api.call("ai.prompt.evaluate", prompt="You research.", **parts)
    assert reply["evaluation"] == EVALUATION | {"passed": False} and reply["prompt"] == "You research." and "errorMessage" not in reply
    assert "Enriches a company" in model.control.said[-1].last and tool["uuid"] not in model.control.said[-1].last
    reply = await api.call("ai.prompt.evaluate", prompt="You research.", rubric="It names a role.", threshold=0.5, **parts)
    assert reply["evaluation"]["passed"] and "It names a role." in model.control.said[-1].system


async def test_a_prompt_that_names_what_is_not_there_is_not_judged(api: ApiClient, backend: Backend, model: Running) -> None:
    tool = await backend.other_api.tool()
    reply = await api.call("ai.prompt.evaluate", prompt="Go.", actions=[{"slug": "x", "kind": "tool", "toolUuid": tool["uuid"]}])
    assert list(reply) == ["errorMessage"] and tool["uuid"] in reply["errorMessage"] and model.control.said == []


async def test_suggestions_follow_the_conversation_and_name_only_actions_that_there_are(api: ApiClient, model: Running) -> None:
    tool = await api.tool()
    actions = [{"slug": "enrich", "kind": "tool", "toolUuid": tool["uuid"], "description": "Enriches a company"}]
    agent = await new_agent(api, systemPrompt="You research.", actions=actions, integrationSlug="openAi", languageModelSlug="gpt-4o")
    answer = await answer_to(api, "Who is Acme?", agentUuid=agent)
    model.control.rules.append(
        gives({"suggestions": [{"text": "Enrich Acme", "actions": ["enrich"]}, {"text": "Enrich Acme"}, {"text": "Stop"}]})
    )
    reply = await api.call("ai.suggestedAction.generate", messageUuid=answer["uuid"])
    assert reply["suggestedActions"] == [{"text": "Enrich Acme", "actions": [{"slug": "enrich"}]}, {"text": "Stop", "actions": []}]
    heard = model.control.said[-1]
    assert heard.model == "gpt-4o" and "You said: Who is Acme?" in heard.last and "Enriches a company" in heard.last


async def test_the_same_request_with_a_key_is_asked_once(api: ApiClient, model: Running) -> None:
    model.control.rules.append(gives({"suggestions": [{"text": "Plan the week"}]}))
    for _ in range(2):
        reply = await api.call("ai.suggestedAction.generate", systemPrompt="You plan.", cacheKey="home")
        assert reply["suggestedActions"] == [{"text": "Plan the week", "actions": []}]
    await api.call("ai.suggestedAction.generate", systemPrompt="You plan more.", cacheKey="home")
    assert len(model.control.said) == 2


async def test_another_workspaces_agents_and_messages_have_no_suggestions(api: ApiClient, backend: Backend, model: Running) -> None:
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4o")
    message = (await answer_to(api, "Hello", agentUuid=agent))["uuid"]
    await refusal_of(backend.other_api, 404, "agentNotFound", "ai.suggestedAction.generate", agentUuid=agent)
    await refusal_of(backend.other_api, 404, "messageNotFound", "ai.suggestedAction.generate", messageUuid=message)


async def test_an_expression_is_tried_before_anyone_sees_it_and_repaired(api: ApiClient, model: Running) -> None:
    variables = {"nodes": {"start": {"email": "ann@example.com"}}}
    model.control.rules.append(
        gives(
            {"kind": "jsExpression", "expression": "nodes.start.mail.split('@')[1]"},
            {"kind": "jsExpression", "expression": "nodes.start.email.split('@')[1]"},
        )
    )
    reply = await api.call("expression.expression.generate", prompt="The domain", variables=variables)
    assert (reply["data"]["expression"], reply["result"]) == ("nodes.start.email.split('@')[1]", "example.com")
    assert "With the sample" in model.control.said[-1].results[0][1]
    evaluated = await api.call("expression.expression.evaluate", expression=reply["data"], variables=variables)
    assert evaluated == {"data": "example.com"}


async def test_an_expression_that_does_not_work_is_not_given(api: ApiClient, model: Running) -> None:
    model.control.rules.append(gives({"kind": "jsExpression", "expression": "nodes.start.("}))
    reply = await api.call("expression.expression.generate", prompt="The domain", variables={"nodes": {}})
    assert list(reply) == ["errorMessage"] and "No expression was found" in reply["errorMessage"]


async def test_without_a_language_model_it_says_how_to_connect_one(backend: Backend, api: ApiClient, model: Running) -> None:
    sentence = await refusal_of(backend.other_api, 400, "languageModelMissing", "ai.prompt.optimize", prompt="Good.")
    assert "connector create" in sentence
    connector = (await api.call("connection.connector.list"))["connectors"][0]["uuid"]
    await refusal_of(backend.other_api, 400, "languageModelMissing", "ai.prompt.optimize", prompt="Good.", connectorUuid=connector)
    await refusal_of(api, 400, "languageModelMissing", "ai.prompt.optimize", prompt="Good.", connectorUuid=UNKNOWN)
    assert model.control.said == []


async def test_what_the_service_refuses_is_a_sentence(api: ApiClient, model: Running) -> None:
    sentence = await refusal_of(api, 502, "failedToAskLanguageModel", "ai.prompt.optimize", prompt="Good.", languageModelSlug="gpt-none")
    assert "gpt-none" in sentence
    model.control.rules.append(lambda _said: Reply("No.", refusal=True))
    await refusal_of(api, 502, "failedToAskLanguageModel", "ai.prompt.optimize", prompt="Good.")
