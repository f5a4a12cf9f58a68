"""The answer of an HTTP service, read the way a workflow wants it."""

from __future__ import annotations

import base64
import re
from typing import Any

from cargo_ai.integrations.kit.calls.body import json_of, text_of
from cargo_ai.outbound.exchange import OutboundResponse

_TEXTUAL = re.compile(r"text/|.*(\+|/)(xml|json|javascript|ecmascript|yaml|x-yaml|x-ndjson|x-www-form-urlencoded|graphql|sql|csv)$")


def body_of(received: OutboundResponse, kind: str) -> tuple[Any, tuple[str, ...]]:
    """The body as `json`, `text` or `auto` (by content type), and warnings where it is not what was asked for."""
    media = received.headers.get("content-type", "").partition(";")[0].strip().lower()
    says_json = media == "application/json" or media.endswith("+json")
    if kind == "json" or (kind == "auto" and says_json):
        try:
            return json_of(received), ()
        except ValueError:
            return text_of(received), ("The body is not valid JSON: it is given as text.",)
    if not received.body:
        return (None if kind == "auto" else ""), ()
    if kind == "text" or _TEXTUAL.match(media):
        return text_of(received), ()
    try:
        if b"\0" not in received.body:
            return received.body.decode("utf-8"), ()
    except UnicodeDecodeError:
        pass
    said = f"The body is binary ({media or 'no content type'}): it is given as base64."
    return base64.b64encode(received.body).decode(), (said,)
