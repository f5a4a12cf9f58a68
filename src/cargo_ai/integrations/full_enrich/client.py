"""How FullEnrich is called: its address, what its errors mean, and its one limit for all calls, of which its answers say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import ErrorRule, Policy, ServiceSpec

Json = Any
JsonObject = Mapping[str, Json]

MINUTE = 60.0

ERRORS = (
    # A job that is still under way, and one that ran out of credits, of which what was found is given.
    ErrorRule("ignore", status=400, path="code", text=r"^error\.enrichment\.in_progress$"),
    ErrorRule("ignore", status=402, path="status", text="^CREDITS_INSUFFICIENT$"),
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The API key is not accepted. Copy it from https://app.fullenrich.com/app/api and put it into the connector. "
        "FullEnrich says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=402,
        message="The workspace's credits are used up: buy some at https://app.fullenrich.com. FullEnrich says: {said}",
        reason="planLimit",
    ),
    ErrorRule("wait", status=429, message="Calls come too fast: {said}", reason="rateLimited", seconds=MINUTE),
)

POLICIES = (Policy(60, MINUTE, scope="account"),)

SERVICE = ServiceSpec(base_url="https://app.fullenrich.com/api/v2", errors=ERRORS, policies=POLICIES)
