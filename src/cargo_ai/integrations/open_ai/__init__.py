"""OpenAI: its language models, for agents and as a step of workflows."""

from __future__ import annotations

import re
from importlib.resources import files

from cargo_ai.integrations.kit import Bearer
from cargo_ai.integrations.kit.language.integration import Vendor, language_integration
from cargo_ai.integrations.kit.language.models import Interface, LanguageModels, Size

_KEYS = "https://platform.openai.com/api-keys"
_OTHERS = re.compile(r"embedding|tts|whisper|dall-e|moderation|image|audio|realtime|transcribe|search|sora|davinci|babbage|instruct")

SIZES = {
    "gpt-4o": Size(128_000, 16_384),
    "gpt-4.1": Size(1_047_576, 32_768),
    "gpt-5": Size(400_000, 128_000, reasons=True),
    "o1": Size(200_000, 100_000, reasons=True),
    "o3": Size(200_000, 100_000, reasons=True),
    "o4-mini": Size(200_000, 100_000, reasons=True),
}

INTEGRATION = language_integration(
    Vendor(
        slug="openAi",
        name="OpenAI",
        color="#10a37f",
        url="https://openai.com",
        keys=_KEYS,
        base_url="https://api.openai.com/v1",
        sign_ins=(Bearer(field="apiKey", title="API key", description=f"Made at {_KEYS}."),),
        fields=Interface,
        models=LanguageModels(protocol="openai", embeddings="/embeddings", sizes=SIZES, chats=lambda slug: _OTHERS.search(slug) is None),
        documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
    )
)
