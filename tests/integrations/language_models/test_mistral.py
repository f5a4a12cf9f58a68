"""Mistral conforms."""

from __future__ import annotations

from tests.kit.conformance.language_models import LanguageModelConformance, subject


class TestMistral(LanguageModelConformance):
    """Mistral."""

    subject = subject("mistral", "gpt-4o")
