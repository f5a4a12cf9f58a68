"""How Stripe is called: address and version, what its errors mean, how fast calls may come, and how its lists are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, CallShape, ErrorRule, Policy, Route, Service, ServiceError, ServiceSpec, segment, unexpected
from cargo_ai.integrations.kit.errors import at

Json = Any
JsonObject = Mapping[str, Json]

VERSION = "2025-09-30.clover"
"""Pinned: an account's own default may be years older, and fields move."""
PAGE = 100
_KEYS = "https://dashboard.stripe.com/apikeys"

ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message=f"The API key is not accepted. Copy it from {_KEYS} and put it into the connector. Stripe says: {{said}}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=403,
        message=f"The key lacks a permission: give it more at {_KEYS}, or use another one. Stripe says: {{said}}",
        reason="forbidden",
    ),
    ErrorRule("fail", status=402, message="{said}", reason="paymentFailed"),
    ErrorRule("wait", status=409, path="error.code", text="^idempotency_key_in_use$", reason="locked", seconds=3.0),
    # The same object is being changed by another request: no limit of calls.
    ErrorRule("wait", status=429, path="error.code", text="^lock_timeout$", message="{said}", reason="rateLimited", seconds=3.0),
    ErrorRule("wait", status=429, reason="rateLimited", seconds=3.0),
    ErrorRule("fail", path="error.type", text="^idempotency_error$", message="{said}", reason="conflict"),
)


def _endpoint(call: CallShape) -> str:
    """Stripe counts calls of a method and a path together, whatever the id in it."""
    first, _, rest = call.path.strip("/").partition("/")
    return f"{call.method} {first}{'/search' if rest == 'search' else '/id' if rest else ''}"


# Live accounts; sandboxes have 25 in all: a `rateLimit` of the connector says so, or Stripe's 429 does.
POLICIES = (
    Policy(100, 1, scope="account", strategy="burst", name="calls of a second"),
    Policy(25, 1, scope="resource", resource=_endpoint, strategy="burst", name="calls of an endpoint"),
    Policy(20, 1, Route("GET", "/*/search"), scope="account", strategy="burst"),
)

SERVICE = ServiceSpec(
    base_url="https://api.stripe.com/v1",
    errors=ERRORS,
    policies=POLICIES,
    headers={"stripe-version": VERSION},
    idempotency_header="Idempotency-Key",
)


def document_of(answer: Answer, *, changes: bool = False) -> dict[str, Json]:
    """The object of an answer. ServiceError where something else than Stripe has answered."""
    body: object = answer.body
    if not isinstance(body, dict) or "object" not in body:
        raise unexpected("Stripe", answer, sent=changes)
    return cast("dict[str, Json]", body)


def items_of(answer: Answer) -> tuple[list[dict[str, Json]], bool]:
    """The objects of a page, and whether there are more."""
    body = document_of(answer)
    items: object = body.get("data")
    if not isinstance(items, list):
        raise unexpected("Stripe", answer)
    return cast("list[dict[str, Json]]", items), body.get("has_more") is True


async def listed(service: Service, path: str, query: JsonObject, *, size: int = PAGE) -> AsyncIterator[dict[str, Json]]:
    """Every object of a list, the newest first, page by page."""
    after: str | None = None
    while True:
        items, more = items_of(await service.get(path, query={**query, "limit": size, "starting_after": after}))
        for item in items:
            yield item
        if not more or not items:
            return
        if items[-1]["id"] == after:
            raise ServiceError("Stripe gives the same page again and again.", reason="unexpectedAnswer")
        after = str(items[-1]["id"])


async def found(service: Service, path: str, query: str, *, size: int = PAGE) -> AsyncIterator[dict[str, Json]]:
    """Every object that a search finds, page by page. What was changed within the last minute may not be found."""
    page: str | None = None
    while True:
        answer = await service.get(f"{path}/search", query={"query": query, "limit": size, "page": page})
        items, more = items_of(answer)
        for item in items:
            yield item
        following = next(at(answer.body, "next_page"), None)
        if not more or not following:
            return
        if following == page:
            raise ServiceError("Stripe gives the same page again and again.", reason="unexpectedAnswer")
        page = str(following)


async def one(service: Service, path: str, uid: str) -> dict[str, Json]:
    """One object by its id."""
    return document_of(await service.get(f"{path}/{segment(uid)}"))


def encoded(values: JsonObject) -> dict[str, Json]:
    """Values as a form of Stripe has them: `address[city]`, `expand[0]`."""
    pairs: dict[str, Json] = {}

    def put(name: str, value: Json) -> None:
        if isinstance(value, Mapping):
            for key, inner in cast("JsonObject", value).items():
                put(f"{name}[{key}]", inner)
        elif isinstance(value, (list, tuple)):
            for index, inner in enumerate(cast("list[Json]", value)):
                put(f"{name}[{index}]", inner)
        elif value is not None:
            pairs[name] = value

    for key, value in values.items():
        put(key, value)
    return pairs


def iso(seconds: Json) -> str | None:
    """A time of Stripe, in seconds since 1970, as people and models have it."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
