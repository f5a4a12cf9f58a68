"""A service that speaks OpenAI's HTTP conforms."""

from __future__ import annotations

from tests.kit.conformance.language_models import LanguageModelConformance, subject


class TestOpenAiCompatible(LanguageModelConformance):
    """A service that speaks OpenAI's HTTP."""

    subject = subject("openAiCompatible", "gpt-4o", lambda simulator, key: {"method": "bearer", "apiKey": key, "baseUrl": simulator.url})
