"""How HubSpot is called: its address, what its errors mean, and how fast calls may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.hubspot.versions import OBJECTS
from cargo_ai.integrations.kit import ErrorRule, Headers, Policy, Route, ServiceSpec
from cargo_ai.integrations.kit.errors import at, words_of

Json = Any
_KEYS = "Development > Keys > Service keys"


def words(body: Json) -> str:
    """HubSpot's sentence. Of values that are not valid it stands in `errors`; the message repeats it as JSON in JSON."""
    scopes = [str(scope) for path in ("requiredGranularScopes", "requiredScopes") for scope in at(body, f"errors.*.context.{path}.*")]
    if scopes:
        return f"{words_of(body)} It needs one of {', '.join(scopes)}."
    details = [str(message) for message in at(body, "errors.*.message")]
    category = str(cast("Mapping[str, Json]", body).get("category", "")) if isinstance(body, Mapping) else ""
    return "; ".join(dict.fromkeys(details)) if details and category == "VALIDATION_ERROR" else words_of(body)


ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message=f"The key is not accepted. Make a service key in HubSpot ({_KEYS}) and put it into the connector. HubSpot says: {{said}}",
        reason="unauthorized",
    ),
    # Keys of another form do not get as far as HubSpot: its proxy refuses them.
    ErrorRule(
        "fail",
        status=530,
        message=f"The key does not look like one of HubSpot. Copy it again ({_KEYS}); nothing may stand before or after it.",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=403,
        path="category",
        text="MISSING_SCOPES",
        message=f"The key lacks a permission: add it to the key ({_KEYS}). HubSpot says: {{said}}",
        reason="forbidden",
    ),
    ErrorRule(
        "wait",
        status=429,
        path="policyName",
        text="^DAILY$",
        message="The account's requests of this day are used up: {said}",
        reason="rateLimited",
        seconds=900.0,
    ),
    ErrorRule("wait", status=429, path="policyName", text="^SECONDLY$", reason="rateLimited", seconds=1.0),
    ErrorRule("wait", status=429, reason="rateLimited", seconds=10.0),
    # HubSpot asks for at least two seconds.
    ErrorRule("wait", status=423, message="The record is locked by another change: {said}", reason="locked", seconds=2.0),
    ErrorRule("wait", status=477, message="HubSpot is moving this account to another data centre: {said}", reason="moving", seconds=60.0),
    ErrorRule("fail", status=409, message="{said}", reason="conflict"),
)

# What an account may do depends on its subscription: 100, 190 or 250 requests in ten seconds (110 for OAuth apps), 250,000 to a million
# in a day. Answers say it, and what is left; only those to searches say nothing.
POLICIES = (
    Policy(
        250,
        10.0,
        scope="account",
        headers=Headers("x-hubspot-ratelimit-max", "x-hubspot-ratelimit-remaining"),
        name="requests in 10 seconds",
    ),
    Policy(5, 1.0, match=Route("POST", f"{OBJECTS}/*/search"), scope="account", name="searches"),
    Policy(
        1_000_000,
        86_400.0,
        scope="account",
        headers=Headers("x-hubspot-ratelimit-daily", "x-hubspot-ratelimit-daily-remaining"),
        strategy="burst",
        name="requests in a day",
    ),
)

SERVICE = ServiceSpec(base_url="https://api.hubapi.com", errors=ERRORS, policies=POLICIES, words=words)
