"""Autocompletes of Instantly: its campaigns."""

from __future__ import annotations

from cargo_ai.integrations.instantly_v2 import client
from cargo_ai.integrations.instantly_v2.fields import CAMPAIGN_STATUSES
from cargo_ai.integrations.kit import Autocomplete, Choice, FormRequest
from cargo_ai.integrations.kit.autocomplete import Params

MAX = 1_000


async def _campaigns(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    choices: list[Choice] = []
    async for campaign in client.campaigns(request.service):
        name = str(campaign.get("name") or campaign["id"])
        if (value or "").lower() in name.lower():
            choices.append(Choice(name, campaign["id"], CAMPAIGN_STATUSES.get(campaign.get("status") or 0)))
        if len(choices) >= MAX:
            break
    return sorted(choices, key=lambda choice: choice.label)


AUTOCOMPLETES = {"listCampaigns": Autocomplete(_campaigns)}
