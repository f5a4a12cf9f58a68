"""How Instantly is called: its address, what its errors mean, how fast calls may come, and how its lists are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, ErrorRule, Policy, Service, ServiceSpec, cursor, items_of, object_of, unexpected
from cargo_ai.integrations.kit.errors import at

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 100
_KEYS = "https://app.instantly.ai/app/settings/integrations"

ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message=f"The API key is not accepted: make one of version 2 at {_KEYS} and put it into the connector. Instantly says: {{said}}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=402,
        message="The workspace has no paid plan, without which Instantly answers nothing: {said}",
        reason="planLimit",
    ),
    ErrorRule("fail", status=403, message=f"The key lacks a scope: give it more at {_KEYS}. Instantly says: {{said}}", reason="forbidden"),
    ErrorRule("wait", status=429, reason="rateLimited", seconds=10.0),
)

# Of a workspace, whatever key is used.
POLICIES = (
    Policy(100, 1, scope="account", strategy="burst", name="calls of a second"),
    Policy(6_000, 60, scope="account", strategy="burst", name="calls of a minute"),
)

SERVICE = ServiceSpec(base_url="https://api.instantly.ai/api/v2", errors=ERRORS, policies=POLICIES)


def document_of(answer: Answer, *, changes: bool = False) -> JsonObject:
    """The object of an answer. ServiceError where something else than Instantly has answered."""
    return object_of("Instantly", answer, sent=changes)


def page_of(answer: Answer) -> tuple[list[dict[str, Json]], str | None]:
    """The items of a page, and where the next one begins."""
    body = document_of(answer)
    items: object = body.get("items")
    if not isinstance(items, list):
        raise unexpected("Instantly", answer)
    following = body.get("next_starting_after")
    return cast("list[dict[str, Json]]", items), str(following) if following and items else None


async def campaigns(service: Service, search: str = "") -> AsyncIterator[JsonObject]:
    """Every campaign, page by page."""
    pages = cursor(
        lambda after: service.get("/campaigns", query={"limit": PAGE, "search": search or None, "starting_after": after}),
        items="items",
        next="next_starting_after",
    )
    async for item in items_of(pages):
        yield cast("JsonObject", item)


async def leads(service: Service, **narrowed: Json) -> AsyncIterator[JsonObject]:
    """Every lead that fits, by id."""
    pages = cursor(lambda after: _leads_page(service, narrowed, after), items="items", next="next_starting_after")
    async for item in items_of(pages):
        yield cast("JsonObject", item)


async def _leads_page(service: Service, narrowed: JsonObject, after: str | None) -> Answer:
    given = {name: value for name, value in {**narrowed, "starting_after": after}.items() if value}
    return await service.post("/leads/list", json={"limit": PAGE, **given}, reads=True)


async def leads_page(service: Service, campaign: str, after: str | None) -> tuple[list[dict[str, Json]], str | None]:
    """A page of the leads of a campaign, or of all, after an id."""
    return page_of(await _leads_page(service, {"campaign": campaign}, after))


def text_at(body: Json, path: str) -> str:
    """A text in an answer, "" without one."""
    value: object = next(at(body, path), None)
    return value if isinstance(value, str) else ""
