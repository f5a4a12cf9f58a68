"""The gate of MCP: refuses web pages that reach this server by a name of theirs, and more calls than one token may make."""

from __future__ import annotations

import ipaddress
import uuid
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

from starlette.requests import Request

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.rate_limits.rate_limit import RateLimit

MAX_AT_ONCE = 32


class McpGate:
    """One per process. How many are under way at once counts in its memory."""

    def __init__(self, settings: Settings, limit: RateLimit) -> None:
        texts = [settings.public_url or "", *settings.mcp_origins.split(",")]
        self._origins = {origin for text in texts if (origin := _origin(text.strip())) is not None}
        self._limit = limit
        self._present: Counter[uuid.UUID] = Counter()

    def count(self, token: uuid.UUID) -> None:
        """Count one request of a token. Refusal (429) for too many in a minute."""
        self._limit.check(str(token))
        self._limit.count(str(token))

    @contextmanager
    def enter(self, token: uuid.UUID) -> Generator[None]:
        """Answer one request of a token while the context lasts. Refusal (429) for too many at once."""
        if self._present[token] >= MAX_AT_ONCE:
            sentence = f"{MAX_AT_ONCE} requests of this token are under way over MCP; wait for one of them."
            raise Refusal(429, "tooManyRequests", sentence, headers={"Retry-After": "1"})
        self._present[token] += 1
        try:
            yield
        finally:
            self._present[token] -= 1
            if not self._present[token]:
                del self._present[token]

    def check_origin(self, request: Request) -> None:
        """Refuse (403) what a browser sends for a page of another host.

        A page whose name was made to point at this machine would otherwise reach it with whatever the browser adds. A browser says where a
        page is from; programs do not.
        """
        origin = request.headers.get("origin")
        if origin is None or _origin(origin) in self._origins:
            return
        if _is_loopback(_host(origin)) and _is_loopback(_host(f"//{request.headers.get('host', '')}")):
            return
        sentence = f"Web pages of {origin[:200]} may not use MCP here. CARGO_AI_MCP_ORIGINS names those that may."
        raise Refusal(403, "forbidden", sentence)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname or "", port) if parts.hostname else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
