"""How Pipedrive is called: its address, what its errors mean, its burst limits, and a day's budget of which each call costs some tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, CallShape, ErrorRule, Headers, Policy, Reading, Route, ServiceError, ServiceSpec, unexpected
from cargo_ai.integrations.kit.errors import at, words_of
from cargo_ai.kernel import clock

Json = Any
JsonObject = Mapping[str, Json]

DAY = 86_400.0
BURST_SECONDS = 2.0
RESET = "x-ratelimit-reset"
MAX_TOKENS = 20_000_000
"""More than any account has in a day (30,000 by the factor of the plan and by seat): answers say how much it is."""


def words(body: Json) -> str:
    """Pipedrive's sentence, with what it adds to it."""
    more = next((text for text in at(body, "error_info") if isinstance(text, str)), "")
    said = words_of(body)
    return f"{said}: {more}" if more and "developers.pipedrive.com" not in more else said


ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The API token is not accepted. Copy it from https://app.pipedrive.com/settings/api and put it into the connector. "
        "Pipedrive says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=402,
        message="The company's plan has ended, or does not have this: look at https://app.pipedrive.com. Pipedrive says: {said}",
        reason="planLimit",
    ),
    ErrorRule("fail", status=410, message="The record is deleted: {said}", reason="notFound"),
)

_SEARCHES = ("/search", "/itemSearch/field")


def cost(call: CallShape) -> int:
    """The tokens that a call takes from the day's budget, as the reference says for each endpoint of version 2."""
    parts = call.path.strip("/").split("/")
    if call.path.endswith(_SEARCHES):
        return 20
    if call.method == "DELETE":
        return 3
    if call.method != "GET":
        return 5
    return 10 if len(parts) == 1 else 1


def budget(headers: Mapping[str, str]) -> Reading | None:
    """What an answer says of the day's budget, which is full again at midnight (UTC)."""
    remaining, limit = headers.get("x-daily-ratelimit-token-remaining", ""), headers.get("x-daily-ratelimit-token-limit", "")
    if not remaining.isdigit():
        return None
    return Reading(int(remaining), int(limit) if limit.isdigit() else None, opens_in=DAY - clock.unix_seconds() % DAY)


def _is_search(call: CallShape) -> bool:
    return call.path.endswith(_SEARCHES)


POLICIES = (
    # The largest plan: answers say how many it is, and correct it downwards. Searches have a limit of their own.
    Policy(120, BURST_SECONDS, scope="account", headers=Headers("x-ratelimit-limit", "x-ratelimit-remaining", RESET), name="burst"),
    Policy(10, BURST_SECONDS, _is_search, scope="account", name="searches"),
    Policy(MAX_TOKENS, DAY, Route("*"), scope="account", cost=cost, headers=budget, strategy="burst", name="tokens of a day"),
)

SERVICE = ServiceSpec(
    base_url="https://api.pipedrive.com/api/v2", errors=ERRORS, policies=POLICIES, words=words, wait_headers=("retry-after", RESET)
)


def record_of(answer: Answer) -> JsonObject:
    """The record in an answer. ServiceError where something else than Pipedrive has answered."""
    data: object = next(at(answer.body, "data"), None)
    if not isinstance(data, Mapping) or "id" not in data:
        raise unexpected("Pipedrive", answer, sent=True)
    return cast("JsonObject", data)


def is_missing(error: ServiceError) -> bool:
    """Whether Pipedrive itself says that there is no such record, or no longer."""
    return error.status == 410 or (error.status == 404 and re.search("not found|deleted", error.message, re.IGNORECASE) is not None)
