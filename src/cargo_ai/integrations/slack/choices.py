"""Autocompletes of Slack: its channels and people."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.kit import Autocomplete, Choice, FormRequest
from cargo_ai.integrations.kit.autocomplete import Params
from cargo_ai.integrations.slack import client

# Slack sorts neither list; a workspace of 100,000 people must not be read for one form.
MAX = 2_000


async def _channels(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    choices: list[Choice] = []
    async for channel in client.channels(request.service):
        name = f"#{channel['name']}"
        if _fits(value, name):
            choices.append(Choice(name, channel["id"], None if channel.get("is_member") else "The app is not in it yet."))
        if len(choices) >= MAX:
            break
    return sorted(choices, key=lambda choice: choice.label)


async def _users(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    choices: list[Choice] = []
    async for user in client.users(request.service):
        profile: dict[str, Any] = user.get("profile") or {}
        name, email = str(profile.get("real_name") or user["name"]), profile.get("email")
        if not user.get("deleted") and not user.get("is_bot") and _fits(value, f"{name} {email or ''}"):
            choices.append(Choice(name, user["id"], email))
        if len(choices) >= MAX:
            break
    return sorted(choices, key=lambda choice: choice.label)


def _fits(typed: str | None, text: str) -> bool:
    return (typed or "").lower() in text.lower()


AUTOCOMPLETES = {"listChannels": Autocomplete(_channels), "listUsers": Autocomplete(_users)}
