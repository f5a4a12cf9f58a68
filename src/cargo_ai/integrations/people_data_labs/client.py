"""How People Data Labs is called: its address, what its errors mean (404 is not a match), how fast calls may come, searches in pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from cargo_ai.integrations.kit import Answer, ErrorRule, Page, Policy, Reading, Route, Service, ServiceSpec, cursor
from cargo_ai.integrations.kit.calls.waiting import wait_of

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 50
"""Answers are limited to 1 MB, which a hundred records may pass."""
LIMIT, REMAINING, RESET = "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"

ERRORS = (
    # Nothing found is an answer, and is not charged.
    ErrorRule("ignore", status=404, path="error.type", text="^not_found$"),
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The API key is not accepted. Copy it from https://dashboard.peopledatalabs.com/api-keys and put it into the connector. "
        "People Data Labs says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=402,
        message="The account's credits are used up: buy some, or wait until its plan renews them. People Data Labs says: {said}",
        reason="planLimit",
    ),
)


def reading(headers: Mapping[str, str]) -> Reading | None:
    """What an answer says of the calls that are left in this minute."""
    remaining, limit = _of_minute(headers.get(REMAINING, "")), _of_minute(headers.get(LIMIT, ""))
    return None if remaining is None else Reading(remaining, limit, opens_in=wait_of(headers, (RESET,)))


def _of_minute(text: str) -> int | None:
    """The number of a minute in `{"minute": 9, "day": null}`, which some answers write with single quotes."""
    number = re.search(r"[\"']minute[\"']\s*:\s*(\d{1,9})\b", text)
    return int(number[1]) if number else None


def _policies(most: int, *paths: str) -> tuple[Policy, ...]:
    """Each endpoint has a limit of its own, which depends on the plan: answers say which, and correct this one downwards."""
    return tuple(Policy(most, 60, Route("*", path), scope="account", headers=reading) for path in paths)


SERVICE = ServiceSpec(
    base_url="https://api.peopledatalabs.com/v5",
    errors=ERRORS,
    policies=(
        *_policies(1_000, "/person/enrich", "/company/enrich"),
        *_policies(100, "/person/search", "/company/search"),
        *_policies(60, "/autocomplete"),
    ),
    wait_headers=("retry-after", RESET),
)


def is_match(answer: Answer) -> bool:
    """Whether there is something in it; otherwise nothing was found."""
    return answer.status != 404


def credits_of(answer: Answer) -> tuple[float, float | None]:
    """Credits that the call has cost, and those that the account has left."""
    return _number(answer.headers.get("x-call-credits-spent")) or 0, _number(answer.headers.get("x-totallimit-remaining"))


def _number(text: str | None) -> float | None:
    if text is None or not re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text.strip()):
        return None
    number = float(text)
    return int(number) if number.is_integer() else number


def pages(service: Service, path: str, search: JsonObject, most: int, start: str | None = None) -> AsyncIterator[Page[str]]:
    """The pages of a search, up to `most` records in all; `start`: the token with which an earlier one ended. Each record is charged."""
    left = most

    async def fetch(token: str | None) -> Answer:
        nonlocal left
        size = min(PAGE, left)
        left = max(left - size, 1)
        # Charged by record: a page whose answer was lost is not asked for again.
        return await service.post(path, json={**search, "size": size, **({"scroll_token": token} if token else {})})

    return cursor(fetch, items="data", next="scroll_token", start=start)
