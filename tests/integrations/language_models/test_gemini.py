"""Gemini conforms."""

from __future__ import annotations

from tests.kit.conformance.language_models import LanguageModelConformance, subject


class TestGemini(LanguageModelConformance):
    """Gemini."""

    subject = subject("gemini", "gpt-4o")
