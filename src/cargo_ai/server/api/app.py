"""The ASGI application of one API process: routes, documents, middleware and lifespan."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import cache

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cargo_ai.expression import evaluator
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import health, rest
from cargo_ai.server.api.dispatch import HandledOperation
from cargo_ai.server.api.documents import docs, openapi
from cargo_ai.server.api.guard import Guard
from cargo_ai.server.api.http import responses
from cargo_ai.server.api.http.middleware import RequestMiddleware, request_id
from cargo_ai.server.api.http.unserved import in_place_of
from cargo_ai.server.api.route_index import RouteIndex
from cargo_ai.server.api.state import State
from cargo_ai.server.metrics import page
from cargo_ai.user_sql.run.executor import open_executor


def load() -> None:
    """Load and make what does not depend on a state, once for all processes that are forked afterwards."""
    rest.public_operations()
    rest.handwritten_routes()
    rest.indexed_routes()


def build(state: State, served: Sequence[HandledOperation] | None = None) -> Starlette:
    """The application. Its lifespan starts listening for signals and, at the end, closes them and the database.

    `served`: the operations to serve instead of every one that has a handler and the hand-written routes.
    """
    # Downloads of queries come by a signed URL, without a token: their database login is prepared here.
    open_executor(state.database, state.secrets)
    operations = rest.handled_operations() if served is None else list(served)
    handwritten = rest.handwritten_routes() if served is None else []
    indexed = rest.indexed_routes() if served is None else RouteIndex(rest.routes(operations))
    public = rest.public_operations() if served is None else [handled.operation for handled in operations]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        await state.signals.open()
        try:
            yield
        finally:
            await state.signals.close()
            await state.services.client.aclose()
            await evaluator.close_shared()
            await state.database.close()

    app = Starlette(
        routes=[*health.routes, *page.routes, *_documents(public), *handwritten, indexed],
        middleware=[Middleware(RequestMiddleware, guard=Guard(state.settings, state.limits))],
        exception_handlers={HTTPException: _no_route},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.server = state
    return app


def _documents(operations: Sequence[AnyOperation]) -> list[BaseRoute]:
    # Made at the first request: most servers never get one, and it would take half of their start.
    @cache
    def rendered() -> tuple[bytes, Response]:
        described = openapi.document(operations)
        return json.dumps(described, ensure_ascii=False).encode(), docs.page(described)

    async def document(_request: Request) -> Response:
        text, _ = await asyncio.to_thread(rendered)
        return responses.json_response(text, 200, {"Cache-Control": "no-cache"})

    async def reference(_request: Request) -> Response:
        _, page = await asyncio.to_thread(rendered)
        return page

    return [Route("/openapi.json", document, methods=["GET"]), Route("/docs", reference, methods=["GET"])]


async def _no_route(request: Request, error: Exception) -> Response:
    """The response for what the router refuses: 404 and 405."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        sentence = f"There is no {request.method} {request.url.path} here.{in_place_of(request.url.path)}"
        refusal = Refusal(404, "routeNotFound", sentence, {"fix": "cargo-ai --help"})
    elif error.status_code == 405:
        allowed = dict(error.headers or {})
        sentence = (
            f"{request.url.path} does not take {request.method}, but {allowed.get('Allow', 'another verb')}.{in_place_of(request.url.path)}"
        )
        refusal = Refusal(405, "methodNotAllowed", sentence, headers=allowed)
    else:
        refusal = Refusal(error.status_code, "requestFailed", error.detail)
    return responses.refusal_response(refusal, request_id(request))
