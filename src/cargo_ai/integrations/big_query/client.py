"""How BigQuery is called: its address, what its errors mean, and how fast calls may come."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.big_query.account import project_of
from cargo_ai.integrations.kit import ErrorRule, Policy, Service, ServiceSpec, segment

Json = Any
_ENABLE = "https://console.cloud.google.com/apis/library/bigquery.googleapis.com"
_REASON = "error.errors.*.reason"

ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="Google does not accept the account: put a new key file into the connector, or connect it again. Google says: {said}",
        reason="unauthorized",
    ),
    ErrorRule("wait", status=403, path=_REASON, text="^rateLimitExceeded$", reason="rateLimited", seconds=5.0),
    ErrorRule(
        "wait",
        status=403,
        path=_REASON,
        text="^quotaExceeded$",
        message="A quota of the project is used up: {said}",
        reason="rateLimited",
        seconds=900.0,
    ),
    ErrorRule(
        "fail",
        status=403,
        path=_REASON,
        text="^accessNotConfigured$",
        message=f"The API is not enabled in the project: enable it at {_ENABLE}. Google says: {{said}}",
        reason="forbidden",
    ),
    ErrorRule(
        "fail",
        status=403,
        path=_REASON,
        text="^accessDenied$",
        message="The account lacks a role: BigQuery Job User on the project, and Data Viewer (to write: Data Editor) on the dataset. "
        "Google says: {said}",
        reason="forbidden",
    ),
    ErrorRule(
        "fail",
        status=400,
        path=_REASON,
        text="^bytesBilledLimitExceeded$",
        message="The query would read more than `maximumBytesBilled`; nothing was charged. Google says: {said}",
        reason="tooExpensive",
    ),
    # Two statements have changed one table at once; this one has done nothing.
    ErrorRule("retry", status=400, path="error.message", text="Could not serialize access|concurrent update", reason="conflict"),
)

# 100 calls of a method a second and user.
POLICIES = (Policy(100, 1.0, scope="account", name="calls in a second"),)

SERVICE = ServiceSpec(base_url="https://bigquery.googleapis.com", errors=ERRORS, policies=POLICIES, timeout=60.0)


def path(service: Service, *parts: str) -> str:
    """A path below the project that pays."""
    return below(project_of({} if service.account is None else service.account.config), *parts)


def below(project: str, *parts: str) -> str:
    """A path below a project."""
    return "/".join(("/bigquery/v2/projects", segment(project), *map(segment, parts)))
