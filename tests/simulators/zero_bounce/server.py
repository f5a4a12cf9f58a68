"""The simulator on a port of the loopback: the validation of one address, and the credits."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.serving import Act, application
from tests.simulators.zero_bounce.control import KEY, Control

Json = Any
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NO_KEY = "Invalid API Key or your account ran out of credits"


def _validate(control: Control) -> Act:
    def act(request: Request, _body: Json) -> tuple[int, Json]:
        control.check()
        query = request.query_params
        if "api_key" not in query or "ip_address" not in query or not query.get("email"):
            raise control.bad("A required parameter is missing.")
        if query["api_key"] not in control.keys or control.credits < 1:
            return 200, {"error": _NO_KEY}
        email = query["email"].lower()
        status, sub_status = control.verdicts.get(
            email, ("invalid", "mailbox_not_found" if _EMAIL.fullmatch(email) else "failed_syntax_check")
        )
        if status != "unknown":
            control.credits -= 1
            control.charged[email] += 1
        return 200, _verdict(email, status, sub_status)

    return act


def _verdict(email: str, status: str, sub_status: str) -> dict[str, Json]:
    account, _, domain = email.partition("@")
    return {
        "address": email,
        "status": status,
        "sub_status": sub_status,
        "free_email": False,
        "did_you_mean": None,
        "account": account,
        "domain": domain,
        "domain_age_days": "9692",
        "smtp_provider": "example",
        "mx_found": "true" if domain else "false",
        "mx_record": f"mx.{domain}" if domain else "",
        "firstname": None,
        "lastname": None,
        "gender": None,
        "country": None,
        "region": None,
        "city": None,
        "zipcode": None,
        "processed_at": "2026-11-27 12:00:00.000",
    }


def _credits(control: Control) -> Act:
    def act(request: Request, _body: Json) -> tuple[int, Json]:
        control.check()
        return 200, {"Credits": str(control.credits) if request.query_params.get("api_key") in control.keys else "-1"}

    return act


def build(control: Control) -> Starlette:
    """The simulator as an application."""
    return application(control, [("GET", "/v2/validate", _validate(control)), ("GET", "/v2/getcredits", _credits(control))])


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self) -> None:
        self.control = Control()
        super().__init__(build(self.control))
        self.url += "/v2"


@contextmanager
def running() -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running()
    try:
        yield simulator
    finally:
        simulator.stop()
