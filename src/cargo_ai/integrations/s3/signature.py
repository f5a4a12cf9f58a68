"""Signatures of requests: AWS Signature Version 4, as S3 and what is compatible with it takes it, in headers and in addresses."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote

from cargo_ai.outbound.url import Url

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_UNRESERVED = "-_.~"
_SIGNED = ("content-type", "date", "host", "range")
"""Headers that are signed besides those that begin with x-amz-."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs: the key's id and secret, and the token of a session that ends ("": none)."""

    id: str
    secret: str
    session: str = ""


def encoded(text: str, *, safe: str = "") -> str:
    """A text as it stands in an address: everything but letters, digits and -_.~ is escaped."""
    return quote(text, safe=safe + _UNRESERVED)


def digest(body: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(body).hexdigest()


def signed_headers(
    keys: Keys, region: str, moment: datetime, method: str, url: Url, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    """The headers that sign a request. headers: those that it has, in lower case."""
    added = {"x-amz-date": f"{moment:%Y%m%dT%H%M%SZ}", "x-amz-content-sha256": digest(body)}
    if keys.session:
        added["x-amz-security-token"] = keys.session
    given = {"host": url.authority, **headers, **added}
    signed = {name: value for name, value in given.items() if name in _SIGNED or name.startswith("x-amz-")}
    query = url.target.partition("?")[2]
    signature = _signature(keys, region, moment, _canonical(method, url.path, query, signed, added["x-amz-content-sha256"]))
    credential = f"{keys.id}/{_scope(region, moment)}"
    return {**added, "authorization": f"{ALGORITHM} Credential={credential},SignedHeaders={_names(signed)},Signature={signature}"}


def presigned(keys: Keys, region: str, moment: datetime, method: str, url: Url, seconds: int) -> str:
    """An address with which anyone can make this one request until it expires."""
    added = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.id}/{_scope(region, moment)}",
        "X-Amz-Date": f"{moment:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.session:
        added["X-Amz-Security-Token"] = keys.session
    whole = url.with_query("&".join(f"{encoded(name)}={encoded(value)}" for name, value in added.items()))
    canonical = _canonical(method, whole.path, whole.target.partition("?")[2], {"host": url.authority}, UNSIGNED)
    return f"{whole}&X-Amz-Signature={_signature(keys, region, moment, canonical)}"


def _canonical(method: str, path: str, query: str, headers: Mapping[str, str], payload: str) -> str:
    """A request as both sides write it down; the path is that of the request line, which is escaped once."""
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    ordered = sorted((encoded(unquote(name)), encoded(unquote(value))) for name, value in pairs)
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    return "\n".join((method, path, "&".join(f"{name}={value}" for name, value in ordered), lines, _names(headers), payload))


def _names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))


def _scope(region: str, moment: datetime) -> str:
    return f"{moment:%Y%m%d}/{region}/s3/aws4_request"


def _signature(keys: Keys, region: str, moment: datetime, canonical: str) -> str:
    text = "\n".join((ALGORITHM, f"{moment:%Y%m%dT%H%M%SZ}", _scope(region, moment), digest(canonical.encode())))
    key = f"AWS4{keys.secret}".encode()
    for part in (f"{moment:%Y%m%d}", region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
