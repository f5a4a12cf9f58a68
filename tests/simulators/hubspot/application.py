"""The application: sign-in, limits and faults around the endpoints, and the endpoints of control below `/_simulator`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.simulators.faults import Fault, FaultyAnswer, Seen
from tests.simulators.hubspot import account_routes, record_routes
from tests.simulators.hubspot.call import Asked, Endpoint
from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.refusal import Refused, not_found

Json = Any
LONGEST_URL = 15_000
NOTHING: Mapping[str, str] = {}


class _Serving:
    """One endpoint behind everything that is the same for all."""

    def __init__(self, control: Control, endpoint: Endpoint) -> None:
        self._control, self._endpoint = control, endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> FaultyAnswer:
        control, path, raw = self._control, request.url.path, await request.body()
        fault = control.fault_for(request.method, path, raw)
        if fault is not None and fault.drop == "before":
            return FaultyAnswer(500, b"", NOTHING, fault)
        headers = {"x-hubspot-correlation-id": str(uuid.uuid4())}
        body: Json = None
        try:
            status, document, body = self._act(request, raw, fault, headers)
        except Refused as refusal:
            status, document = refusal.status, refusal.body()
            headers |= refusal.headers
        control.note(Seen(request.method, path, request.url.query, body, status))
        if fault is not None and fault.status is not None:
            headers |= fault.headers
        content = document.encode() if isinstance(document, str) else b"" if document is None else json.dumps(document).encode()
        return FaultyAnswer(status, content, headers, fault)

    def _act(self, request: Request, raw: bytes, fault: Fault | None, headers: dict[str, str]) -> tuple[int, Json, Json]:
        control = self._control
        if len(str(request.url)) > LONGEST_URL:
            raise Refused(414, "The request URI is too long.", category="")
        credential = control.sign_in.of(request.headers.get("authorization", ""))
        headers |= control.limits.admit(credential, search=request.url.path.endswith("/search"))
        if fault is not None and fault.status is not None:
            return fault.status, fault.body, None
        body = _parsed(raw)
        asked = Asked(control, credential, request.url.path, request.path_params, request.query_params, body, len(raw))
        return (*self._endpoint(asked), body)


def _parsed(raw: bytes) -> Json:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise Refused(400, f"Invalid input JSON on line 1, column 1: {error}") from error


def _unknown(_asked: Asked) -> tuple[int, Json]:
    raise not_found()


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    async def order(request: Request) -> Response:
        return FaultyAnswer(200, json.dumps(control.order(await request.json())).encode(), NOTHING)

    async def report(_request: Request) -> Response:
        return FaultyAnswer(200, json.dumps(control.report()).encode(), NOTHING)

    async def token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            return FaultyAnswer(200, json.dumps(control.sign_in.exchange(form)).encode(), NOTHING)
        except Refused as refusal:
            return FaultyAnswer(refusal.status, json.dumps(refusal.body()).encode(), NOTHING)

    async def revoke(request: Request) -> Response:
        control.sign_in.revoke({name: str(value) for name, value in (await request.form()).items()})
        return FaultyAnswer(204, b"", NOTHING)

    routes = [
        Route("/_simulator", order, methods=["POST"]),
        Route("/_simulator", report, methods=["GET"]),
        Route("/oauth/2026-03/token", token, methods=["POST"]),
        Route("/oauth/2026-03/token/revoke", revoke, methods=["POST"]),
    ]
    for method, path, endpoint in (*record_routes.ROUTES, *account_routes.ROUTES):
        routes.append(Route(path, _Serving(control, endpoint), methods=[method]))
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[*routes, Route("/{rest:path}", _Serving(control, _unknown), methods=every)])
