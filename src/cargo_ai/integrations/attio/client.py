"""How Attio is called: its address, what its errors mean, and how fast calls may come."""

from __future__ import annotations

from cargo_ai.integrations.kit import CallShape, ErrorRule, Policy, ServiceSpec
from cargo_ai.integrations.kit.errors import Then

_TOKENS = "Workspace settings > Developers"


def _code(then: Then, code: str, reason: str, message: str = "{said}", seconds: float | None = None) -> ErrorRule:
    """What a code means; Attio's statuses of one code differ between its pages and its answers."""
    return ErrorRule(then, status=range(400, 500), path="code", text=f"^{code}$", message=message, reason=reason, seconds=seconds)


ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message=f"The access token is not accepted. Make one in Attio ({_TOKENS}) and put it into the connector. Attio says: {{said}}",
        reason="unauthorized",
    ),
    _code("fail", "(billing_error|quota_exceeded)", "planLimit", "The workspace's plan does not allow this: {said}"),
    ErrorRule(
        "fail",
        status=403,
        message=f"The access token lacks a scope: add it to the token ({_TOKENS}). Attio says: {{said}}",
        reason="forbidden",
    ),
    _code(
        "fail",
        "uniqueness_conflict",
        "conflict",
        "Another record has this value of an attribute that is unique; Upsert records changes that one. Attio says: {said}",
    ),
    _code("fail", "multiple_match_results", "ambiguous", "The record is in the list more than once: remove all but one entry. {said}"),
    # Refused unseen: the records are there again in a moment.
    _code("wait", "merge_in_progress", "locked", "The record is being merged with another: {said}", 2.0),
    _code("wait", "concurrent_write_conflict", "locked", "The record was changed at the same time: {said}", 1.0),
)


def reads(call: CallShape) -> bool:
    """Whether Attio counts a call as a read; queries are, although they are sent by POST."""
    return call.method == "GET" or call.path.endswith("/query")


def writes(call: CallShape) -> bool:
    """Whether Attio counts a call as a write."""
    return not reads(call)


POLICIES = (
    Policy(100, 1.0, match=reads, scope="account", name="reads"),
    Policy(25, 1.0, match=writes, scope="account", name="writes"),
)

SERVICE = ServiceSpec(base_url="https://api.attio.com/v2", errors=ERRORS, policies=POLICIES)
