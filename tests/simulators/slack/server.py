"""The simulator on a port of the loopback, in a thread of a test."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.simulators import running as running_server
from tests.simulators.faults import FaultyAnswer, Seen
from tests.simulators.slack.control import BOT_TOKEN, Control, Refused
from tests.simulators.slack.methods import METHODS, Asked

Json = Any


class _Method:
    """The endpoint of all methods."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> FaultyAnswer:
        control, path = self._control, request.url.path
        arguments = await _arguments(request)
        fault = control.fault_for(request.method, path)
        if fault is not None and fault.drop == "before":
            return FaultyAnswer(500, b"", {}, fault)
        status, headers, document = 200, {"x-slack-req-id": "simulated"}, cast("Json", None)
        if fault is not None and fault.status is not None:
            status, headers, document = fault.status, {**headers, **fault.headers}, fault.body
        else:
            try:
                document = {"ok": True, **self._act(request, path.removeprefix("/api/"), arguments)}
            except Refused as refusal:
                status = 429 if refusal.wait else 200
                headers |= {"retry-after": str(refusal.wait)} if refusal.wait else {}
                document = {"ok": False, "error": refusal.error, **refusal.more}
        control.note(Seen(request.method, path, request.url.query, arguments, status, request.headers.get("idempotency-key", "")))
        content = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        return FaultyAnswer(status, content, headers, fault)

    def _act(self, request: Request, name: str, arguments: Mapping[str, Json]) -> dict[str, Json]:
        control = self._control
        if name not in METHODS:
            raise Refused("unknown_method", req_method=name)
        act, scope, tier = METHODS[name]
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            raise Refused("not_authed")
        if kind.lower() != "bearer" or token not in control.tokens:
            raise Refused("invalid_auth")
        if scope and scope not in control.tokens[token]:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(control.tokens[token])))
        if tier:
            control.count(name, control.tiers[tier], 60.0)
        return act(Asked(control, arguments))


async def _arguments(request: Request) -> dict[str, Json]:
    """The arguments of a query, a form, or a JSON body."""
    given: dict[str, Json] = dict(request.query_params)
    raw = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body: object = json.loads(raw or b"{}")
        except ValueError:
            return {"_invalid": True}
        return given | (cast("dict[str, Json]", body) if isinstance(body, dict) else {})
    return given | {name: str(value) for name, value in (await request.form()).items()}


def build(control: Control) -> Starlette:
    """The simulator as an application."""
    return Starlette(routes=[Route("/api/{name}", _Method(control), methods=["GET", "POST"])])


class Running(running_server.Running):
    """A simulator that answers: `url`, the token that it accepts as `key`, and its control."""

    key = BOT_TOKEN

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/api"


@contextmanager
def running() -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control())
    try:
        yield simulator
    finally:
        simulator.stop()
