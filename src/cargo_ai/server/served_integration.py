"""Serve a built-in integration over HTTP by the protocol of custom integrations, protected by a token."""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import secrets as randomness
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cargo_ai.domains.connection.public import protocol
from cargo_ai.integrations.kit import integrations
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client

Json = Any
JsonObject = dict[str, Json]
Answer = Callable[[JsonObject], Awaitable[JsonObject]]

SHORTEST_TOKEN = 16
MAX_BYTES = 10 * 1024 * 1024
SIGNED_SECONDS = 300
AT_ONCE = 100
GRACE_SECONDS = 10


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def application(served: protocol.Served, token: str) -> Starlette:
    """The routes of the protocol. Each request needs the token, or a signature that was made with it."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def manifest(request: Request) -> JSONResponse:
        async def answer(_body: JsonObject) -> JsonObject:
            return served.manifest()

        return await _answered(request, token, answer)

    async def execute(request: Request) -> JSONResponse:
        slug = str(request.path_params["slug"])
        async with turns:
            return await _answered(request, token, lambda body: served.execute(slug, body))

    def route(path: str, answer: Answer) -> Route:
        async def endpoint(request: Request) -> JSONResponse:
            async with turns:
                return await _answered(request, token, answer)

        return Route(path, endpoint, methods=["POST"])

    return Starlette(
        routes=[
            Route("/manifest", manifest, methods=["GET"]),
            Route("/actions/{slug}/execute", execute, methods=["POST"]),
            route("/authenticate", served.authenticate),
            route("/autocomplete", served.autocomplete),
            route("/getDynamicSchema", served.dynamic_schema),
            route("/model/fetch", lambda body: protocol.fetch(served, body)),
            route("/model/count", lambda body: protocol.count(served, body)),
        ]
    )


async def _answered(request: Request, token: str, answer: Answer) -> JSONResponse:
    try:
        raw = await _body(request)
        _require_known(request, token, raw)
        return JSONResponse(await answer(_parsed(raw)))
    except _Refused as refused:
        return JSONResponse({"message": str(refused)}, refused.status)
    except protocol.ServedError as error:
        headers = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
        return JSONResponse({"message": str(error)}, error.status, headers)


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            raise _Refused(413, f"A request has at most {MAX_BYTES // 1024**2} MB.")
        parts.append(part)
    return b"".join(parts)


def _require_known(request: Request, token: str, body: bytes) -> None:
    given = request.headers.get("authorization", "")
    if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return
    timestamp, signature = request.headers.get(protocol.TIMESTAMP, ""), request.headers.get(protocol.SIGNATURE, "")
    is_right = hmac.compare_digest(signature.encode(), protocol.signature(token, timestamp, body).encode())
    if is_right and timestamp.isdigit() and abs(int(timestamp) - clock.unix_seconds()) <= SIGNED_SECONDS:
        return
    raise _Refused(401, "This integration wants its token, or a signature that was made with it less than five minutes ago.")


def _parsed(raw: bytes) -> JsonObject:
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise _Refused(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise _Refused(400, "The body must be a JSON object.")
    return cast("JsonObject", body)


class CannotServe(Exception):
    """The integration cannot be served; the message is for people."""


def serve(slug: str, settings: Settings, host: str, port: int, token: str | None, ready: Callable[[JsonObject], object]) -> None:
    """Serve an integration until the process is ended. `ready`: gets address and token. CannotServe says why not."""
    integration = integrations().get(slug)
    if integration is None:
        raise CannotServe(f"There is no integration {slug}: see `cargo-ai connection integration list`.")
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise CannotServe(f"A token has at least {SHORTEST_TOKEN} characters: `openssl rand -hex 32` makes one.")
    known = token or randomness.token_urlsafe(32)
    client = http_client.client(settings)
    try:
        served = protocol.Served(integration, settings, client)
    except protocol.NotServable as error:
        raise CannotServe(str(error)) from None
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CannotServe(f"{host}:{port} cannot be listened at ({error.strerror}): choose another one with --port.") from None
    address = f"[{host}]" if ":" in host else host
    about = {"baseUrl": f"http://{address}:{bound.getsockname()[1]}", "integration": slug}
    app = application(served, known)
    app.router.lifespan_context = _lifespan(client, lambda: ready({**about, **({} if token else {"token": known})}))
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS)
    uvicorn.Server(config).run(sockets=[bound])


def _lifespan(client: http_client.HttpClient, ready: Callable[[], object]) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        async with client:
            ready()
            yield

    return lifespan
