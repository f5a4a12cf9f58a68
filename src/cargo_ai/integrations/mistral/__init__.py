"""Mistral: its language models, for agents and as a step of workflows."""

from __future__ import annotations

import re
from importlib.resources import files

from cargo_ai.integrations.kit import Bearer
from cargo_ai.integrations.kit.language.integration import Vendor, language_integration
from cargo_ai.integrations.kit.language.models import LanguageModels, Size

_KEYS = "https://console.mistral.ai/api-keys"
_OTHERS = re.compile(r"embed|moderation|ocr|voxtral")

SIZES = {
    "magistral": Size(128_000, 0, reasons=True),
    "mistral-large": Size(128_000),
    "mistral-medium": Size(128_000),
    "mistral-small": Size(128_000),
}

INTEGRATION = language_integration(
    Vendor(
        slug="mistral",
        name="Mistral",
        color="#fa520f",
        url="https://mistral.ai",
        keys=_KEYS,
        base_url="https://api.mistral.ai/v1",
        sign_ins=(Bearer(field="apiKey", title="API key", description=f"Made at {_KEYS}."),),
        models=LanguageModels(protocol="openai", embeddings="/embeddings", sizes=SIZES, chats=lambda slug: _OTHERS.search(slug) is None),
        documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
    )
)
