"""How Smartlead is called: its address, what its errors mean, how fast calls may come, and the several forms of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, ErrorRule, Headers, Policy, Service, ServiceError, ServiceSpec, object_of, segment, unexpected
from cargo_ai.integrations.kit.errors import at, words_of

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 100


def words(body: Json) -> str:
    """Smartlead's sentence, and the field that it is about."""
    field = next((str(text) for text in at(body, "error.details.field")), "")
    return " ".join(part for part in (words_of(body), f"({field})" if field else "") if part)


ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The API key is not accepted: copy it from Settings > API Keys and put it into the connector. Smartlead says: {said}",
        reason="unauthorized",
    ),
    ErrorRule("wait", status=429, reason="rateLimited", seconds=30.0),
)

# Of a key: 60, 120 or more calls a minute, as the plan has it; answers say how many.
POLICIES = (
    Policy(20, 1, scope="account", strategy="burst", name="calls of a second"),
    Policy(
        120,
        60,
        scope="account",
        headers=Headers("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "epoch"),
        strategy="burst",
        name="calls of a minute",
    ),
    Policy(3_000, 3_600, scope="account", strategy="burst", name="calls of an hour"),
)

SERVICE = ServiceSpec(base_url="https://server.smartlead.ai/api/v1", errors=ERRORS, policies=POLICIES, words=words)


def document_of(answer: Answer, *, changes: bool = False) -> JsonObject:
    """The object of an answer. ServiceError where something else than Smartlead has answered."""
    return object_of("Smartlead", answer, sent=changes)


def items_at(answer: Answer, *names: str) -> list[dict[str, Json]]:
    """The list of an answer, which is all of it or stands under one of these names. ServiceError where it has no list."""
    body: object = answer.body
    for value in (body, *(next(at(body, name), None) for name in names)):
        if isinstance(value, list):
            return [item for item in cast("list[Json]", value) if isinstance(item, dict)]
    raise unexpected("Smartlead", answer)


def number_at(body: Json, *names: str) -> int | None:
    """The first of these numbers that an answer has; Smartlead writes some as texts."""
    for name in names:
        value: object = next(at(body, name), None)
        if isinstance(value, (int, str)) and not isinstance(value, bool) and str(value).isdigit():
            return int(value)
    return None


async def campaigns(service: Service) -> list[dict[str, Json]]:
    """Every campaign: Smartlead gives all at once."""
    return items_at(await service.get("/campaigns"), "campaigns", "data")


async def lead_of(service: Service, email: str) -> JsonObject | None:
    """The lead with this address; None where it is missing, which Smartlead says by 404 or by nothing."""
    try:
        body: Json = (await service.get("/leads/", query={"email": email})).body
    except ServiceError as error:
        if error.status != 404 or not _says_no_lead(error.body):
            raise
        return None
    return cast("JsonObject", body) if isinstance(body, Mapping) and cast("JsonObject", body).get("id") else None


def _says_no_lead(body: Json) -> bool:
    return "lead" in words_of(body).lower()


async def leads_page(service: Service, campaign: str, start: int) -> tuple[list[dict[str, Json]], int | None]:
    """A page of a campaign's leads, and at which number the next one begins."""
    answer = await service.get(f"/campaigns/{segment(campaign)}/leads", query={"offset": start, "limit": PAGE})
    items, total = items_at(answer, "data", "leads"), number_at(answer.body, "total_leads", "total_count")
    end = start + len(items)
    more = len(items) == PAGE if total is None else bool(items) and end < total
    return items, end if more else None
