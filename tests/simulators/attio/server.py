"""The simulator on a port of the loopback: sign-in, scopes, limits, and the endpoints."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.attio.control import TOKEN, Control, Numbers
from tests.simulators.attio.endpoints import ENDPOINTS, Asked
from tests.simulators.attio.workspace import WORKSPACE, refused
from tests.simulators.serving import Act, application

Json = Any
_TOO_FAST = {
    "status_code": 429,
    "type": "rate_limit_error",
    "code": "rate_limit_exceeded",
    "message": "Rate limit exceeded, please try again later",
}


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _admit(control: Control, request: Request) -> None:
    kind = "reads" if request.method == "GET" or request.url.path.endswith("/query") else "writes"
    opens_at = control.admit(kind)
    if opens_at:
        refusal = refused(429, "rate_limit_exceeded", "")
        refusal.body, refusal.headers = _TOO_FAST, {"retry-after": formatdate(opens_at, usegmt=True)}
        raise refusal


def _self(control: Control) -> Act:
    def act(request: Request, _body: Json) -> tuple[int, Json]:
        _admit(control, request)
        token = _token(request)
        if token not in control.tokens:
            # Not an error: the answer says that the token is not one.
            return 200, {"active": False}
        about = {"workspace_id": WORKSPACE, "workspace_name": "Acme", "workspace_slug": "acme", "token_type": "Bearer"}
        return 200, {"active": True, "scope": " ".join(sorted(control.tokens[token])), **about}

    return act


def _endpoint(control: Control, scopes: tuple[str, ...], act: Callable[[Asked], Json]) -> Act:
    def perform(request: Request, body: Json) -> tuple[int, Json]:
        token = _token(request)
        if not token:
            raise refused(401, "unauthorized", "The Authorization header was not provided.", "auth_error")
        if token not in control.tokens:
            raise refused(401, "unauthorized", "The access token is not valid.", "auth_error")
        missing = [scope for scope in scopes if scope not in control.tokens[token] and f"{scope}-write" not in control.tokens[token]]
        if missing:
            raise refused(403, "unauthorized", f"The access token does not have the required scope {missing[0]}.", "auth_error")
        _admit(control, request)
        return 200, act(Asked(control.workspace, dict(request.path_params), dict(request.query_params), body))

    return perform


def build(control: Control) -> Starlette:
    """The simulator as an application."""
    endpoints = [(method, f"/v2{path}", _endpoint(control, scopes, act)) for method, path, scopes, act in ENDPOINTS]
    return application(control, [("GET", "/v2/self", _self(control)), *endpoints])


def server_of(control: Control) -> uvicorn.Server:
    """The server, not yet started."""
    return running_server.server_of(build(control))


class Running(running_server.Running):
    """A simulator that answers: `url`, the token that it accepts as `key`, and its control."""

    key = TOKEN

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/v2"


@contextmanager
def running(numbers: Numbers | None = None) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers))
    try:
        yield simulator
    finally:
        simulator.stop()
