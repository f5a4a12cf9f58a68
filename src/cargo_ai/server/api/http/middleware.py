"""The middleware of every request: its id, its log line, common headers, and the response for what was raised."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from cargo_ai.kernel import clock, ids, log, metrics
from cargo_ai.server.api import state as states
from cargo_ai.server.api.guard import Guard
from cargo_ai.server.api.http import request_span, responses

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Health checks, asked every few seconds: they are logged at debug level only."""

HOOKS = "/hooks/"
"""Addresses that are secrets themselves: they are logged without what follows."""

_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_log = log.get(__name__)


def request_id(request: HTTPConnection) -> str:
    """The id of a request."""
    value: str = request.scope["state"]["request_id"]
    return value


class RequestMiddleware:
    """ASGI middleware: every response has an `X-Request-Id`, and no exception reaches uvicorn."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        requested = Headers(scope=scope).get("x-request-id", "")
        identity = requested if _VALID_ID.fullmatch(requested) else str(ids.new())
        scope.setdefault("state", {})["request_id"] = identity
        with bound_contextvars(request_id=identity):
            if scope["path"] in PROBES:
                await self._answer(scope, receive, send, identity)
                return
            with request_span.traced(scope) as answered:
                answered.status = await self._answer(scope, receive, send, identity)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, identity: str) -> int:
        """Answer it; the status of the response."""
        started = clock.seconds()
        status, path = 0, _loggable(scope["path"])
        origin = self._guard.origin_of(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = identity
                self._guard.complete(headers, origin)
            await send(message)

        try:
            if self._guard.is_preflight(scope):
                await Response(status_code=204, headers=dict(self._guard.preflight_headers()))(scope, receive, send_with_headers)
                return status
            self._guard.admit(scope)
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            _log.debug("the client is gone", path=path)
        except Exception as error:
            refusal = responses.refusal_of(error)
            if refusal is None or status:
                _log.error("a request failed", method=scope["method"], path=path, exc_info=error)
            elif refusal.status == 503:
                _log.warning(
                    "something that the server needs is not available", reason=refusal.reason, error=str(error).strip().partition("\n")[0]
                )
                refusal = await responses.with_full_disk(refusal, states.state_of(HTTPConnection(scope)))
            if status:
                raise
            await responses.refusal_response(refusal or responses.internal_error(), identity)(scope, receive, send_with_headers)
        finally:
            seconds = clock.seconds() - started
            operation = str(scope["state"].get("operation", ""))
            metrics.count("requests", (operation, str(status)))
            metrics.time("request", (operation,), seconds)
            write = _log.debug if scope["path"] in PROBES else _log.info
            write("request", method=scope["method"], path=path, status=status, milliseconds=round(seconds * 1000, 1))
        return status


def _loggable(path: str) -> str:
    return f"{HOOKS}…" if path.startswith(HOOKS) else path
