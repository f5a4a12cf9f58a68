"""How Hunter is called: its address, what its errors mean (403 is too fast, 429 is a plan that is used up), and how fast calls may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, CallShape, ErrorRule, Policy, Route, ServiceError, ServiceSpec, unexpected
from cargo_ai.integrations.kit.errors import at

Json = Any
JsonObject = Mapping[str, Json]

PACE = 10.0
"""Seconds to wait after Hunter has said that calls come too fast: it does not say for how long."""
_VERIFIER = Route("GET", "/email-verifier")
_USED_UP = "too_many_requests|usage|billing|plan|credit|quota|limit"
_RESTRICTED = "restrict|suspend|block|disabled|upgrade|permission|not allowed"

ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The API key is not accepted. Copy it from https://hunter.io/api-keys and put it into the connector. Hunter says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=403,
        path="errors.*",
        text=_RESTRICTED,
        message="The account or its plan does not allow this: look into the account at https://hunter.io. Hunter says: {said}",
        reason="forbidden",
    ),
    ErrorRule("wait", status=403, path="errors.*.id", message="Calls come too fast: {said}", reason="rateLimited", seconds=PACE),
    # What stands in front of Hunter says when to come back; Hunter itself means its plan.
    ErrorRule("wait", status=429, header="retry-after", reason="rateLimited"),
    ErrorRule(
        "fail",
        status=429,
        path="errors.*",
        text=_USED_UP,
        message="The plan's credits are used up: wait for its renewal or upgrade it at https://hunter.io. Hunter says: {said}",
        reason="planLimit",
    ),
    ErrorRule("fail", status=451, message="That person has asked Hunter not to process their data: {said}", reason="personOptedOut"),
    ErrorRule(
        "retry", status=222, message="The mail server of the address gave no usable answer; later it may. {said}", reason="serverUnclear"
    ),
)


def _is_not_verifying(call: CallShape) -> bool:
    return not _VERIFIER.covers(call)


POLICIES = (
    Policy(15, 1, _is_not_verifying, scope="account", name="calls of a second"),
    Policy(500, 60, _is_not_verifying, scope="account", name="calls of a minute"),
    Policy(10, 1, _VERIFIER, scope="account"),
    Policy(300, 60, _VERIFIER, scope="account"),
)

SERVICE = ServiceSpec(base_url="https://api.hunter.io/v2", errors=ERRORS, policies=POLICIES)


def data_of(answer: Answer) -> JsonObject:
    """What was asked for. ServiceError where something else than Hunter has answered."""
    data: object = next(at(answer.body, "data"), None)
    if not isinstance(data, Mapping):
        raise unexpected("Hunter", answer)
    return cast("JsonObject", data)


def is_unknown(error: ServiceError) -> bool:
    """Whether Hunter itself says that it knows nothing of what was asked for."""
    return error.status == 404 and any(str(code) == "not_found" for code in at(error.body, "errors.*.id"))
