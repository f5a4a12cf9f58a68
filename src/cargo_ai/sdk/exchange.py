"""Requests of the Python client: what a call sends, how its response is read and what is retried. Without I/O, for both clients."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import httpx

from cargo_ai import __version__, contract
from cargo_ai.kernel import clock, ids, query, settings
from cargo_ai.kernel.operation import AnyOperation, Operation, Reason, Req, Res, Waits
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import ByUuid, Wire

DEFAULT_URL = "http://127.0.0.1:8420"
ATTEMPTS = 4
HOLD_SECONDS = 25
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
_RETRIED = frozenset({429, 502, 503, 504})


class Unfinished(TimeoutError):
    """The time to wait is over and the work still runs; `last` is the last reply."""

    def __init__(self, last: Wire, sentence: str) -> None:
        super().__init__(sentence)
        self.last = last


@dataclass(frozen=True, slots=True)
class Settings:
    """The server and the token. `timeout`: seconds that one reply may take (a held one takes up to 25 more)."""

    token: str
    base_url: str = DEFAULT_URL
    workspace_uuid: str | None = None
    timeout: float = 60.0

    @staticmethod
    def from_environment() -> Settings:
        """`CARGO_API_TOKEN`, `CARGO_API_URL`, `CARGO_WORKSPACE_UUID`; ValueError without a token."""
        environment = settings.read().environment
        token = environment.get("CARGO_API_TOKEN", "")
        if not token:
            raise ValueError("Set CARGO_API_TOKEN to the token to sign in with.")
        return Settings(token, environment.get("CARGO_API_URL") or DEFAULT_URL, environment.get("CARGO_WORKSPACE_UUID") or None)

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": f"cargo-ai-sdk/{__version__}", "Accept": "application/json"}
        if self.workspace_uuid:
            headers["selected-workspace-uuid"] = self.workspace_uuid
        return headers


@dataclass(frozen=True, slots=True)
class Send:
    """A request for the client to send; it passes back the response or the httpx.TransportError."""

    verb: str
    path: str
    body: dict[str, Any] | None
    headers: dict[str, str]
    extra_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause for the client to make."""

    seconds: float


Outcome = httpx.Response | httpx.TransportError | None
Exchange = Generator[Send | Pause, Outcome, Res]


def call(
    operation: Operation[Req, Res, Reason], request: Req, *, idempotency_key: str | None = None, hold: int = 0, retry_seconds: float = 30.0
) -> Exchange[Res]:
    """One operation. Lost connections, 429, 502, 503 and 504 are repeated for at most `retry_seconds`, writes under one idempotency key.

    Returns the reply. Raises Refusal for what the server refuses, httpx.TransportError when it cannot be reached.
    """
    send = _message(operation, request, idempotency_key, hold)
    deadline = clock.seconds() + retry_seconds
    pause = FIRST_PAUSE_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        outcome = yield send
        assert outcome is not None
        if isinstance(outcome, httpx.Response) and outcome.status_code not in _RETRIED:
            return _reply(operation, outcome)
        retry_after = _retry_after(outcome)
        if attempt == ATTEMPTS or clock.seconds() + max(pause, retry_after) > deadline:
            if isinstance(outcome, httpx.Response):
                return _reply(operation, outcome)
            raise outcome
        yield Pause(max(pause, retry_after))
        pause *= 3
    raise AssertionError("the last attempt returns or raises")


def finish(operation: Operation[Req, Res, Reason], subject: Req | Res, timeout: float | None) -> Exchange[Wire]:
    """Wait until a piece of work ends.

    `operation` is either one that can be waited on (`orchestration.batch.get`) with its request, or one that starts work
    (`orchestration.batch.create`) with its reply. Returns the final reply of the former; Unfinished after `timeout` seconds.
    """
    watched, request = _watched(operation, subject)
    waits = watched.waits
    assert waits is not None
    deadline = None if timeout is None else clock.seconds() + timeout
    while True:
        left = HOLD_SECONDS if deadline is None else deadline - clock.seconds()
        started = clock.seconds()
        reply = cast("Wire", (yield from call(watched, request, hold=max(0, min(HOLD_SECONDS, int(left))))))
        if _field(reply, waits) in waits.final:
            return reply
        left = HOLD_SECONDS if deadline is None else deadline - clock.seconds()
        if left <= 0:
            raise Unfinished(reply, f"Not finished within {timeout:g} seconds; the work goes on.")
        if clock.seconds() - started < 0.5:
            # The server did not hold the request: it is about to stop, or less than a second is left.
            yield Pause(min(left, 0.5))


def _watched(operation: AnyOperation, subject: Any) -> tuple[AnyOperation, Wire]:
    if operation.waits is not None and isinstance(subject, operation.request):
        return operation, subject
    until = operation.until
    if until is None or not isinstance(subject, operation.response):
        raise TypeError(f"{operation.name} with a {type(subject).__name__} cannot be waited for.")
    watched = contract.load()[until.operation]
    if watched.waits is None:
        raise TypeError(f"{watched.name} cannot be waited for.")
    uuid = _dig(subject.to_wire(), until.key)
    return watched, watched.request.model_validate(ByUuid(uuid=str(uuid)).to_wire())


def _field(reply: Wire, waits: Waits) -> object:
    return _dig(reply.to_wire(), waits.field)


def _dig(document: object, dotted: str) -> object:
    for key in dotted.split("."):
        document = cast("dict[str, Any]", document).get(key) if isinstance(document, dict) else None
    return document


def _message(operation: AnyOperation, request: Wire, key: str | None, hold: int) -> Send:
    # What the caller did not set is left to the server, so that its defaults count.
    wire = request.model_dump(mode="json", by_alias=True, exclude_unset=True)
    path = "/v1" + operation.path
    for name in operation.path_fields:
        path = path.replace(f"{{{name}}}", quote(str(wire.pop(name)), safe=""))
    headers = {"Idempotency-Key": key or str(ids.new())} if operation.writes else {}
    if hold:
        headers["Prefer"] = f"wait={hold}"
    if operation.verb != "GET":
        return Send(operation.verb, path, wire or None, headers, hold)
    query_string = query.encode(wire)
    return Send("GET", f"{path}?{query_string}" if query_string else path, None, headers, hold)


def _reply(operation: Operation[Req, Res, Reason], response: httpx.Response) -> Res:
    if not response.is_success:
        raise refusal_of(response)
    if operation.output == "text":
        (name,) = operation.response.model_fields
        return operation.response.model_validate({name: response.text})
    return operation.response.model_validate_json(response.content)


def refusal_of(response: httpx.Response) -> Refusal:
    """The refusal in a response. One that is not from a cargo-ai server (a proxy's page) keeps its status and says so."""
    try:
        body: object = response.json()
    except ValueError:
        body = None
    document = dict(cast("dict[str, Any]", body)) if isinstance(body, dict) else {}
    headers = {"Retry-After": response.headers["retry-after"]} if "retry-after" in response.headers else {}
    reason = str(document.pop("reason", "requestFailed"))
    message = str(document.pop("errorMessage", f"The server answered {response.status_code} without a reason."))
    return Refusal(response.status_code, reason, message, document, headers)


def _retry_after(outcome: Outcome) -> float:
    if not isinstance(outcome, httpx.Response):
        return 0.0
    try:
        return min(max(0.0, float(outcome.headers.get("retry-after", 0))), LONGEST_PAUSE_SECONDS)
    except ValueError:
        return 0.0
