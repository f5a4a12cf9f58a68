"""Groq conforms."""

from __future__ import annotations

from tests.kit.conformance.language_models import LanguageModelConformance, subject


class TestGroq(LanguageModelConformance):
    """Groq."""

    subject = subject("groq", "gpt-4o")
