"""The Refusal exception: a request is denied for a declared reason. Anything else that is raised is a bug."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_MESSAGE_LENGTH = 2_000
"""Characters of a sentence; what a caller sent is cut to it."""


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_LENGTH else f"{text[: MAX_MESSAGE_LENGTH - 1]}…"


class Refusal(Exception):
    """A declared refusal: HTTP status, the contract's reason and a sentence that a person can act on.

    `details` are merged into the body (for example `errors`, `fix`); `headers` go on the reply (`Retry-After`).
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(_cut(message))
        self.status, self.reason, self.message = status, reason, _cut(message)
        self.details: dict[str, Any] = dict(details or {})
        self.headers: dict[str, str] = dict(headers or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return (Refusal, (self.status, self.reason, self.message, self.details, self.headers))

    def to_wire(self, request_id: str) -> dict[str, Any]:
        """The body of the reply."""
        return {"errorMessage": self.message, "reason": self.reason, **self.details, "requestId": request_id}


def invalid_input(errors: list[dict[str, str]]) -> Refusal:
    """400 `invalidInput`: what is wrong and where, one sentence from the first of the errors."""
    first = errors[0] if errors else {"path": "", "message": "the request is not valid"}
    where = f"{first['path']}: " if first["path"] else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    cut = [{name: _cut(text) for name, text in error.items()} for error in errors]
    return Refusal(400, "invalidInput", f"{where}{first['message']}{more}", {"errors": cut})
