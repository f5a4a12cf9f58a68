"""How Google Sheets is called: its address, what its errors mean, and how fast calls may come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cargo_ai.integrations.kit import ErrorRule, Policy, Route, Service, ServiceSpec, segment

Json = Any
DRIVE = "https://www.googleapis.com"
_ENABLE = "https://console.cloud.google.com/apis/library/sheets.googleapis.com"

ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="Google does not accept the account: put a new key file into the connector, or connect it again. Google says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=403,
        path="error.details.*.reason",
        text="^SERVICE_DISABLED$",
        message=f"The API is not enabled in the Google Cloud project of the account: enable it at {_ENABLE}. Google says: {{said}}",
        reason="forbidden",
    ),
    # Drive throttles with 403.
    ErrorRule("wait", status=403, path="error.errors.*.reason", text="^(userRateLimitExceeded|rateLimitExceeded)$", reason="rateLimited"),
    ErrorRule(
        "fail",
        status=403,
        message="The account may not do this: share the spreadsheet with it as an editor (a service account by its `client_email`). "
        "Google says: {said}",
        reason="forbidden",
    ),
    ErrorRule(
        "fail",
        status=404,
        message="There is no such spreadsheet, or it is not shared with the account: `spreadsheetId` is the part of its address "
        "after /d/. Google says: {said}",
        reason="notFound",
    ),
    ErrorRule(
        "fail",
        status=400,
        path="error.message",
        text="^Unable to parse range",
        message="There is no sheet (tab) of that name in the spreadsheet. Google says: {said}",
        reason="invalidRequest",
    ),
)

# 60 calls a minute for each user of a project, 300 for the project: reads and writes apart. What accounts of one project use together
# shows only as 429, which is waited for.
POLICIES = (
    Policy(60, 60.0, match=Route("GET", "/v4/**"), scope="account", strategy="burst", name="reads in a minute"),
    Policy(60, 60.0, match=Route("POST PUT", "/v4/**"), scope="account", strategy="burst", name="writes in a minute"),
)

SERVICE = ServiceSpec(base_url="https://sheets.googleapis.com", errors=ERRORS, policies=POLICIES, timeout=60.0)


def drive(service: Service) -> Service:
    """The same account at Drive, which has the list of spreadsheets. Where the operator sends Sheets elsewhere, Drive goes there, too."""
    moved = service.spec.base_url != SERVICE.base_url
    return service if moved else replace(service, spec=replace(service.spec, base_url=DRIVE))


def path_of(spreadsheet_id: str) -> str:
    """The path of a spreadsheet."""
    return f"/v4/spreadsheets/{segment(spreadsheet_id)}"
