"""The exchange: what a call sends, how its answer is read and what is repeated; it does no I/O, so both clients share it."""

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
_AGAIN = frozenset({429, 502, 503, 504})


class Unfinished(TimeoutError):
    """The wait is over and the work goes on; `last` is the last reply."""

    def __init__(self, last: Wire, sentence: str) -> None:
        super().__init__(sentence)
        self.last = last


@dataclass(frozen=True, slots=True)
class Settings:
    """Which server, as whom. `timeout`: seconds that one reply may take (a held one takes up to 25 more)."""

    token: str
    base_url: str = DEFAULT_URL
    workspace_uuid: str | None = None
    timeout: float = 60.0

    @staticmethod
    def from_environment() -> Settings:
        """`CARGO_API_TOKEN`, `CARGO_API_URL`, `CARGO_WORKSPACE_UUID`; ValueError without a token."""
        given = settings.read().environment
        token = given.get("CARGO_API_TOKEN", "")
        if not token:
            raise ValueError("Set CARGO_API_TOKEN to the token to sign in with.")
        return Settings(token, given.get("CARGO_API_URL") or DEFAULT_URL, given.get("CARGO_WORKSPACE_UUID") or None)

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        found = {"Authorization": f"Bearer {self.token}", "User-Agent": f"cargo-ai-sdk/{__version__}", "Accept": "application/json"}
        if self.workspace_uuid:
            found["selected-workspace-uuid"] = self.workspace_uuid
        return found


@dataclass(frozen=True, slots=True)
class Send:
    """To be sent: its reply, or the httpx.TransportError that came instead, is given back."""

    verb: str
    path: str
    body: dict[str, Any] | None
    headers: dict[str, str]
    extra_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Pause:
    """To be slept through."""

    seconds: float


Outcome = httpx.Response | httpx.TransportError | None
Exchange = Generator[Send | Pause, Outcome, Res]


def call(
    operation: Operation[Req, Res, Reason], request: Req, *, idempotency_key: str | None = None, hold: int = 0, patience: float = 30.0
) -> Exchange[Res]:
    """One operation. Lost connections, 429, 502, 503 and 504 are repeated for at most `patience` seconds, writes under one idempotency key.

    Returns the reply. Raises Refusal for what the server refuses, httpx.TransportError when it cannot be reached.
    """
    send = _message(operation, request, idempotency_key, hold)
    deadline = clock.seconds() + patience
    pause = FIRST_PAUSE_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        told = yield send
        assert told is not None
        if isinstance(told, httpx.Response) and told.status_code not in _AGAIN:
            return _reply(operation, told)
        asked = _retry_after(told)
        if attempt == ATTEMPTS or clock.seconds() + max(pause, asked) > deadline:
            if isinstance(told, httpx.Response):
                return _reply(operation, told)
            raise told
        yield Pause(max(pause, asked))
        pause *= 3
    raise AssertionError("the last attempt returns or raises")


def finish(operation: Operation[Req, Res, Reason], subject: Req | Res, timeout: float | None) -> Exchange[Wire]:
    """Wait for the end of a piece of work.

    `operation` is either one that can be waited on (`orchestration.batch.get`) with its request, or one that starts work
    (`orchestration.batch.create`) with its reply. Returns the final reply of the former; Unfinished after `timeout` seconds.
    """
    watched, request = _watched(operation, subject)
    waits = watched.waits
    assert waits is not None
    deadline = None if timeout is None else clock.seconds() + timeout
    while True:
        left = HOLD_SECONDS if deadline is None else deadline - clock.seconds()
        begun = clock.seconds()
        reply = cast("Wire", (yield from call(watched, request, hold=max(0, min(HOLD_SECONDS, int(left))))))
        if _field(reply, waits) in waits.final:
            return reply
        left = HOLD_SECONDS if deadline is None else deadline - clock.seconds()
        if left <= 0:
            raise Unfinished(reply, f"Not finished within {timeout:g} seconds; the work goes on.")
        if clock.seconds() - begun < 0.5:
            # The server did not hold the request (it is about to stop, or less than a second is left).
            yield Pause(min(left, 0.5))


def _watched(operation: AnyOperation, subject: Any) -> tuple[AnyOperation, Wire]:
    if operation.waits is not None and isinstance(subject, operation.request):
        return operation, subject
    until = operation.until
    if until is None or not isinstance(subject, operation.response):
        raise TypeError(f"{operation.name} with a {type(subject).__name__} is nothing to wait for.")
    watched = contract.load()[until.operation]
    if watched.waits is None:
        raise TypeError(f"{watched.name} cannot be waited on.")
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
    asked = query.encode(wire)
    return Send("GET", f"{path}?{asked}" if asked else path, None, headers, hold)


def _reply(operation: Operation[Req, Res, Reason], told: httpx.Response) -> Res:
    if not told.is_success:
        raise refusal_of(told)
    if operation.output == "text":
        (name,) = operation.response.model_fields
        return operation.response.model_validate({name: told.text})
    return operation.response.model_validate_json(told.content)


def refusal_of(told: httpx.Response) -> Refusal:
    """The refusal that a reply says; one that is not ours (a proxy's page) keeps its status and says so."""
    try:
        body: object = told.json()
    except ValueError:
        body = None
    said = dict(cast("dict[str, Any]", body)) if isinstance(body, dict) else {}
    headers = {"Retry-After": told.headers["retry-after"]} if "retry-after" in told.headers else {}
    reason = str(said.pop("reason", "requestFailed"))
    message = str(said.pop("errorMessage", f"The server answered {told.status_code} without a reason."))
    return Refusal(told.status_code, reason, message, said, headers)


def _retry_after(told: Outcome) -> float:
    if not isinstance(told, httpx.Response):
        return 0.0
    try:
        return min(max(0.0, float(told.headers.get("retry-after", 0))), LONGEST_PAUSE_SECONDS)
    except ValueError:
        return 0.0
