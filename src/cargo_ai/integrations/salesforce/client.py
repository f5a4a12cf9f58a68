"""How Salesforce is called: its address, what its errors mean, and how many calls an org takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import ErrorRule, Policy, Reading, ServiceSpec
from cargo_ai.integrations.kit.errors import at, words_of
from cargo_ai.integrations.salesforce.account import home

Json = Any
LOCKED = "UNABLE_TO_LOCK_ROW"
_MAX_MESSAGES = 3
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d{1,12})/(\d{1,12})")


def words(body: Json) -> str:
    """Salesforce's sentences, each with its code: errors come as a list, those of the token endpoint as an object."""
    if not isinstance(body, list):
        return words_of(body)
    said = [" ".join(str(text) for text in at(error, "message")) for error in at(body, "*")]
    codes = [" ".join(str(code) for code in at(error, "errorCode")) for error in at(body, "*")]
    joined = [f"{message.rstrip('. ')} ({code})" if code else message for message, code in zip(said, codes, strict=True) if message]
    return "; ".join(dict.fromkeys(joined[:_MAX_MESSAGES])) or words_of(body)


def usage(headers: Mapping[str, str]) -> Reading | None:
    """What an answer says of the calls of the last 24 hours: `Sforce-Limit-Info: api-usage=908/15000`."""
    said = _USAGE.search(headers.get("sforce-limit-info", ""))
    if said is None:
        return None
    used, limit = int(said[1]), int(said[2])
    return Reading(max(0, limit - used), limit)


ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The session is over or is not accepted: check the app's id and secret, and that its run-as user is active, then change "
        "the connector. Salesforce says: {said}",
        reason="unauthorized",
    ),
    # Too many calls that take longer than 20 seconds go on at once: 25 in an org, 5 in one for developers.
    ErrorRule(
        "wait",
        status=(403, 503),
        text=r"REQUEST_LIMIT_EXCEEDED.*concurrent|concurrent.*REQUEST_LIMIT_EXCEEDED",
        message="Too many long calls go on at once in this org: {said}",
        reason="rateLimited",
        seconds=10.0,
    ),
    ErrorRule(
        "wait",
        status=(403, 503),
        path="0.errorCode",
        text="^REQUEST_LIMIT_EXCEEDED$",
        message="The org's calls of the last 24 hours are used up: {said}",
        reason="rateLimited",
        seconds=900.0,
    ),
    ErrorRule(
        "fail",
        status=403,
        path="0.errorCode",
        text="^API_(DISABLED_FOR_ORG|CURRENTLY_DISABLED)$",
        message="The org or the user has no access to the API: a permission set with `API Enabled` gives it. Salesforce says: {said}",
        reason="forbidden",
    ),
    ErrorRule(
        "fail",
        status=(400, 404),
        path="0.errorCode",
        text="^INVALID_TYPE$",
        message="The object does not exist, or the connector's user may not see it. Salesforce says: {said}",
        reason="notFound",
    ),
    # Nothing was done: another change has the record or its parent.
    ErrorRule(
        "wait",
        path="0.errorCode",
        text=f"^{LOCKED}$",
        message="The record is locked by another change: {said}",
        reason="locked",
        seconds=2.0,
    ),
)

# An org may make 100,000 calls in 24 hours and more by its licences, one for developers 15,000: answers say how many are allowed and used.
POLICIES = (Policy(5_000_000, 86_400.0, scope="account", headers=usage, strategy="burst", name="requests in a day"),)

# A call that saves 200 records runs their triggers and flows.
SERVICE = ServiceSpec(base_url=home, errors=ERRORS, policies=POLICIES, words=words, timeout=120.0)
