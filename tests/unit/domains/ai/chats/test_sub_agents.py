"""Sub-agents: an agent calls another one, whose chat hangs below the answer; depth, ends, cancelling, and many at once."""

from __future__ import annotations

import asyncio

import pytest

from cargo_ai.domains.ai.chats.answering import answers
from tests.kit.api_client import ApiClient, Body
from tests.simulators.language_models.control import Reply, Rule, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, ended, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


def _calls_once(name: str, **arguments: object) -> Rule:
    """A rule: who is offered the tool calls it once, and then says what it gave."""

    def rule(heard: Said) -> Reply | None:
        if name not in heard.tools:
            return None
        return Reply(f"{name}: {heard.results[-1][1]}") if heard.results else Reply(calls=[(name, arguments)])

    return rule


async def test_a_sub_agent_answers_in_a_chat_below(api: ApiClient, model: Running) -> None:
    below = await new_agent(api, systemPrompt="You count.", **MODEL)
    agent = await new_agent(api, actions=[{"slug": "counter", "kind": "agent", "agentUuid": below, "description": "Counts"}], **MODEL)
    model.control.rules.append(_calls_once("counter", prompt="Count to 3"))
    answer = await answer_to(api, "Go", agentUuid=agent)
    part = next(part for part in answer["parts"] if part["type"] == "tool-counter")
    assert (part["state"], part["output"]) == ("output-available", {"answer": "You said: Count to 3"})
    assert said(answer).startswith("counter: ")
    message = (await api.call("ai.message.get", uuid=part["toolMetadata"]["messageUuid"]))["message"]
    assert (message["agentUuid"], message["status"]) == (below, "success") and message["usage"]["tokensUsedCount"] > 0
    chats = [(await api.call("ai.chat.get", uuid=uuid))["chat"] for uuid in (answer["chatUuid"], message["chatUuid"])]
    assert chats[0]["traceUuid"] == chats[1]["traceUuid"] and chats[1]["trigger"]["messageUuid"] == answer["uuid"]
    assert model.control.said[1].system == "You count."


async def test_what_goes_wrong_below_is_a_result(api: ApiClient, model: Running) -> None:
    below = await new_agent(api, maxSteps=1, **MODEL)
    agent = await new_agent(api, actions=[{"slug": "counter", "kind": "agent", "agentUuid": below}], **MODEL)
    model.control.rules.append(_calls_once("counter", prompt="Count"))
    model.control.fail(holding="Count", status=400, body={"error": {"message": "Too much"}}, times=1, path="completions")
    await api.call("ai.agent.remove", uuid=below)
    answer = await answer_to(api, "Go", agentUuid=agent)
    assert answer["status"] == "success" and "There is no tool" not in said(answer)
    assert "counter cannot be used: There is no agent" in model.control.said[0].system


async def test_agents_that_call_each_other_come_to_an_end(api: ApiClient, model: Running) -> None:
    first, second = await new_agent(api, **MODEL), await new_agent(api, **MODEL)
    for agent, other in ((first, second), (second, first)):
        await api.call("ai.release.deployDraft", agentUuid=agent, actions=[{"slug": "other", "kind": "agent", "agentUuid": other}])
    model.control.rules.append(_calls_once("other", prompt="You do it"))
    answer = await answer_to(api, "Go", agentUuid=first)
    assert answer["status"] == "success" and said(answer).count("other: ") == 4
    assert "agents call each other 4 deep at most" in model.control.said[4].system


@pytest.mark.slow
async def test_many_agents_that_wait_for_others_leave_them_room(api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX", 3)
    below = await new_agent(api, **MODEL)
    agent = await new_agent(api, actions=[{"slug": "counter", "kind": "agent", "agentUuid": below}], **MODEL)
    model.control.rules.append(_calls_once("counter", prompt="Count"))
    text = [{"type": "text", "text": "Go"}]
    sent = await asyncio.gather(*(api.call("ai.message.create", agentUuid=agent, parts=text) for _ in range(6)))
    ends = await asyncio.gather(*(ended(api, reply["assistantMessage"]["uuid"]) for reply in sent))
    assert {answer["status"] for answer in ends} == {"success"}


async def _waiting(api: ApiClient, model: Running) -> tuple[Body, str]:
    """An answer that waits for a sub-agent, and that one's answer."""
    below = await new_agent(api, **MODEL)
    agent = await new_agent(api, actions=[{"slug": "counter", "kind": "agent", "agentUuid": below}], **MODEL)
    model.control.rules.append(_calls_once("counter", prompt="Slowly"))
    model.control.fail(holding="Slowly", delay=20.0, path="completions", times=1)
    sent = (await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Go"}]))["assistantMessage"]
    while True:
        message = (await api.call("ai.message.get", uuid=sent["uuid"]))["message"]
        part = next((part for part in message["parts"] if "toolMetadata" in part), None)
        if part is not None:
            return message, str(part["toolMetadata"]["messageUuid"])
        await asyncio.sleep(0.05)


async def test_cancelling_an_answer_cancels_those_below(api: ApiClient, model: Running) -> None:
    message, below = await _waiting(api, model)
    assert (await api.call("ai.message.cancel", uuids=[message["uuid"]]))["count"] == 1
    assert (await ended(api, message["uuid"]))["status"] == "cancelled"
    assert (await ended(api, below))["status"] == "cancelled"


async def test_one_below_that_is_cancelled_is_an_error_for_the_one_above(api: ApiClient, model: Running) -> None:
    message, below = await _waiting(api, model)
    await api.call("ai.message.cancel", uuids=[below])
    answer = await ended(api, message["uuid"])
    assert answer["status"] == "success"
    assert next(part["errorText"] for part in answer["parts"] if part["type"] == "tool-counter") == "Its answer was cancelled."


async def test_an_agent_that_is_not_waited_for_answers_by_itself(api: ApiClient, model: Running) -> None:
    below = await new_agent(api, **MODEL)
    action = {"slug": "counter", "kind": "agent", "agentUuid": below, "waitUntilFinished": False}
    agent = await new_agent(api, actions=[action], **MODEL)
    model.control.rules.append(_calls_once("counter", prompt="Count"))
    answer = await answer_to(api, "Go", agentUuid=agent)
    part = next(part for part in answer["parts"] if part["type"] == "tool-counter")
    assert part["output"]["note"] == "It was started; its answer is not waited for."
    assert (await ended(api, part["output"]["messageUuid"]))["status"] == "success"
