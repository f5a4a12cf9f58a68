"""A question to a language model is a span, with the names of OpenTelemetry's conventions, above the requests that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cargo_ai.kernel import traces
from cargo_ai.kernel.traces import Place, Span
from cargo_ai.llm.step import NoAnswer, Question, Turn, ask

NODE = Place(7, 8)
ANSWER: dict[str, Any] = {
    "id": "a",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}
QUESTION = Question("openai", "gpt-4.1-mini", "Be short.", [Turn("Is Acme a secret?")], temperature=0.5)


class Kept:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def wants(self, trace: int) -> bool:
        return True

    def send(self, span: Span) -> None:
        self.spans.append(span)

    def send_encoded(self, spans: bytes) -> None:
        raise AssertionError("a span of its own")


@pytest.fixture
def kept() -> Iterator[Kept]:
    sender = Kept()
    traces.send_with(sender)
    yield sender
    traces.send_with(None)


async def test_a_question_is_a_span_above_its_requests_without_what_was_said(kept: Kept) -> None:
    asked_within: list[Place | None] = []

    async def call(body: Any, events: Any = None) -> Any:
        asked_within.append(traces.current())
        return ANSWER

    with traces.within(NODE):
        await ask(QUESTION, call)
    (span,) = kept.spans
    assert (span.name, span.kind, span.place.trace, span.parent, span.failed) == ("chat gpt-4.1-mini", "client", 7, 8, False)
    assert asked_within == [span.place]
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1-mini",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
    }


async def test_one_that_fails_says_so_and_one_outside_of_a_trace_is_none(kept: Kept) -> None:
    async def call(body: Any, events: Any = None) -> Any:
        return ANSWER | {"choices": [{"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": ""}}]}

    with pytest.raises(NoAnswer):
        await ask(QUESTION, call)
    assert kept.spans == []
    with traces.within(NODE), pytest.raises(NoAnswer):
        await ask(QUESTION, call)
    assert kept.spans[0].failed and kept.spans[0].attributes["error.type"] == "NoAnswer"
