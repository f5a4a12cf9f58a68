"""What the services with language models have in common, as a suite that each of their tests inherits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.language_models import server
from tests.simulators.language_models.control import KEY, Reply, Said

Json = Any
SCHEMA = {"type": "object", "properties": {"tier": {"type": "string", "enum": ["A", "B"]}}, "required": ["tier"]}
WRONG = "sk-test-00000000000000000000000000000000"


def _openai_error(status: int, sentence: str) -> Json:
    return {"error": {"message": sentence, "type": "error", "param": None, "code": f"code_{status}"}}


def _anthropic_error(status: int, sentence: str) -> Json:
    return {"type": "error", "error": {"type": f"error_{status}", "message": sentence}}


def subject(slug: str, model: str, account: Callable[[Any, str], Json] = lambda _simulator, key: {"apiKey": key}) -> Subject:
    """The subject of a test: an integration by its slug, and a model that the simulator has. account: (simulator, key) → config."""
    interface = "anthropic" if slug == "anthropic" else "openai"
    return Subject(
        slug=slug,
        running=partial(server.running, interface),
        account=lambda simulator: account(simulator, KEY),
        wrong=lambda simulator: account(simulator, WRONG),
        secret=KEY,
        error=_anthropic_error if interface == "anthropic" else _openai_error,
        examples={"instruct": Example(config={"model": model, "prompt": "Who is the buyer at Acme?"})},
    )


def _answer_in_no_tier(_said: Said) -> Reply:
    return Reply('{"tier": "Z"}')


class LanguageModelConformance(IntegrationConformance):
    """The suite of every integration, and what those with language models have besides."""

    async def test_a_question_is_answered_with_what_it_took(self, harness: Harness) -> None:
        action, config = harness.actions()[0]
        done = await harness.done(action, {**config, "systemPrompt": "Be brief.", "temperature": 0.2, "maxTokens": 50})
        assert done.output["answer"] == "You said: Who is the buyer at Acme?" and done.output["usage"]["outputTokens"] > 0
        (said,) = harness.control.said
        assert said.system == "Be brief."

    async def test_an_answer_holds_to_a_schema(self, harness: Harness) -> None:
        action, config = harness.actions()[0]
        done = await harness.done(action, {**config, "output": {"type": "jsonSchema", "jsonSchema": SCHEMA}})
        assert done.output["answer"] == {"tier": "A"}

    async def test_an_answer_that_does_not_hold_to_the_schema_fails(self, harness: Harness) -> None:
        harness.control.rules.append(_answer_in_no_tier)
        action, config = harness.actions()[0]
        failure = await harness.failed(action, {**config, "output": {"type": "jsonSchema", "jsonSchema": SCHEMA}})
        assert failure.reason == "invalidOutput"

    async def test_a_broken_schema_is_refused_before_anything_is_asked(self, harness: Harness) -> None:
        action, config = harness.actions()[0]
        failure = await harness.failed(action, {**config, "output": {"type": "jsonSchema", "jsonSchema": {"type": "no such type"}}})
        assert "jsonSchema" in failure.message and harness.control.said == []

    async def test_a_model_that_there_is_not_is_named(self, harness: Harness) -> None:
        action, config = harness.actions()[0]
        failure = await harness.failed(action, {**config, "model": "gpt-99"})
        assert failure.reason == "notFound" and "gpt-99" in failure.message
