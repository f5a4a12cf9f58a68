"""The console at `/console/`, made at its first request: most servers answer terminals only."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api.guard import CONSOLE


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of a browser."""
    await _console()(scope, receive, send)


@cache
def _console() -> ASGIApp:
    from cargo_ai.console.app import Console
    from cargo_ai.server.console_port import ServerPort

    return Console(ServerPort())


async def go(request: Request) -> Response:
    """Lead people who open the server's address in a browser to the console."""
    if request.url.path == "/" and "text/html" not in request.headers.get("accept", ""):
        raise Refusal(404, "routeNotFound", "There is no GET / here.", {"fix": "cargo-ai --help"})
    return RedirectResponse(CONSOLE, 303)


routes = [Route("/", go, methods=["GET"]), Route(CONSOLE.rstrip("/"), go, methods=["GET"]), Mount(CONSOLE.rstrip("/"), app=serve)]
