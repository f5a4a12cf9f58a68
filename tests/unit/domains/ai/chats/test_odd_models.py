"""Language models that answer as none should: each answer is bounded and ends with its reason, and the next message is answered."""

from __future__ import annotations

import json

import pytest

from cargo_ai.domains.ai.chats import conversation
from cargo_ai.domains.ai.chats.answering import asker
from cargo_ai.llm import step, storable, transport
from tests.kit.api_client import ApiClient, Body
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMED = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}
EVENTS = {"content-type": "text/event-stream"}
HEAD = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-mini"}
DONE = "data: [DONE]\n\n"


def _event(delta: Body, finish: str | None = None, **more: object) -> str:
    """An event as OpenAI sends it; halves of characters go as they are given."""
    return f"data: {json.dumps({**HEAD, 'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}], **more})}\n\n"


def _events(model: Running, *events: str, times: int = 1) -> None:
    model.control.fail(path="completions", status=200, body="".join(events), headers=EVENTS, times=times)


def _call(arguments: str) -> Body:
    return {"index": 0, "id": "c", "type": "function", "function": {"name": "nothing", "arguments": arguments}}


async def _asked(api: ApiClient) -> Body:
    """An answer; the next message of its chat is answered."""
    answer = await answer_to(api, "Go on.", agentUuid=await new_agent(api, **NAMED))
    following = await answer_to(api, "And now?", chatUuid=answer["chatUuid"])
    assert (following["status"], said(following)) == ("success", "You said: And now?")
    return answer


async def test_half_characters_and_nul_are_replaced(api: ApiClient, model: Running) -> None:
    _events(model, _event({"content": "a\0b\ud800c \ud83d"}), _event({"content": "\ude00"}, "stop"), DONE)
    answer = await _asked(api)
    assert (answer["status"], said(answer)) == ("success", "a\ufffdb\ufffdc \N{GRINNING FACE}")


async def test_numbers_that_json_has_not_are_null_in_the_arguments_of_a_call(api: ApiClient, model: Running) -> None:
    call = {
        "index": 0,
        "id": "c",
        "type": "function",
        "function": {"name": "nothing", "arguments": '{"n": NaN, "m": 1e999, "t": "\ud800"}'},
    }
    _events(model, _event({"tool_calls": [call]}, "tool_calls"), DONE)
    answer = await _asked(api)
    (part,) = [part for part in answer["parts"] if part["type"] == "tool-nothing"]
    assert (answer["status"], part["input"]) == ("success", {"n": None, "m": None, "t": "\ufffd"})


async def test_arguments_that_are_nested_too_deeply_are_no_object(api: ApiClient, model: Running) -> None:
    deep = '{"n": ' + "[" * 150 + "]" * 150 + "}"
    call = _call(deep)
    _events(model, _event({"tool_calls": [call]}, "tool_calls"), DONE)
    answer = await _asked(api)
    (part,) = [part for part in answer["parts"] if part["type"] == "tool-nothing"]
    assert (answer["status"], part["input"], part["state"]) == ("success", {}, "output-error")


@pytest.mark.parametrize(("counted", "tokens"), [(-5, 0), (10**30, 2 * storable.MAX_COUNT)])
async def test_impossible_counts_of_tokens_break_no_answer(api: ApiClient, model: Running, counted: int, tokens: int) -> None:
    usage = {"prompt_tokens": counted, "completion_tokens": counted, "total_tokens": counted}
    _events(model, _event({"content": "Yes."}, "stop", usage=usage), DONE)
    answer = await _asked(api)
    assert (answer["status"], answer["usage"]["tokensUsedCount"]) == ("success", tokens)


async def test_an_answer_that_does_not_end_is_read_no_further(api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "MAX_CHARACTERS", 100)
    _events(model, *[_event({"content": "on and on "})] * 20, _event({}, "stop"), DONE)
    answer = await _asked(api)
    assert (answer["status"], answer["errorMessage"]) == (
        "error",
        "The language model wrote more than 100 characters at once, which no answer takes.",
    )


async def test_an_answer_that_is_too_long_as_a_whole_counts_its_tokens(
    api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "MAX_CHARACTERS", 100)
    message = {"role": "assistant", "content": "on and on " * 20}
    whole = {**HEAD, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    model.control.fail(path="completions", status=200, body={**whole, "usage": usage})
    answer = await _asked(api)
    assert (answer["status"], answer["usage"]["tokensUsedCount"]) == ("error", 7)
    assert "more than 100 characters" in answer["errorMessage"]


async def test_an_event_that_does_not_end_is_read_no_further(api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_LINE", 1_000)
    _events(model, _event({"content": "on and on " * 200}, "stop"), DONE)
    answer = await _asked(api)
    assert answer["status"] == "error"
    assert "more than 2,000,000 characters" in answer["errorMessage"]


async def test_events_that_stop_before_the_answer_does_are_asked_for_again(
    api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asker, "FIRST_WAIT", 0.01)
    _events(model, _event({"content": "Half an ans"}))
    answer = await _asked(api)
    assert (answer["status"], said(answer)) == ("success", "You said: Go on.")


async def test_a_service_that_says_done_and_not_why_has_answered(api: ApiClient, model: Running) -> None:
    _events(model, _event({"content": "Yes."}), DONE)
    answer = await _asked(api)
    assert (answer["status"], said(answer)) == ("success", "Yes.")


async def test_an_answer_cut_at_the_limit_of_tokens_says_so(api: ApiClient, model: Running) -> None:
    _events(model, _event({"content": "First, we"}, "length"), DONE)
    answer = await _asked(api)
    (warning,) = [part["data"] for part in answer["parts"] if part["type"] == "data-warning"]
    assert (answer["status"], said(answer), warning["reason"]) == ("success", "First, we", "answerCut")


async def test_an_error_among_the_events_is_shown_in_the_words_of_the_service(
    api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asker, "ATTEMPTS", 1)
    _events(model, _event({"content": "x"}), 'data: {"error": {"message": "The engine stalled.", "type": "server_error"}}\n\n')
    answer = await _asked(api)
    assert answer["errorMessage"] == "The language model broke off its answer: The engine stalled."


async def test_a_service_that_answers_nothing_at_all_is_said_to(api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asker, "ATTEMPTS", 1)
    model.control.fail(path="completions", status=200)
    answer = await _asked(api)
    assert answer["errorMessage"] == "OpenAI answered with an empty body."


async def test_a_chat_goes_on_without_what_is_too_much_to_send(api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_BYTES", 2_000)
    model.control.rules.append(lambda heard: Reply("long " * 1_000) if heard.last == "First" else None)
    first = await answer_to(api, "First", agentUuid=await new_agent(api, **NAMED))
    for text in ("Second", "Third"):
        await answer_to(api, text, chatUuid=first["chatUuid"])
    assert [text for _, text in model.control.said[-1].texts] == ["Second", "You said: Second", "Third"]


async def test_a_model_that_takes_long_to_answer_nothing_is_not_asked_five_times(
    api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(asker, "LONGEST_IN_VAIN", 0.0)
    model.control.fail(path="completions", status=500, body={"error": {"message": "It stalled."}})
    answer = await _asked(api)
    assert (answer["status"], answer["errorMessage"]) == ("error", "OpenAI answered 500: It stalled.")
