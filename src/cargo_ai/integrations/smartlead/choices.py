"""Autocompletes of Smartlead: its campaigns, and the categories of leads."""

from __future__ import annotations

from cargo_ai.integrations.kit import Autocomplete, Choice, FormRequest
from cargo_ai.integrations.kit.autocomplete import Params
from cargo_ai.integrations.smartlead import client

MAX = 1_000


async def _campaigns(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    found = [
        Choice(str(campaign.get("name") or campaign["id"]), str(campaign["id"]), campaign.get("status"))
        for campaign in await client.campaigns(request.service)
    ]
    return _fitting(found, value)


async def _categories(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    answer = await request.service.get("/leads/fetch-categories")
    return _fitting([Choice(str(item["name"]), str(item["id"])) for item in client.items_at(answer, "data")], value)


def _fitting(choices: list[Choice], typed: str | None) -> list[Choice]:
    fitting = [choice for choice in choices if (typed or "").lower() in choice.label.lower()]
    return sorted(fitting, key=lambda choice: choice.label)[:MAX]


AUTOCOMPLETES = {"listCampaigns": Autocomplete(_campaigns), "listCategories": Autocomplete(_categories)}
