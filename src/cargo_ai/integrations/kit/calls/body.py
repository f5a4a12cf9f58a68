"""Bodies of answers: as JSON or text that can be stored, and as a line for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, cast

from cargo_ai.outbound.exchange import OutboundResponse

SNIPPET = 200

_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
# Neither can be stored: PostgreSQL takes no NUL, UTF-8 no half of a pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def json_of(response: OutboundResponse) -> Any:
    """The body as JSON; None for an empty one. ValueError when it is not valid JSON."""
    if not response.body.strip():
        return None
    try:
        text = response.body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_json)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _clean(value) if "\\u" in text else value


def _no_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_clean(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {storable(key): _clean(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def text_of(response: OutboundResponse) -> str:
    """The body as text, in the charset that its content type names, else UTF-8; what cannot be read or stored is replaced."""
    charset = _CHARSET.search(response.headers.get("content-type", ""))
    try:
        return storable(response.body.decode(charset[1] if charset else "utf-8", "replace"))
    except LookupError:
        return storable(response.body.decode("utf-8", "replace"))


def storable(text: str) -> str:
    """The text without what a database cannot keep."""
    return _UNSTORABLE.sub("�", text)


def headers_of(response: OutboundResponse) -> dict[str, str]:
    """The headers, names in lower case, repeated ones joined by a comma."""
    return {name.lower(): storable(value) for name, value in response.headers.items()}


def one_line(text: str, scrub: Callable[[str], str], most: int = SNIPPET) -> str:
    """The beginning of a text on one line, for people."""
    # Some more than is shown is scrubbed: a secret that is cut in two would not be recognised.
    line = " ".join(scrub(text[: 50 * most]).split())
    return line if len(line) <= most else line[:most] + "…"
