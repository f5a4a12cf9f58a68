"""The simulator on a port of the loopback: statements, their handles and partitions."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.serving import application
from tests.simulators.snowflake.control import Control, private_key
from tests.simulators.snowflake.statements import answer, submit

Json = Any


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    def send(request: Request, body: Json) -> tuple[int, Json]:
        control.admit(request.headers)
        request_id, repeats = request.query_params.get("requestId", ""), request.query_params.get("retry") == "true"
        former = control.by_request.get(request_id) if repeats else None
        if former is None or former.failure is not None:
            former = control.remember(submit(control, body), request_id)
        return answer(control, former, 0)

    def look(request: Request, _body: Json) -> tuple[int, Json]:
        control.admit(request.headers)
        return answer(control, control.statement(request.path_params["handle"]), int(request.query_params.get("partition", 0)))

    return application(control, [("POST", "/api/v2/statements", send), ("GET", "/api/v2/statements/{handle}", look)])


class Running(running_server.Running):
    """A simulator that answers: `url`, the private key of its user as `key`, and its control."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.key = private_key()
        super().__init__(build(control))


@contextmanager
def running() -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control())
    try:
        yield simulator
    finally:
        simulator.stop()
