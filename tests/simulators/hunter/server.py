"""The simulator on a port of the loopback: sign-in, limits, and the endpoints."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.hunter.control import KEY, Control, Numbers, refused
from tests.simulators.hunter.endpoints import ENDPOINTS
from tests.simulators.serving import Act, application

Json = Any


def _key(request: Request) -> str:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return request.query_params.get("api_key") or request.headers.get("x-api-key") or bearer


def _endpoint(control: Control, path: str, act: Callable[[Control, Mapping[str, str]], tuple[int, Json]]) -> Act:
    def perform(request: Request, _body: Json) -> tuple[int, Json]:
        if _key(request) not in control.keys:
            raise refused(401, "authentication_failed", "No user found for the API key supplied")
        if control.restricted:
            raise refused(403, "restricted_account", "Your account has been restricted, please contact us.")
        control.admit(path == "/email-verifier")
        return act(control, {name: value for name, value in request.query_params.items() if name != "api_key"})

    return perform


def build(control: Control) -> Starlette:
    """The simulator as an application."""
    return application(control, [("GET", f"/v2{path}", _endpoint(control, path, act)) for path, act in ENDPOINTS.items()])


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

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
