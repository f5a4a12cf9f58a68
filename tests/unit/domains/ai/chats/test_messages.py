"""Messages, by real requests to a server with a worker: answers, tools as runs, schemas, memory of the chat, errors, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cargo_ai.domains.ai.chats.calling import calls
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, ended, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODELS = [("openAi", "gpt-4.1-mini"), ("anthropic", "claude-sonnet-5")]
SCHEMA = {
    "type": "object",
    "properties": {"tier": {"type": "string", "enum": ["A", "B"]}},
    "required": ["tier"],
    "additionalProperties": False,
}
DOUBLE: list[Body] = [
    {"uuid": "a", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": ["b"]},
    {
        "uuid": "b",
        "slug": "double",
        "kind": "native",
        "actionSlug": "variables",
        "config": {"variables": [{"name": "n", "type": "number", "value": "{{ nodes.start.n * 2 }}"}]},
        "childrenUuids": [None],
    },
]
FORM = [{"kind": "number", "name": "N", "slug": "n", "isRequired": True}]


def _named(integration: str, model: str) -> Body:
    return {"integrationSlug": integration, "languageModelSlug": model}


@pytest.mark.parametrize(("integration", "slug"), MODELS)
async def test_an_answer_has_a_text_and_what_it_took(api: ApiClient, model: Running, integration: str, slug: str) -> None:
    agent = await new_agent(api, systemPrompt="Be brief.", **_named(integration, slug))
    answer = await answer_to(api, "Who buys?", agentUuid=agent)
    assert (answer["status"], said(answer)) == ("success", "You said: Who buys?")
    assert answer["usage"]["languageModelSlug"] == slug and answer["usage"]["tokensUsedCount"] > 0
    assert [request.system for request in model.control.said] == ["Be brief."]


async def test_a_schema_that_cannot_be_used_is_named_before_the_model_is_asked(api: ApiClient, model: Running) -> None:
    output = {"type": "jsonSchema", "jsonSchema": {"type": "nothing"}}
    agent = await new_agent(api, **_named(*MODELS[0]))
    answer = await answer_to(api, "Which tier?", agentUuid=agent, output=output)
    assert answer["status"] == "error" and answer["errorMessage"].startswith("The schema of the answer cannot be used:")
    assert model.control.said == []


async def test_a_chat_keeps_what_was_said(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    first = await answer_to(api, "My name is Ada.", agentUuid=agent)
    await answer_to(api, "What is my name?", chatUuid=first["chatUuid"])
    assert [text for _, text in model.control.said[-1].texts] == ["My name is Ada.", "You said: My name is Ada.", "What is my name?"]
    messages = (await api.call("ai.message.list", chatUuid=first["chatUuid"]))["messages"]
    assert [message["type"] for message in messages] == ["user", "assistant", "user", "assistant"]


async def _doubling_tool(api: ApiClient, nodes: Sequence[Body] = DOUBLE) -> str:
    tool = await api.tool()
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=nodes, formFields=FORM)
    return str(tool["uuid"])


@pytest.mark.parametrize(("integration", "slug"), MODELS)
async def test_a_tool_is_a_run_linked_to_the_message(api: ApiClient, model: Running, integration: str, slug: str) -> None:
    tool = await _doubling_tool(api)
    actions = [{"slug": "double", "kind": "tool", "toolUuid": tool, "description": "Doubles a number"}]
    agent = await new_agent(api, actions=actions, **_named(integration, slug))
    model.control.rules.append(lambda heard: None if heard.results else Reply(calls=[("double", {"n": 21})]))
    model.control.rules.append(lambda heard: Reply(f"It is {heard.results[0][1]}"))
    answer = await answer_to(api, "Twice 21?", agentUuid=agent)
    assert answer["status"] == "success" and "42" in said(answer)
    (call,) = [part for part in answer["parts"] if part["type"] == "tool-double"]
    assert (call["state"], call["input"], call["output"]) == ("output-available", {"n": 21}, {"n": 42})
    run = (await api.call("orchestration.run.get", uuid=call["toolMetadata"]["runUuid"]))["run"]
    assert (run["status"], run["parentMessageUuid"], run["parentChatUuid"]) == ("success", answer["uuid"], answer["chatUuid"])
    assert run["parentAgentUuid"] == agent


@pytest.mark.parametrize("seconds", [20.0, 0.3])
async def test_a_tool_that_may_be_called_in_bulk_is_a_run_for_each_input(
    api: ApiClient, model: Running, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the answer is parked meanwhile: the runs take up to a second."""
    monkeypatch.setattr(calls, "IN_PLACE_SECONDS", seconds)
    delay = {"uuid": "d", "slug": "wait", "kind": "native", "actionSlug": "delay", "config": {"minutes": "{{ nodes.start.n / 360 }}"}}
    nodes = [DOUBLE[0] | {"childrenUuids": ["d"]}, delay | {"childrenUuids": ["b"]}, DOUBLE[1]]
    actions = [{"slug": "double", "kind": "tool", "toolUuid": await _doubling_tool(api, nodes), "isBulkAllowed": True}]
    agent = await new_agent(api, actions=actions, **_named(*MODELS[0]))
    items = [{"n": n} for n in range(7)]
    model.control.rules.append(
        lambda heard: Reply(heard.results[0][1]) if heard.results else Reply(calls=[("double_bulk", {"items": items})])
    )
    answer = await answer_to(api, "Twice all of them?", agentUuid=agent)
    assert answer["status"] == "success"
    (call,) = [part for part in answer["parts"] if part["type"] == "tool-double_bulk"]
    assert call["output"] == [{"output": {"n": 2 * n}} for n in range(7)]
    uuids = call["toolMetadata"]["runUuids"]
    parents = [(await api.call("orchestration.run.get", uuid=uuid))["run"]["parentMessageUuid"] for uuid in uuids]
    assert len(set(uuids)) == 7
    assert set(parents) == {answer["uuid"]}


