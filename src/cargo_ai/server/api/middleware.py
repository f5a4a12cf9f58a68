"""The envelope: around every request its id, its log line, its standing headers and the answer to whatever was raised."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from cargo_ai.kernel import clock, ids, log
from cargo_ai.server.api import responses

PROBES = frozenset({"/healthz", "/readyz"})
"""What is asked every few seconds by whoever watches the server: worth a line only to those who look for it."""

_SANE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_log = log.get(__name__)


def request_id(request: HTTPConnection) -> str:
    """The id of a request that came through the envelope."""
    found: str = request.scope["state"]["request_id"]
    return found


class RequestMiddleware:
    """ASGI middleware: nothing leaves without `X-Request-Id`, and no exception reaches the server underneath."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("x-request-id", "")
        mine = sent if _SANE.fullmatch(sent) else str(ids.new())
        scope.setdefault("state", {})["request_id"] = mine
        with bound_contextvars(request_id=mine):
            await self._answer(scope, receive, send, mine)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, mine: str) -> None:
        begun = clock.seconds()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = mine
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except ClientDisconnect:
            _log.debug("the client is gone", path=scope["path"])
        except Exception as error:
            refusal = responses.refusal_of(error)
            if refusal is None or status:
                _log.error("a request failed", method=scope["method"], path=scope["path"], exc_info=error)
            elif refusal.status == 503:
                _log.warning("something that we need is not available", reason=refusal.reason, error=str(error).strip().partition("\n")[0])
            if status:
                raise
            await responses.refusal_response(refusal or responses.internal_error(), mine)(scope, receive, send_marked)
        finally:
            took = round((clock.seconds() - begun) * 1000, 1)
            tell = _log.debug if scope["path"] in PROBES else _log.info
            tell("request", method=scope["method"], path=scope["path"], status=status, milliseconds=took)
