"""Requests of the Python client: what a call sends, how its response is read and what is retried. Without I/O, for both clients."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from cargo_ai import __version__
from cargo_ai.kernel import clock, ids, query
from cargo_ai.kernel.operation import AnyOperation, Operation, Reason, Req, Res, Waits
from cargo_ai.kernel.wire import Wire
from cargo_ai.sdk.errors import Refused, UnexpectedReply, Unfinished, Unreachable, refused
from cargo_ai.sdk.uploads import Upload

DEFAULT_URL = "http://127.0.0.1:8420"
ATTEMPTS = 4
HOLD_SECONDS = 25
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
SILENCE_SECONDS = 300.0
_RETRIED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Settings:
    """The server and the token. `timeout`: seconds that one reply may take (a held one takes up to 25 more). `retry_seconds`: how long
    a call that met a busy or unreachable server is repeated."""

    token: str
    base_url: str = DEFAULT_URL
    workspace_uuid: str | None = None
    timeout: float = SILENCE_SECONDS
    retry_seconds: float = 30.0

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        headers = {"Authorization": f"Bearer {self.token}", **self.public_headers()}
        if self.workspace_uuid:
            headers["selected-workspace-uuid"] = self.workspace_uuid
        return headers

    @staticmethod
    def public_headers() -> dict[str, str]:
        """Those without the token, for signed links."""
        return {"User-Agent": f"cargo-ai-sdk/{__version__}", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Send:
    """A request for the client to send; it passes back the response or the httpx.TransportError."""

    verb: str
    path: str
    body: dict[str, Any] | None
    headers: dict[str, str]
    extra_seconds: float = 0.0
    upload: Upload | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause for the client to make."""

    seconds: float


Outcome = httpx.Response | httpx.TransportError | None
Exchange = Generator[Send | Pause, Outcome, Res]


def call(
    operation: Operation[Req, Res, Reason],
    request: Req,
    *,
    idempotency_key: str | None = None,
    hold: int = 0,
    retry_seconds: float = 30.0,
    upload: Upload | None = None,
) -> Exchange[Res]:
    """One operation. Lost connections, 429, 502, 503 and 504 are repeated for at most `retry_seconds`, writes under one idempotency key.

    Returns the reply. Raises Refused for what the server refuses, Unreachable when it does not answer.
    """
    send = _message(operation, request, idempotency_key, hold, upload)
    attempts = ATTEMPTS if upload is None or upload.repeatable else 1
    deadline = clock.seconds() + retry_seconds
    pause = FIRST_PAUSE_SECONDS
    for attempt in range(1, attempts + 1):
        outcome = yield send
        assert outcome is not None
        if isinstance(outcome, httpx.Response) and outcome.status_code not in _RETRIED:
            return _reply(operation, outcome)
        retry_after = _retry_after(outcome)
        if attempt == attempts or clock.seconds() + max(pause, retry_after) > deadline:
            if isinstance(outcome, httpx.Response):
                return _reply(operation, outcome)
            raise unreachable(outcome)
        yield Pause(max(pause, retry_after))
        pause *= 3
    raise AssertionError("the last attempt returns or raises")


def finish(operation: Operation[Req, Res, Reason], request: Req, timeout: float | None, retry_seconds: float = 30.0) -> Exchange[Res]:
    """Wait until a piece of work ends. `operation` can be waited on, such as `orchestration.batch.get`.

    Returns its final reply; Unfinished after `timeout` seconds.
    """
    waits = operation.waits
    if waits is None:
        raise TypeError(f"{operation.name} cannot be waited for.")
    deadline = None if timeout is None else clock.seconds() + timeout
    while True:
        left = HOLD_SECONDS if deadline is None else deadline - clock.seconds()
        started = clock.seconds()
        hold = max(0, min(HOLD_SECONDS, int(left)))
        reply = yield from call(operation, request, hold=hold, retry_seconds=retry_seconds)
        if _field(reply, waits) in waits.final:
            return reply
        left = HOLD_SECONDS if deadline is None else deadline - clock.seconds()
        if left <= 0:
            raise Unfinished(reply, f"Not finished within {timeout:g} seconds; the work goes on.")
        if clock.seconds() - started < 0.5:
            # The server did not hold the request: it is about to stop, or less than a second is left.
            yield Pause(min(left, 0.5))


def unreachable(error: httpx.TransportError) -> Unreachable:
    """The error for a connection that failed."""
    what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached, or the connection was lost"
    try:
        where = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    except RuntimeError:  # it has no request
        where = "The server"
    detail = str(error) or type(error).__name__
    failed = Unreachable(f"{where} {what} ({detail}).")
    failed.__cause__ = error
    return failed


def _field(reply: Wire, waits: Waits) -> object:
    value: object = reply.to_wire()
    for key in waits.field.split("."):
        value = cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
    return value


def _message(operation: AnyOperation, request: Wire, key: str | None, hold: int, upload: Upload | None) -> Send:
    path, wire = target(operation, request)
    headers = {"Idempotency-Key": key or str(ids.new())} if operation.writes else {}
    if hold:
        headers["Prefer"] = f"wait={hold}"
    if upload is not None:
        wire.pop(operation.cli.upload or "", None)
    if operation.verb == "GET":
        return Send("GET", path, None, headers, hold)
    return Send(operation.verb, path, wire or None, headers, hold, upload)


def target(operation: AnyOperation, request: Wire) -> tuple[str, dict[str, Any]]:
    """The path of a request, with its query, and what goes into its body."""
    # What the caller did not set is left to the server, so that its defaults count.
    wire = request.model_dump(mode="json", by_alias=True, exclude_unset=True)
    path = "/v1" + operation.path
    for name in operation.path_fields:
        path = path.replace(f"{{{name}}}", quote(str(wire.pop(name)), safe=""))
    if operation.verb != "GET":
        return path, wire
    query_string = query.encode(wire)
    return (f"{path}?{query_string}" if query_string else path), {}


def _reply(operation: Operation[Req, Res, Reason], response: httpx.Response) -> Res:
    if not response.is_success:
        raise refusal_of(response)
    try:
        if operation.output == "text":
            (name,) = operation.response.model_fields
            return operation.response.model_validate({name: response.text})
        return operation.response.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the reply"
        sentence = f"The reply of {operation.name} is not what version {__version__} of the client knows ({where}: {first['msg']})."
        raise UnexpectedReply(
            f"{sentence} Use the same version of client and server; `cargo-ai server doctor` shows the server's."
        ) from None


def refusal_of(response: httpx.Response) -> Refused:
    """The refusal in a response. One that is not from a cargo-ai server (a proxy's page) keeps its status and says so."""
    try:
        body: object = response.json()
    except ValueError:
        body = None
    document = dict(cast("dict[str, Any]", body)) if isinstance(body, dict) else {}
    headers = {"Retry-After": response.headers["retry-after"]} if "retry-after" in response.headers else {}
    reason = str(document.pop("reason", "requestFailed"))
    message = str(document.pop("errorMessage", f"The server answered {response.status_code} without a reason."))
    return refused(response.status_code, reason, message, document, headers)


def _retry_after(outcome: Outcome) -> float:
    if not isinstance(outcome, httpx.Response):
        return 0.0
    try:
        return max(0.0, float(outcome.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0
