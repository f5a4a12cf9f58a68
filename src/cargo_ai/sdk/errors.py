"""Errors of the Python client: one class for each kind of refusal, each with a `reason` and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import Wire


class CargoError(Exception):
    """Whatever the Python client raises on purpose."""


class Refused(Refusal, CargoError):
    """The server refused: `status`, `reason`, `message`, `details` (such as `errors` or `fix`), `request_id`."""

    @property
    def request_id(self) -> str | None:
        """The id under which the server has logged the request."""
        return self.details.get("requestId")

    @property
    def fix(self) -> str | None:
        """The command that helps, where the server names one."""
        return self.details.get("fix")

    @property
    def retry_after(self) -> float:
        """Seconds after which the server asked to try again; 0 when it did not say."""
        try:
            return max(0.0, float(self.headers.get("Retry-After", 0)))
        except ValueError:
            return 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.status, self.reason, self.message, self.details, self.headers))


class InvalidRequest(Refused):
    """400, 413, 422: the request cannot be done as it is. `details["errors"]` says which field."""


class NotSignedIn(Refused):
    """401: no token, or one that is not valid (any more)."""


class NotEnoughCredits(Refused):
    """402: the workspace has too few credits, or its budget is used up."""


class NotPermitted(Refused):
    """403: the token may not do this."""


class NotFound(Refused):
    """404: there is no such thing in this workspace."""


class Conflict(Refused):
    """409: it exists already, is in use, or has changed in the meantime."""


class TooManyRequests(Refused):
    """429: the limit of the token or address; `retry_after` says for how many seconds."""


class ServerFailed(Refused):
    """5xx: the server, or a service that it called, failed."""


class Unreachable(CargoError, ConnectionError):
    """The server did not answer, or the connection was lost. A write may have been done; repeat it under the same `idempotency_key`."""


class UnexpectedReply(CargoError):
    """The reply is not what this version of the client knows: another version of the server, or another server."""


class Unfinished(CargoError, TimeoutError):
    """The time to wait is over and the work still runs; `last` is the last reply."""

    def __init__(self, last: Wire, sentence: str) -> None:
        super().__init__(sentence)
        self.last = last


_BY_STATUS: Mapping[int, type[Refused]] = {
    401: NotSignedIn,
    402: NotEnoughCredits,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
}


def refused(status: int, reason: str, message: str, details: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Refused:
    """The error for a refusal, with the command that helps as its note."""
    kind = _BY_STATUS.get(status) or (ServerFailed if status >= 500 else InvalidRequest if 400 <= status < 500 else Refused)
    error = kind(status, reason, message, details, headers)
    if error.fix:
        error.add_note(f"Fix: {error.fix}")
    return error
