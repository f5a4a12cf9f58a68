"""Groq: its language models, for agents and as a step of workflows."""

from __future__ import annotations

import re
from importlib.resources import files

from cargo_ai.integrations.kit import Bearer
from cargo_ai.integrations.kit.language.integration import Vendor, language_integration
from cargo_ai.integrations.kit.language.models import LanguageModels, Size

_KEYS = "https://console.groq.com/keys"
_OTHERS = re.compile(r"whisper|tts|guard")

SIZES = {
    "llama-3.3-70b": Size(131_072, 32_768),
    "openai/gpt-oss": Size(131_072, 65_536, reasons=True),
}

INTEGRATION = language_integration(
    Vendor(
        slug="groq",
        name="Groq",
        color="#f55036",
        url="https://groq.com",
        keys=_KEYS,
        base_url="https://api.groq.com/openai/v1",
        sign_ins=(Bearer(field="apiKey", title="API key", description=f"Made at {_KEYS}."),),
        models=LanguageModels(protocol="openai", sizes=SIZES, chats=lambda slug: _OTHERS.search(slug) is None),
        documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
    )
)