async def test_a_call_in_bulk_with_one_wrong_input_or_too_many_starts_nothing(api: ApiClient, model: Running) -> None:
    actions = [{"slug": "double", "kind": "tool", "toolUuid": await _doubling_tool(api), "isBulkAllowed": True}]
    agent = await new_agent(api, actions=actions, **_named(*MODELS[0]))
    wrong = [[{"n": 1}, {"n": "many"}], [{"n": 1}] * 51, []]
    model.control.rules.append(
        lambda heard: Reply("So be it.") if heard.results else Reply(calls=[("double_bulk", {"items": items}) for items in wrong])
    )
    answer = await answer_to(api, "Twice all of them?", agentUuid=agent)
    parts = [part for part in answer["parts"] if part["type"] == "tool-double_bulk"]
    assert [part["state"] for part in parts] == ["output-error"] * 3
    assert all("toolMetadata" not in part for part in parts)


async def test_wrong_arguments_are_reported_to_the_model_and_start_nothing(api: ApiClient, model: Running) -> None:
    tool = await _doubling_tool(api)
    agent = await new_agent(api, actions=[{"slug": "double", "kind": "tool", "toolUuid": tool}], **_named(*MODELS[0]))

    def rule(heard: Said) -> Reply:
        if not heard.results:
            return Reply(calls=[("double", {"n": "many"}), ("triple", {})])
        return Reply("; ".join(result for _, result in heard.results))

    model.control.rules.append(rule)
    answer = await answer_to(api, "Twice many?", agentUuid=agent)
    calls = [part for part in answer["parts"] if part["type"].startswith("tool-")]
    assert [call["state"] for call in calls] == ["output-error", "output-error"]
    assert "is not of type" in calls[0]["errorText"] and "There is no tool triple" in calls[1]["errorText"]
    assert all("toolMetadata" not in call for call in calls)


@pytest.mark.parametrize(("integration", "slug"), MODELS)
async def test_an_answer_holds_to_its_schema(api: ApiClient, model: Running, integration: str, slug: str) -> None:
    agent = await new_agent(api, output={"type": "jsonSchema", "jsonSchema": SCHEMA}, **_named(integration, slug))
    answer = await answer_to(api, "Which tier?", agentUuid=agent)
    assert answer["status"] == "success" and answer["parts"][-1] == {"type": "data-output", "data": {"tier": "A"}}


async def test_an_answer_that_does_not_hold_to_its_schema_is_repaired_once(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, output={"type": "jsonSchema", "jsonSchema": SCHEMA}, **_named(*MODELS[0]))
    model.control.rules.append(lambda heard: Reply(calls=[("final_result", {"tier": "Z" if not heard.results else "B"})]))
    answer = await answer_to(api, "Which tier?", agentUuid=agent)
    assert answer["parts"][-1] == {"type": "data-output", "data": {"tier": "B"}}
    model.control.rules[:] = [lambda _heard: Reply(calls=[("final_result", {"tier": "Z"})])]
    answer = await answer_to(api, "Which tier?", agentUuid=agent)
    assert answer["status"] == "error" and "does not match the schema" in answer["errorMessage"]


async def test_an_agent_that_finds_no_end_is_stopped_by_its_steps(api: ApiClient, model: Running) -> None:
    tool = await _doubling_tool(api)
    agent = await new_agent(api, maxSteps=3, actions=[{"slug": "double", "kind": "tool", "toolUuid": tool}], **_named(*MODELS[0]))
    model.control.rules.append(lambda _heard: Reply(calls=[("double", {"n": 1})]))
    answer = await answer_to(api, "Go on", agentUuid=agent)
    assert answer["status"] == "error" and "maxSteps" in answer["errorMessage"] and len(model.control.said) == 3


