"""CSRF: forms carry a token that only pages of the console can know, and a key that makes sending one twice harmless."""

from __future__ import annotations

import re
import secrets as randomness
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request

from cargo_ai.console.port import Port
from cargo_ai.kernel.refusal import Refusal

FIELD, HEADER, KEY_FIELD = "_csrf", "X-CSRF-Token", "_key"
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


def token(port: Port, request: Request, owner: str) -> str:
    """A token for forms of this owner (a session, or a browser that has none yet). It differs each time, so that a compressed page does
    not give it away."""
    nonce = randomness.token_urlsafe(12)
    return f"{nonce}.{port.sign(request, 'csrf', owner, nonce)}"


def check(port: Port, request: Request, owner: str, form: Mapping[str, str]) -> None:
    """Refusal (403) for a form that did not come from a page of the console."""
    nonce, _, signature = (request.headers.get(HEADER) or form.get(FIELD, "")).partition(".")
    is_foreign = request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is not None and origin != "null":
        is_foreign = is_foreign or urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
    if is_foreign or not nonce or not port.is_signed(request, signature, "csrf", owner, nonce):
        raise Refusal(403, "forbidden", "This form belongs to another session, or is too old. Go back, reload the page, and send it again.")


def new_key() -> str:
    """The key of one form."""
    return randomness.token_urlsafe(18)


def idempotency_key(form: Mapping[str, str], call: int) -> str | None:
    """The idempotency key of the nth call that a form leads to."""
    key = form.get(KEY_FIELD, "")
    return f"console:{key}:{call}" if _KEY.fullmatch(key) else None
