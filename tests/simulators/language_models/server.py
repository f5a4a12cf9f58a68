"""The simulator on a port of the loopback: sign-in of both interfaces, and their endpoints."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.language_models import anthropic, embeddings, openai, responses
from tests.simulators.language_models.control import KEY, Control
from tests.simulators.serving import Act, application

Json = Any
STREAM = {"content-type": "text/event-stream"}


def _openai(control: Control, act: Any) -> Act:
    def perform(request: Request, body: Json) -> tuple[int, Json, Mapping[str, str]]:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in control.keys:
            raise openai.refused(401, "invalid_api_key", "Incorrect API key provided.")
        return _answered(control, act(control, body) if body is not None else act(control))

    return perform


def _anthropic(control: Control, act: Any) -> Act:
    def perform(request: Request, body: Json) -> tuple[int, Json, Mapping[str, str]]:
        if request.headers.get("x-api-key") not in control.keys:
            raise anthropic.refused(401, "authentication_error", "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            raise anthropic.refused(400, "invalid_request_error", "anthropic-version: header is required")
        return _answered(control, act(control, body) if body is not None else act(control))

    return perform


def _answered(control: Control, answer: Json) -> tuple[int, Json, Mapping[str, str]]:
    if control.seconds:
        time.sleep(control.seconds)
    return 200, answer, STREAM if isinstance(answer, str) else {}


def build(control: Control) -> Starlette:
    """The simulator as an application: OpenAI's interface below /openai, Anthropic's below /anthropic."""
    return application(
        control,
        [
            ("GET", "/openai/models", _openai(control, openai.models)),
            ("POST", "/openai/chat/completions", _openai(control, openai.complete)),
            ("POST", "/openai/embeddings", _openai(control, embeddings.embed)),
            ("POST", "/openai/responses", _openai(control, responses.respond)),
            ("GET", "/anthropic/models", _anthropic(control, anthropic.models)),
            ("POST", "/anthropic/messages", _anthropic(control, anthropic.answer)),
            ("POST", "/anthropic/v1/messages", _anthropic(control, anthropic.answer)),
        ],
    )


class Running(running_server.Running):
    """A simulator that answers: `url` of one of its interfaces, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control, interface: str) -> None:
        self.control = control
        super().__init__(build(control))
        self.url = f"{self.url}/{interface}"


@contextmanager
def running(interface: str = "openai") -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(), interface)
    try:
        yield simulator
    finally:
        simulator.stop()
