"""How Apollo is called: its address, what its errors mean, and its limits: three windows at once for each endpoint of a team."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, CallShape, ErrorRule, Headers, Policy, ServiceSpec, unexpected
from cargo_ai.integrations.kit.errors import at, words_of

Json = Any
JsonObject = Mapping[str, Json]

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_HEADERS = {
    MINUTE: Headers("x-rate-limit-minute", "x-minute-requests-left"),
    HOUR: Headers("x-rate-limit-hourly", "x-hourly-requests-left"),
    DAY: Headers("x-rate-limit-24-hour", "x-24-hour-requests-left"),
}
_ENRICHMENT = {"/people/bulk_match", "/organizations/bulk_enrich"}
_SEARCH = {"/mixed_people/api_search", "/mixed_companies/search"}


def words(body: Json) -> str:
    """Apollo's sentence; some of its errors are JSON that was written into a text once more."""
    if isinstance(body, str) and body.lstrip().startswith("{"):
        try:
            body = json.loads(body)
        except ValueError:
            return words_of(body)
    return next((text for text in at(body, "error_message") if isinstance(text, str)), "") or words_of(body)


ERRORS = (
    # A result that is not there yet, and one that is there no longer, are answers (see people.py).
    ErrorRule("ignore", status=(404, 410), path="error_code", text="^(result_pending|request_id_unknown|request_id_expired)$"),
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The API key is not accepted. Copy it from Settings > Integrations > Apollo API and put it into the connector. "
        "Apollo says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=403,
        message="The key or the plan does not allow this: give the key this endpoint, or make it a master key, in Settings > "
        "Integrations > Apollo API. Apollo says: {said}",
        reason="forbidden",
    ),
    ErrorRule(
        "fail",
        status=(402, 422),
        text="insufficient credits|out of credits|credit limit",
        message="The account's credits are used up: buy some, or wait until its plan renews them. Apollo says: {said}",
        reason="planLimit",
    ),
)


def endpoint_of(call: CallShape) -> str:
    """The endpoint that Apollo counts a call under: ids are not part of it."""
    parts = [part if part.replace("_", "").isalpha() else "*" for part in call.path.strip("/").split("/")]
    return f"{call.method} /{'/'.join(parts)}"


def _is_enrichment(call: CallShape) -> bool:
    return call.path in _ENRICHMENT


def _is_search(call: CallShape) -> bool:
    return call.path in _SEARCH


def _is_other(call: CallShape) -> bool:
    return not _is_enrichment(call) and not _is_search(call)


def _policies() -> tuple[Policy, ...]:
    """The numbers of the largest plan: answers say which hold, and correct these downwards. Enrichment has only a minute in paid plans:
    what stands for its hour and day is what that allows, for smaller plans to be corrected from."""
    kinds = (
        ("enrichment", _is_enrichment, {MINUTE: 1_000, HOUR: 60_000, DAY: 1_440_000}),
        ("search", _is_search, {MINUTE: 200, HOUR: 6_000, DAY: 50_000}),
        ("other", _is_other, {MINUTE: 200, HOUR: 600, DAY: 6_000}),
    )
    return tuple(
        Policy(
            most,
            seconds,
            match,
            scope="resource",
            resource=endpoint_of,
            headers=_HEADERS[seconds],
            strategy="spread" if seconds == MINUTE else "burst",
            name=f"{name}/{seconds}",
        )
        for name, match, windows in kinds
        for seconds, most in windows.items()
    )


POLICIES = _policies()
SERVICE = ServiceSpec(base_url="https://api.apollo.io/api/v1", errors=ERRORS, policies=POLICIES, words=words, timeout=60.0)


def object_at(answer: Answer, path: str) -> JsonObject:
    """The object at a path of an answer. ServiceError where something else than Apollo has answered."""
    value: object = next(at(answer.body, path), None)
    if not isinstance(value, Mapping):
        raise unexpected("Apollo", answer, sent=True)
    return cast("JsonObject", value)


def list_at(answer: Answer, path: str) -> list[Json]:
    """The same for a list."""
    value: object = next(at(answer.body, path), None)
    if not isinstance(value, list):
        raise unexpected("Apollo", answer, sent=True)
    return cast("list[Json]", value)
