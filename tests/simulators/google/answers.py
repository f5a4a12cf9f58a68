"""Answers of Google's services: errors in their form, and the parts of a document that a field mask asks for."""

from __future__ import annotations

from typing import Any, cast

from tests.simulators.serving import Refused

Json = Any
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    422: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def error(status: int, message: str, reason: str = "") -> Json:
    """An error of the newer services. reason: of its `ErrorInfo`."""
    document: dict[str, Json] = {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}
    if reason:
        document["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]
    return {"error": document}


def refused(status: int, message: str, reason: str = "") -> Refused:
    """The same, raised."""
    return Refused(status, error(status, message, reason))


UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
)


def masked(document: Json, mask: str) -> Json:
    """What a mask asks for, such as `sheets(properties(title),data)`; everything for an empty one. An unknown field is refused by those
    services; here it is left out."""
    return document if not mask else _chosen(document, _parsed(mask))


Mask = dict[str, "Mask"]


def _parsed(text: str) -> Mask:
    mask: Mask = {}
    depth, start, open_at = 0, 0, -1
    for at, letter in enumerate([*text, ","]):
        if letter == "(":
            open_at = at if depth == 0 else open_at
            depth += 1
        elif letter == ")":
            depth -= 1
        elif letter == "," and depth == 0:
            end = at if open_at < 0 else open_at
            mask[text[start:end]] = {} if open_at < 0 else _parsed(text[open_at + 1 : at - 1])
            start, open_at = at + 1, -1
    return mask


def _chosen(value: Json, mask: Mask) -> Json:
    if not mask:
        return value
    if isinstance(value, list):
        return [_chosen(item, mask) for item in cast("list[Json]", value)]
    if not isinstance(value, dict):
        return value
    entries = cast("dict[str, Json]", value)
    return {name: _chosen(entries[name], below) for name, below in mask.items() if name in entries}
