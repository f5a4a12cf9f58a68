"""The answer of an HTTP service, read the way a workflow wants it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, cast

from cargo_ai.kernel import clock
from cargo_ai.outbound.exchange import OutboundResponse

LONGEST_WAIT = 3600.0
SHORTEST_WAIT = 1.0
SNIPPET = 200

_TEXTUAL = re.compile(r"text/|.*(\+|/)(xml|json|javascript|ecmascript|yaml|x-yaml|x-ndjson|x-www-form-urlencoded|graphql|sql|csv)$")
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
# Neither can be stored: PostgreSQL takes no NUL, UTF-8 no half of a pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def body_of(received: OutboundResponse, kind: str) -> tuple[Any, tuple[str, ...]]:
    """The body as `json`, `text` or `auto` (by content type), and warnings where it is not what was asked for."""
    media = received.headers.get("content-type", "").partition(";")[0].strip().lower()
    says_json = media == "application/json" or media.endswith("+json")
    if kind == "json" or (kind == "auto" and says_json):
        return _json(received)
    if not received.body:
        return (None if kind == "auto" else ""), ()
    if kind == "text" or _TEXTUAL.match(media):
        return _text(received), ()
    try:
        if b"\0" not in received.body:
            return received.body.decode("utf-8"), ()
    except UnicodeDecodeError:
        pass
    said = f"The body is binary ({media or 'no content type'}): it is given as base64."
    return base64.b64encode(received.body).decode(), (said,)


def _json(received: OutboundResponse) -> tuple[Any, tuple[str, ...]]:
    if not received.body.strip():
        return None, ()
    try:
        text = received.body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return _text(received), ("The body is not valid JSON: it is given as text.",)
    return (_clean(value) if "\\u" in text else value), ()


def _no_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, list):
        return [_clean(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_storable(key): _clean(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def _text(received: OutboundResponse) -> str:
    found = _CHARSET.search(received.headers.get("content-type", ""))
    try:
        return _storable(received.body.decode(found[1] if found else "utf-8", "replace"))
    except LookupError:
        return _storable(received.body.decode("utf-8", "replace"))


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("�", text)


def headers_of(received: OutboundResponse) -> dict[str, str]:
    """The headers, names in lower case, repeated ones joined by a comma."""
    return {name.lower(): _storable(value) for name, value in received.headers.items()}


def snippet(received: OutboundResponse, scrub: Callable[[str], str]) -> str:
    """The beginning of the body on one line, for people."""
    # Some more than is shown is scrubbed: a secret that is cut in two would not be recognised.
    text = " ".join(scrub(_text(received)[: 50 * SNIPPET]).split())
    return text if len(text) <= SNIPPET else text[:SNIPPET] + "…"


def retry_after(received: OutboundResponse) -> float | None:
    """The seconds that the service asks to wait, from 1 to 3,600; None when it does not say."""
    text = received.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - clock.unix_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)
