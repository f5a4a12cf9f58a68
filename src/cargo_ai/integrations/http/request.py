"""The action `request`: one HTTP call as a node describes it, and what its answer means for the run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

from cargo_ai import __version__
from cargo_ai.expression.native.text import to_json_text, to_text
from cargo_ai.integrations.http.account import Target, target
from cargo_ai.integrations.http.answer import body_of
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Failed, InvalidConfig, Outcome
from cargo_ai.integrations.kit.calls.body import headers_of, one_line, text_of
from cargo_ai.integrations.kit.calls.waiting import wait_of
from cargo_ai.integrations.kit.errors import rule_of
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, OutboundResponse
from cargo_ai.outbound.url import Url

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
MILLISECONDS = 30_000
MAX_MILLISECONDS = 300_000

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
# They belong to the connection, not to the call.
_OURS = frozenset({"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "method": {"title": "Method", "type": "string", "enum": list(METHODS), "ignoreCase": True, "default": "GET"},
        "url": {
            "title": "Address",
            "type": "string",
            "minLength": 1,
            "description": "Absolute, or relative to the connector's base address.",
        },
        "headers": {"title": "Headers", "type": "object", "additionalProperties": {}},
        "query": {"title": "Query", "type": "object", "additionalProperties": {}},
        "body": {"title": "Body", "description": "Text is sent as it is, everything else as JSON."},
        "timeoutMilliseconds": {
            "title": "Time-out",
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_MILLISECONDS,
            "default": MILLISECONDS,
        },
        "responseType": {"title": "Answer", "type": "string", "enum": ["auto", "json", "text"], "default": "auto"},
        "failOnError": {"title": "Fail on a status of 400 or more", "type": "boolean", "default": True},
    },
    "required": ["url"],
    "additionalProperties": False,
}
_OUTPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"type": "integer"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "body": {},
    },
    "required": ["status", "headers", "body"],
    "additionalProperties": False,
}
_WIDGETS: dict[str, Any] = {name: {"ui:widget": "ExpressionWidget"} for name in ("url", "headers", "query", "body")}


async def perform(request: ActionRequest) -> Outcome:
    """Send the request. Bad configs and most 4xx fail for good; time-outs, resets, 408, 425, 429 and 5xx may be tried again."""
    config = request.config
    place = await target(_url_of(config), request.connector_config)
    sending, ignored = _sending(config, place, request.call.key)
    kind = _choice(config, "responseType", ("auto", "json", "text"))
    fails = _flag(config, "failOnError")
    try:
        received = await request.service.exchange(sending)
    except ExchangeFailed as error:
        error.sent = error.sent and sending.method not in _SAFE
        raise
    if fails and received.status >= 400:
        return _failure(request, received)
    body, doubts = body_of(received, kind)
    output = {"status": received.status, "headers": headers_of(received), "body": body}
    return Done(output, _title(received.status), warnings=(*place.warnings, *ignored, *doubts))


REQUEST: ConnectorAction = Action(
    slug="request",
    kind="connector",
    name="Request",
    description="Sends one HTTP request and gives its status, headers and body.",
    does="acts",
    config_schema=_SCHEMA,
    ui_schema=_WIDGETS,
    output_schema=_OUTPUT,
    perform=perform,
    idempotency="key",
    hint="writes",
    # A 429 that was let through must not be given for a day.
    cacheable=lambda done: int(done.output["status"]) < 400,
)


def _failure(request: ActionRequest, received: OutboundResponse) -> Failed:
    said = one_line(text_of(received), request.scrub)
    message = f"HTTP {received.status} from {received.url.host}" + (f": {said}" if said else "")
    # No rules of its own: a status means what HTTP says.
    rule = rule_of((), received.status, {}, None)
    transient = rule is None or rule.then in ("retry", "wait")
    wait = wait_of(received.headers) if received.status in {429, 503} else None
    return Failed(message, transient=transient, retry_after=wait, reason=None if rule is None else rule.reason)


def _title(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"{'✅' if status < 400 else '⚠️'} {status} {phrase}".rstrip()


def _url_of(config: Mapping[str, Any]) -> str:
    url = config.get("url")
    if not isinstance(url, str) or not url.strip():
        raise InvalidConfig("`url` is missing: give the address to call.")
    return url.strip()


def _choice(config: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = config.get(name)
    if value is None:
        return choices[0]
    if value not in choices:
        raise InvalidConfig(f"`{name}` must be one of {', '.join(choices)}.")
    return value


def _flag(config: Mapping[str, Any], name: str) -> bool:
    value = config.get(name)
    if value is None or isinstance(value, bool):
        return value is not False
    raise InvalidConfig(f"`{name}` must be true or false.")


def _table(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = config.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidConfig(f"`{name}` must be an object.")
    return cast("dict[str, Any]", value)


def _seconds(config: Mapping[str, Any]) -> float:
    value = config.get("timeoutMilliseconds")
    if value is None:
        return MILLISECONDS / 1000
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= MAX_MILLISECONDS:
        raise InvalidConfig(f"`timeoutMilliseconds` must be a number from 1 to {MAX_MILLISECONDS}.")
    return value / 1000


def _sending(config: Mapping[str, Any], place: Target, key: str) -> tuple[OutboundRequest, list[str]]:
    """What goes out, and warnings about headers that were left out."""
    method = config.get("method")
    chosen = "GET" if method is None else method.upper() if isinstance(method, str) else ""
    if chosen not in METHODS:
        raise InvalidConfig(f"`method` must be one of {', '.join(METHODS)}.")
    headers = {
        "accept": (b"*/*", "accept"),
        "accept-encoding": (b"gzip, deflate", "accept-encoding"),
        "user-agent": (f"cargo-ai/{__version__}".encode(), "user-agent"),
        "idempotency-key": (key.encode(), "Idempotency-Key"),
    }
    ignored: list[str] = []
    for name, value in (*place.headers.items(), *_table(config, "headers").items()):
        if value is None:
            continue
        if name.lower() in _OURS:
            ignored.append(f"The header {name} was left out: it is set by the client itself.")
            continue
        headers[name.lower()] = (_header(name, to_text(value)), name)
    content_type = headers["content-type"][0].decode("latin-1") if "content-type" in headers else ""
    body, its_type = _body(config.get("body"), content_type)
    if body is not None and not content_type:
        headers["content-type"] = (its_type.encode(), "content-type")
    sent = tuple((name, value) for value, name in headers.values())
    return OutboundRequest(chosen, _with_query(place, _table(config, "query")), sent, body, _seconds(config)), ignored


def _header(name: str, value: str) -> bytes:
    if not _NAME.match(name):
        raise InvalidConfig(f"`headers`: {name[:60]!r} is not a valid header name.")
    value = value.strip(" \t")
    if any(ord(letter) < 32 and letter != "\t" for letter in value) or "\x7f" in value:
        raise InvalidConfig(f"`headers.{name}` has a line break or a control character.")
    return value.encode("utf-8", "replace")


def _body(body: Any, content_type: str) -> tuple[bytes | None, str]:
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
    if isinstance(body, dict) and content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        return urlencode(list(_pairs(cast("dict[str, Any]", body)))).encode(), content_type
    return to_json_text(cast("Any", body)).encode("utf-8", "replace"), "application/json"


def _with_query(place: Target, query: Mapping[str, Any]) -> Url:
    added = [(name, value) for name, value in place.query.items() if name not in query] + list(_pairs(query))
    return place.url.with_query(urlencode(added)) if added else place.url


def _pairs(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        for item in cast("list[Any]", value) if isinstance(value, list) else [value]:
            if item is not None:
                yield name, json.dumps(item) if isinstance(item, bool) else to_text(item)
