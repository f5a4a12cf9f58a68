"""An application of a simulator: endpoints behind sign-in, faults and the note of what came in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.simulators.faults import FaultyAnswer, Orders, Seen

Json = Any
Act = Callable[[Request, Json], tuple[int, Json] | tuple[int, Json, Mapping[str, str]]]
"""(request, body) → status, body, and headers where there are some. What it refuses, it raises."""


class Refused(Exception):
    """The request is refused, in the service's form of an error."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status, self.body, self.headers = status, body, dict(headers or {})


class _Serving:
    def __init__(self, control: Orders, act: Act, headers: Callable[[], Mapping[str, str]]) -> None:
        self._control, self._act, self._headers = control, act, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._control.counting():
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        control, path, raw = self._control, request.url.path, await request.body()
        fault = control.fault_for(request.method, path, raw)
        if fault is not None and fault.drop == "before":
            return await FaultyAnswer(500, b"", {}, fault)(scope, receive, send)
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        body: Json = dict(parse_qsl(raw.decode(), keep_blank_values=True)) if form else json.loads(raw) if raw else None
        if fault is not None and fault.status is not None:
            status, answer, headers = fault.status, fault.body, dict(fault.headers)
        else:
            status, answer, headers = self._answer(request, body)
        control.note(Seen(request.method, path, request.url.query, body, status, request.headers.get("idempotency-key", "")))
        content = answer.encode() if isinstance(answer, str) else b"" if answer is None else json.dumps(answer).encode()
        return await FaultyAnswer(status, content, headers, fault)(scope, receive, send)

    def _answer(self, request: Request, body: Json) -> tuple[int, Json, dict[str, str]]:
        try:
            status, answer, *more = self._act(request, body)
            return status, answer, {**self._headers(), **dict(*more)}
        except Refused as refused:
            return refused.status, refused.body, refused.headers


def application(
    control: Orders, endpoints: Sequence[tuple[str, str, Act]], headers: Callable[[], Mapping[str, str]] = dict[str, str]
) -> Starlette:
    """Endpoints by method and path (`/things/{key}`). headers: of every answer that is not an error."""
    return Starlette(routes=[Route(path, _Serving(control, act, headers), methods=[method]) for method, path, act in endpoints])
