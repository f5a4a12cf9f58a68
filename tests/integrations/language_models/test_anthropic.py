"""Anthropic conforms, and its overload is tried again."""

from __future__ import annotations

from tests.kit.conformance.harness import Harness
from tests.kit.conformance.language_models import LanguageModelConformance, subject


class TestAnthropic(LanguageModelConformance):
    """Anthropic."""

    subject = subject("anthropic", "claude-sonnet-5")

    async def test_overload_is_tried_again(self, harness: Harness) -> None:
        harness.control.fail(status=529, body={"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
        failure = await harness.failed(*harness.actions()[0])
        assert failure.transient and failure.reason == "overloaded"
