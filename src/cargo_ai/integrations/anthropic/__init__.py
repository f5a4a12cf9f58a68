"""Anthropic: its language models, for agents and as a step of workflows."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import ApiKey
from cargo_ai.integrations.kit.language.integration import Vendor, language_integration
from cargo_ai.integrations.kit.language.models import LanguageModels, Size

_KEYS = "https://console.anthropic.com/settings/keys"

SIZES = {
    "claude": Size(200_000, 64_000),
    "claude-3": Size(200_000, 8_192),
}

INTEGRATION = language_integration(
    Vendor(
        slug="anthropic",
        name="Anthropic",
        color="#d97757",
        url="https://www.anthropic.com",
        keys=_KEYS,
        base_url="https://api.anthropic.com/v1",
        sign_ins=(ApiKey(header="x-api-key", description=f"Made at {_KEYS}."),),
        headers={"anthropic-version": "2023-06-01"},
        models=LanguageModels(protocol="anthropic", completion="/messages", sizes=SIZES),
        documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
    )
)
