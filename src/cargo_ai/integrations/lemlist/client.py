"""How lemlist is called: its address, what its errors mean (they are sentences without codes), and how fast calls may come."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, ErrorRule, Headers, Page, Policy, Service, ServiceError, ServiceSpec, page, unexpected

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 100
LEAD_EXISTS = "leadExists"

ERRORS = (
    ErrorRule("fail", status=(400, 409, 500), text="lead already in", message="{said}", reason=LEAD_EXISTS),
    ErrorRule("fail", status=500, text="graveyard", message="The lead is deleted: {said}", reason="notFound"),
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The API key is not accepted. Copy it from https://app.lemlist.com/settings/integrations and put it into the connector. "
        "lemlist says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=402,
        message="The team's credits are used up: buy some at https://app.lemlist.com. lemlist says: {said}",
        reason="planLimit",
    ),
)

POLICIES = (Policy(20, 2, scope="account", headers=Headers("x-ratelimit-limit", "x-ratelimit-remaining")),)

SERVICE = ServiceSpec(base_url="https://api.lemlist.com/api", errors=ERRORS, policies=POLICIES)


def lead_of(answer: Answer) -> JsonObject:
    """The lead in an answer; some give a list with it for each campaign."""
    body: Json = answer.body
    leads = cast("list[object]", body) if isinstance(body, list) else [body]
    first = leads[0] if leads else None
    if not isinstance(first, Mapping) or "_id" not in first:
        raise unexpected("lemlist", answer, sent=True)
    return cast("JsonObject", first)


def is_missing(error: ServiceError) -> bool:
    """Whether lemlist itself says that there is no such lead."""
    return error.reason == "notFound" and re.search("lead.* (not found|deleted)|already unsub", error.message, re.IGNORECASE) is not None


def campaigns(service: Service, status: str | None = None) -> AsyncIterator[Page[int]]:
    """The pages of campaigns, the newest first."""

    async def fetch(number: int) -> Answer:
        query = {"version": "v2", "limit": PAGE, "page": number, "sortBy": "createdAt", "sortOrder": "desc", "status": status}
        answer = await service.get("/campaigns", query=query)
        body: Json = answer.body
        # Without `version` it is a bare list; both are read.
        return replace(answer, body=body if isinstance(body, Mapping) else {"campaigns": body})

    return page(fetch, items="campaigns", size=PAGE)