async def test_a_key_that_is_refused_is_said_in_the_services_words(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    model.control.keys.clear()
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert answer["status"] == "error" and "does not accept the key" in answer["errorMessage"] and model.key not in str(answer)


async def test_overload_is_tried_again(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    model.control.fail(status=503, body={"error": {"message": "Try later"}}, headers={"retry-after": "0"}, times=2)
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert answer["status"] == "success"


async def test_without_a_connected_service_the_answer_says_how_to_connect_one(backend: Backend) -> None:
    other = backend.other_api
    agent = await new_agent(other)
    answer = await answer_to(other, "Hello", agentUuid=agent)
    assert answer["status"] == "error" and "connection connector create" in answer["errorMessage"]


async def test_what_a_message_gives_besides_holds_for_its_answer_alone(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, systemPrompt="Of the release", **_named(*MODELS[0]))
    first = await answer_to(api, "One", agentUuid=agent, systemPrompt="Of the message", languageModelSlug="gpt-4o")
    assert first["usage"]["languageModelSlug"] == "gpt-4o" and model.control.said[-1].system == "Of the message"
    await answer_to(api, "Two", chatUuid=first["chatUuid"])
    assert (model.control.said[-1].system, model.control.said[-1].model) == ("Of the release", "gpt-4.1-mini")


async def test_a_second_message_waits_for_the_first_answer(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    model.control.fail(delay=1.0, path="completions")
    sent = await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Slowly"}])
    chat = sent["assistantMessage"]["chatUuid"]
    again = {"chatUuid": chat, "parts": [{"type": "text", "text": "More"}]}
    assert await api.refused("ai.message.create", **again) == (409, "lastMessageNotFinished")
    await ended(api, sent["assistantMessage"]["uuid"])
    await api.call("ai.message.create", **again)


async def test_an_answer_is_cancelled_while_it_is_written(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    model.control.fail(delay=20.0, path="completions")
    sent = await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Slowly"}])
    answer = sent["assistantMessage"]["uuid"]
    await asyncio.to_thread(model.control.heard.wait, 20)
    assert (await api.call("ai.message.cancel", uuids=[answer]))["count"] == 1
    assert (await ended(api, answer))["status"] == "cancelled"


async def test_an_answer_that_comes_right_after_it_was_cancelled_is_cancelled(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    model.control.fail(delay=0.5, path="completions")
    sent = await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Soon"}])
    answer = sent["assistantMessage"]["uuid"]
    await asyncio.to_thread(model.control.heard.wait, 20)
    assert (await api.call("ai.message.cancel", uuids=[answer]))["count"] == 1
    assert (await ended(api, answer))["status"] == "cancelled"


async def test_a_message_and_all_after_it_are_removed(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    first = await answer_to(api, "One", agentUuid=agent)
    chat = first["chatUuid"]
    await answer_to(api, "Two", chatUuid=chat)
    messages = (await api.call("ai.message.list", chatUuid=chat))["messages"]
    assert await api.refused("ai.message.remove", uuid=messages[3]["uuid"]) == (400, "messageNotUser")
    await api.call("ai.message.remove", uuid=messages[2]["uuid"])
    assert [message["uuid"] for message in (await api.call("ai.message.list", chatUuid=chat))["messages"]] == [
        message["uuid"] for message in messages[:2]
    ]
    await answer_to(api, "Three", chatUuid=chat)
    assert [text for role, text in model.control.said[-1].texts if role == "user"] == ["One", "Three"]


async def test_chats_are_listed_by_agent_status_and_name(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **_named(*MODELS[0]))
    chat = (await api.call("ai.chat.create", agentUuid=agent, name="Q3 100% plan"))["chat"]
    await answer_to(api, "One", chatUuid=chat["uuid"])
    (listed,) = (await api.call("ai.chat.list", agentUuid=agent, name="100%", messageStatuses="success", triggerType="draft"))["chats"]
    assert (listed["uuid"], listed["lastMessage"]["status"]) == (chat["uuid"], "success")
    assert (await api.call("ai.chat.list", agentUuid=agent, name="100_"))["chats"] == []


async def test_a_user_has_one_vote_about_an_answer(api: ApiClient, backend: Backend, model: Running) -> None:
    answer = await answer_to(api, "Who buys?", agentUuid=await new_agent(api, **_named(*MODELS[0])))
    about = {"chatUuid": answer["chatUuid"], "messageUuid": answer["uuid"]}
    await api.call("ai.vote.upsert", **about, isUpvoted=True)
    vote = (await api.call("ai.vote.upsert", **about, isUpvoted=False))["vote"]
    assert (await api.call("ai.vote.list", chatUuid=answer["chatUuid"]))["votes"] == [vote] and vote["isUpvoted"] is False
    asked = (await api.call("ai.message.list", chatUuid=answer["chatUuid"]))["messages"][0]["uuid"]
    assert await api.refused("ai.vote.upsert", chatUuid=answer["chatUuid"], messageUuid=asked, isUpvoted=True) == (
        400,
        "messageNotAssistant",
    )
    assert await api.refused("ai.vote.upsert", chatUuid=answer["chatUuid"], messageUuid=answer["chatUuid"], isUpvoted=True) == (
        404,
        "messageNotFound",
    )
    assert await backend.other_api.refused("ai.vote.upsert", **about, isUpvoted=True) == (404, "chatNotFound")
    assert await backend.other_api.refused("ai.vote.list", chatUuid=answer["chatUuid"]) == (404, "chatNotFound")
