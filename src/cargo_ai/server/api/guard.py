"""Guards of every request before routing: rate limits by token and address, CORS, and the headers of each response."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import Scope

from cargo_ai.console.port import SESSION_COOKIE
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.rate_limits.limits import Limits
from cargo_ai.server.api.rate_limits.rate_limit import sender_of

UNLIMITED = frozenset({"/healthz", "/readyz"})
CONSOLE = "/console/"
FORMS = "/v1/forms/"
"""Public forms answer other sites by the allowed origins of each form."""

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""On every response that does not say otherwise: what this server sends is not a page of another site, nor a place to run anything."""

_ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key, prefer, selected-workspace-uuid, x-request-id",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "x-request-id, x-cargo-warnings, retry-after, preference-applied, idempotency-replayed"


class Guard:
    """One per application."""

    def __init__(self, settings: Settings, limits: Limits) -> None:
        self._limits = limits
        self._most_by_token, self._most_by_address = settings.token_requests_per_minute, settings.address_requests_per_minute
        self._origins = frozenset(origin.strip().rstrip("/") for origin in settings.cors_origins.split(",") if origin.strip())
        secure = settings.public_url.startswith("https:")
        self._headers = {**SECURITY_HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if secure else {})}

    def admit(self, scope: Scope) -> None:
        """Count a request. Refusal (429, with when to try again) for one too many."""
        if scope["path"] in UNLIMITED:
            return
        client = scope.get("client")
        self._limits.addresses.take(sender_of(client[0] if client else ""), self._most_by_address)
        authorization = Headers(scope=scope).get("authorization", "")
        if not authorization and scope["path"].startswith(CONSOLE):
            # A browser's session counts as a token of its own.
            authorization = HTTPConnection(scope).cookies.get(SESSION_COOKIE, "")
        if authorization:
            # Hashed, so that no token stays in memory, whatever is sent as one.
            self._limits.tokens.take(hashlib.sha256(authorization.encode("utf-8", "replace")).hexdigest(), self._most_by_token)

    def origin_of(self, scope: Scope) -> str | None:
        """The site that a browser asks for, where that site may read the response."""
        origin = Headers(scope=scope).get("origin")
        if origin is None or str(scope["path"]).startswith(FORMS):
            return None
        return origin if origin in self._origins or "*" in self._origins else None

    def is_preflight(self, scope: Scope) -> bool:
        """Whether a browser asks, for an allowed site, what that site may send."""
        asks = scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope)
        return asks and self.origin_of(scope) is not None

    def complete(self, headers: MutableHeaders, origin: str | None) -> None:
        """Add what every response has, and for an allowed site that it may read this one. Cookies are never allowed: pages of
        other sites do not act by a session of the console."""
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if self._origins:
            headers.add_vary_header("Origin")
        if origin is not None:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED

    @staticmethod
    def preflight_headers() -> Mapping[str, str]:
        """What allowed sites may send."""
        return _ALLOWED
