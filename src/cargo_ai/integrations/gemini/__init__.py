"""Gemini: its language models, for agents and as a step of workflows."""

from __future__ import annotations

import re
from importlib.resources import files

from cargo_ai.integrations.kit import Bearer
from cargo_ai.integrations.kit.language.integration import Vendor, language_integration
from cargo_ai.integrations.kit.language.models import LanguageModels, Size

_KEYS = "https://aistudio.google.com/apikey"
_OTHERS = re.compile(r"embedding|imagen|veo|tts|aqa|live|audio|image")

SIZES = {
    "gemini-2.5": Size(1_048_576, 65_536, reasons=True),
    "gemini-2.0": Size(1_048_576, 8_192),
}

INTEGRATION = language_integration(
    Vendor(
        slug="gemini",
        name="Gemini",
        color="#4285f4",
        url="https://ai.google.dev",
        keys=_KEYS,
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        sign_ins=(Bearer(field="apiKey", title="API key", description=f"Made at {_KEYS}."),),
        models=LanguageModels(protocol="openai", embeddings="/embeddings", sizes=SIZES, chats=lambda slug: _OTHERS.search(slug) is None),
        documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
    )
)
