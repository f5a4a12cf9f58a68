"""Autocompletes of lemlist: its campaigns."""

from __future__ import annotations

from collections.abc import Sequence

from cargo_ai.integrations.kit import Autocomplete, Choice, FormRequest
from cargo_ai.integrations.kit.autocomplete import MAX_CHOICES, Params, narrowed
from cargo_ai.integrations.lemlist.client import campaigns


async def _campaigns(request: FormRequest, _params: Params, value: str | None) -> Sequence[Choice]:
    choices: list[Choice] = []
    async for page in campaigns(request.service):
        choices += [Choice(str(one.get("name") or one["_id"]), one["_id"], one.get("status")) for one in page.items]
        if len(choices) >= MAX_CHOICES:
            break
    return narrowed(choices, value)


AUTOCOMPLETES = {"listCampaigns": Autocomplete(_campaigns)}
