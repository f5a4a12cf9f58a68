"""Errors of services: the table that says what an answer means, and the exceptions that actions may let through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from cargo_ai.engine.graph.action import Failed, Later

Json = Any
Then = Literal["retry", "wait", "refresh_then_retry", "fail", "ignore"]

# A run of an account that is halted is woken when people have acted; it looks by itself this often, should that have been missed.
HALTED_SECONDS = 3600.0
DISCONNECTED = "connectorDisconnected"


class ServiceError(Exception):
    """A call came to nothing; the message is for people.

    status, body: of the answer, where there was one. transient: another attempt may help. retry_after: seconds that the service asked for.
    reason: a code. sent: the service may have done what it was asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        body: Json = None,
        transient: bool = False,
        retry_after: float | None = None,
        reason: str | None = None,
        sent: bool = False,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.body, self.reason = message, status, body, reason
        self.transient, self.retry_after, self.sent = transient, retry_after, sent

    @property
    def rejects(self) -> bool:
        """Whether the service has looked at the request and refused it: smaller parts of it may pass."""
        return self.status is not None and 400 <= self.status < 500 and not self.transient

    def to_outcome(self) -> Failed:
        """As the outcome of a node."""
        return Failed(self.message, transient=self.transient, retry_after=self.retry_after, reason=self.reason, sent=self.sent)


class Throttled(Exception):
    """A rate limit lets no call through for longer than may be waited for here."""

    def __init__(self, seconds: float, reason: str = "rate limit") -> None:
        super().__init__(f"no call for {seconds:.1f} seconds: {reason}")
        self.seconds, self.reason = seconds, reason

    def to_outcome(self, meta: Json) -> Later:
        """As the outcome of a node: it is asked again later."""
        return Later(self.seconds, meta, self.reason)


class AccountHalted(Exception):
    """The account cannot be used until people do something: its runs wait.

    reason: a code. waits_for: as what the engine knows the wait, so that it can be ended (see resume_early).
    """

    def __init__(self, message: str, reason: str, waits_for: str = "") -> None:
        super().__init__(message)
        self.reason, self.waits_for = reason, waits_for

    def to_outcome(self, meta: Json, *, changed: bool = False) -> Later | Failed:
        """As the outcome of a node: it is asked again later, unless it has begun a change, which is not to be begun twice."""
        if changed or not self.waits_for:
            return Failed(str(self), reason=self.reason)
        return Later(HALTED_SECONDS, meta, self.reason, waits_for=self.waits_for)


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What an answer means. All that is given must hold; of a table, the first rule that fits decides.

    then: `retry` (it may go better), `wait` (too many calls: not counted as an attempt), `refresh_then_retry` (credentials), `fail`,
        `ignore` (the answer is as good as any other).
    status: the code, or several. header: the name of a header, or `name: text in it`. path: where in a JSON body (`errors.0.code`) a value
        stands. text: a regular expression for that value, without a path for the whole body.
    message: a sentence for people, with the fix; `{said}` stands for the vendor's own words. reason: a code.
    seconds: how long to wait where the answer does not say.
    """

    then: Then
    status: int | range | tuple[int, ...] | None = None
    header: str | None = None
    path: str | None = None
    text: str | None = None
    message: str | None = None
    reason: str | None = None
    seconds: float | None = None

    def fits(self, status: int, headers: Mapping[str, str], body: Json) -> bool:
        """Whether it is about this answer. `headers` in lower case; `body`: JSON, or text that is not JSON."""
        if self.status is not None and status not in ((self.status,) if isinstance(self.status, int) else self.status):
            return False
        if self.header is not None:
            name, _, part = self.header.partition(":")
            value = headers.get(name.strip().lower())
            if value is None or part.strip().lower() not in value.lower():
                return False
        if self.path is None:
            return self.text is None or _matches(self.text, body)
        values = list(at(body, self.path))
        return bool(values) if self.text is None else any(_matches(self.text, value) for value in values)


DEFAULT_RULES = (
    ErrorRule("refresh_then_retry", status=401, reason="unauthorized"),
    ErrorRule("fail", status=403, reason="forbidden"),
    ErrorRule("fail", status=404, reason="notFound"),
    ErrorRule("fail", status=409, reason="conflict"),
    ErrorRule("wait", status=429, reason="rateLimited"),
    ErrorRule("retry", status=(408, 425, *range(500, 600)), reason="serviceUnavailable"),
    ErrorRule("fail", status=range(400, 500), reason="invalidRequest"),
)
"""What follows the rules of a service, for answers with a status of 400 or more."""


def rule_of(rules: Iterable[ErrorRule], status: int, headers: Mapping[str, str], body: Json) -> ErrorRule | None:
    """The rule that decides about an answer; None: it is a good one."""
    for rule in rules:
        if rule.fits(status, headers, body):
            return rule
    return next((rule for rule in DEFAULT_RULES if rule.fits(status, headers, body)), None)


def at(value: Json, path: str) -> Iterator[Json]:
    """The values at a dotted path: keys, positions, and `*` for every item. Nothing where it leads nowhere."""
    head, _, rest = path.partition(".")
    if not head:
        yield value
    elif isinstance(value, Mapping):
        entries = cast("Mapping[str, Json]", value)
        if head in entries:
            yield from at(entries[head], rest)
    elif isinstance(value, list):
        items = cast("list[Json]", value)
        chosen = items if head == "*" else items[int(head) : int(head) + 1] if head.isdigit() else []
        for item in chosen:
            yield from at(item, rest)


MAX_TEXT = 5_000
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^<>]*>", re.IGNORECASE | re.DOTALL)

_WORDS = (
    "message",
    "error.message",
    "error_description",
    "errors.0.message",
    "errors.0.detail",
    "errors.0.details",
    "errors.0.title",
    "0.message",
    "detail",
    "error",
    "title",
    "errors.0",
)
"""Where vendors put their sentence, by how much it says."""


def words_of(body: Json) -> str:
    """The vendor's own words in the body of an error: its sentence, else all of a body that is text, of a page what people read."""
    if isinstance(body, str):
        return _TAG.sub(" ", body[:MAX_TEXT]) if body.lstrip()[:1] == "<" else body
    for path in _WORDS:
        for value in at(body, path):
            if isinstance(value, str) and value.strip():
                return value
    return ""


def _matches(pattern: str, value: Json) -> bool:
    return re.search(pattern, _text(value), re.IGNORECASE) is not None


def _text(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return " ".join(_text(inner) for inner in cast("Mapping[str, Json]", value).values())
        case list():
            return " ".join(_text(inner) for inner in cast("list[Json]", value))
        case _:
            return str(value)
