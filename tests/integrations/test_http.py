"""HTTP conforms: against a plain service that keeps things."""

from __future__ import annotations

from typing import Any

from tests.kit.conformance.subject import Example, Simulator, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators import things


def _config(**body: Any) -> dict[str, Any]:
    return {"method": "POST", "url": "/things", "body": body}


def _account(simulator: Simulator, token: str) -> dict[str, Any]:
    return {"baseUrl": simulator.url, "verifyPath": "/me", "auth": {"kind": "bearer", "token": token}}


class TestHttp(IntegrationConformance):
    """`request` makes a thing."""

    subject = Subject(
        slug="http",
        running=things.Running,
        account=lambda simulator: _account(simulator, things.KEY),
        wrong=lambda simulator: _account(simulator, "another-key"),
        secret=things.KEY,
        error=lambda _status, sentence: {"message": sentence},
        examples={
            "request": Example(
                config=_config(name="lamp"),
                effect=lambda control: list(control.things.values()),
                call=("POST", "/things"),
                rejected=_config(name="lamp", colour="red"),
                says="`colour`",
            )
        },
        hurried=lambda config: {**config, "timeoutMilliseconds": 250},
    )
