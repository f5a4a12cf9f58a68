"""OpenAI conforms, and an account without money is refused at once."""

from __future__ import annotations

from cargo_ai.integrations.kit import integrations
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.language_models import LanguageModelConformance, subject


class TestOpenAi(LanguageModelConformance):
    """OpenAI."""

    subject = subject("openAi", "gpt-4.1-mini")

    async def test_an_account_without_money_fails_at_once(self, harness: Harness) -> None:
        harness.control.fail(status=429, body={"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}})
        failure = await harness.failed(*harness.actions()[0])
        assert (failure.reason, failure.transient) == ("planLimit", False) and "no money left" in failure.message


def test_models_that_answer_no_messages_are_not_listed() -> None:
    models = integrations()["openAi"].language_models
    assert models is not None
    assert not models.chats("text-embedding-3-small") and models.chats("gpt-4o")
