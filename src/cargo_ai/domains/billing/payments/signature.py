"""Signatures of events: whether Stripe has sent these very bytes, just now."""

from __future__ import annotations

import hashlib
import hmac

from cargo_ai.kernel import clock

TOLERANCE_SECONDS = 300
MAX_PARTS = 20


def is_valid(body: bytes, header: str, secret: str) -> bool:
    """Whether one of the signatures of `Stripe-Signature: t=…,v1=…` is that of the body, not longer than five minutes ago or ahead."""
    parts = [part.strip().partition("=") for part in header.split(",")[:MAX_PARTS]]
    times = [value for name, _, value in parts if name == "t"]
    if not secret or len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        return False
    if abs(clock.unix_seconds() - int(times[0])) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(secret.encode(), f"{times[0]}.".encode() + body, hashlib.sha256).hexdigest().encode()
    return any(hmac.compare_digest(expected, value.encode("utf-8", "replace")) for name, _, value in parts if name == "v1")
