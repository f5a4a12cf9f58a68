"""The account of an HTTP service: its base address, headers and credentials, and to whom they may be sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote_plus

import httpx

from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import ConnectorSpec
from cargo_ai.outbound.exchange import parse_url
from cargo_ai.outbound.http_client import is_absolute, origin

_SECRET: dict[str, Any] = {"type": "string", "minLength": 1, "writeOnly": True}


def _auth(kind: str, title: str, **fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "properties": {"kind": {"const": kind}, **fields},
        "required": ["kind", *(name for name in fields if name != "password")],
        "additionalProperties": False,
    }


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        # No user, query or fragment: they would be shown, and they may hold keys.
        "baseUrl": {"title": "Base address", "type": "string", "pattern": "^https?://[^\\s/?#@\\\\]+(/[^\\s?#]*)?$"},
        "headers": {"title": "Headers", "type": "object", "additionalProperties": {"type": "string", "writeOnly": True}},
        "auth": {
            "title": "Credentials",
            "oneOf": [
                _auth("none", "None"),
                _auth("bearer", "Bearer token", token=_SECRET),
                _auth("basic", "User and password", username=_SECRET, password={"type": "string", "writeOnly": True}),
                _auth(
                    "apiKey",
                    "API key",
                    **{"in": {"enum": ["header", "query"]}, "name": {"type": "string", "minLength": 1}, "value": _SECRET},
                ),
            ],
        },
    },
    "additionalProperties": False,
}

_TELLING = re.compile(r"auth|cookie|credential|key|passw|secret|session|signature|token", re.IGNORECASE)


def _sensitive(config: Mapping[str, Any]) -> Iterator[str]:
    """What must not come back: credentials, and headers whose names say that they are some (`accept` is in every answer)."""
    for name, value in cast("Mapping[str, str]", config.get("headers") or {}).items():
        if _TELLING.search(name):
            yield value
            yield value.rpartition(" ")[2]
    auth = cast("Mapping[str, str]", config.get("auth") or {})
    for name in ("token", "password", "value"):
        if name in auth:
            yield auth[name]
            # As it stands in an address.
            yield quote_plus(auth[name])
    if auth.get("kind") == "basic":
        yield _basic(auth)
        if not auth.get("password"):
            yield auth["username"]


def _basic(auth: Mapping[str, str]) -> str:
    return base64.b64encode(f"{auth['username']}:{auth.get('password', '')}".encode()).decode()


CONNECTOR = ConnectorSpec(
    schema=_SCHEMA,
    ui_schema={"auth": {"ui:order": ["kind", "*"]}},
    required=False,
    bound_to=("baseUrl",),
    sensitive=lambda config: tuple(_sensitive(config)),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes, and what the account adds to it there."""

    url: httpx.URL
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()


def target(text: str, account: Mapping[str, Any]) -> Target:
    """The address of a call under this account. The account's secrets go to its own origin only; InvalidConfig for a bad address."""
    home = cast("str | None", account.get("baseUrl")) or None
    if is_absolute(text):
        url = _url(text)
    elif home is None or text.startswith("//"):
        raise InvalidConfig("`url` must be absolute (https://…): there is no connector with a baseUrl that it could be relative to.")
    else:
        # Joined as text, so that the base's path stays and nothing in a relative address can lead to another host.
        url = _url(f"{home.rstrip('/')}/{text.lstrip('/')}" if text else home)
    if home is not None and origin(url) != origin(_url(home)):
        has_some = bool(account.get("headers")) or cast("Mapping[str, str]", account.get("auth") or {}).get("kind", "none") != "none"
        said = "The connector's headers and credentials were not sent, since the address is not below its baseUrl."
        return Target(url, warnings=(said,) if has_some else ())
    headers, query = _credentials(cast("Mapping[str, str]", account.get("auth") or {}))
    return Target(url, cast("dict[str, str]", account.get("headers") or {}) | headers, query)


def _url(text: str) -> httpx.URL:
    try:
        url = parse_url(text)
    except ValueError:
        raise InvalidConfig("`url` is not a valid address.") from None
    if url.scheme not in {"http", "https"}:
        raise InvalidConfig(f"`url` must start with http:// or https://, not {url.scheme}://.")
    if not url.host:
        raise InvalidConfig("`url` has no host.")
    return url.copy_with(fragment=None)


def _credentials(auth: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The headers and the query parameters that prove who calls."""
    match auth.get("kind"):
        case "bearer":
            return {"authorization": f"Bearer {auth['token']}"}, {}
        case "basic":
            return {"authorization": f"Basic {_basic(auth)}"}, {}
        case "apiKey" if auth["in"] == "header":
            return {auth["name"]: auth["value"]}, {}
        case "apiKey":
            return {}, {auth["name"]: auth["value"]}
        case _:
            return {}, {}
