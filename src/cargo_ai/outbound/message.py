"""HTTP/1.1 messages: the bytes of a request, and the answer with its headers."""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from cargo_ai.outbound.url import Url

# They say where a message ends and what the connection does: set here only, so that no request hides in another.
FRAMING = frozenset({"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_METHOD = re.compile(r"[A-Z]{1,20}\Z")
_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})


class InvalidRequest(ValueError):
    """The request cannot be written as HTTP; the message says why."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it goes out. `repeatable`: the service may get it twice without harm."""

    method: str
    head: bytes
    body: bytes
    repeatable: bool


def write_request(
    method: str, url: Url, headers: Iterable[tuple[str, bytes]], body: bytes | None, *, repeatable: bool | None = None
) -> Wire:
    """The bytes of a request. `repeatable`: None leaves it to the method. Raises InvalidRequest."""
    if not _METHOD.match(method) or method == "CONNECT":
        raise InvalidRequest("the method is not valid")
    lines = [f"{method} {url.target} HTTP/1.1\r\nHost: {url.authority}".encode("ascii")]
    lines += [_beginning(name) + value for name, value in headers]
    if body is not None or method in _BODY_EXPECTED:
        lines.append(b"Content-Length: %d" % len(body or b""))
    head = b"\r\n".join(lines)
    # One line break between each two lines and none inside one.
    breaks = len(lines)
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise InvalidRequest("a header has a line break or a control character")
    if repeatable is None:
        repeatable = body is None and method in _REPEATABLE
    return Wire(method, head + b"\r\n\r\n", body or b"", repeatable)


@lru_cache(1024)
def _beginning(name: str) -> bytes:
    if not _TOKEN.match(name):
        raise InvalidRequest(f"{name[:60]!r} is not a header's name")
    if name.lower() in FRAMING:
        raise InvalidRequest(f"the header {name} is set by the client itself")
    return f"{name}: ".encode("ascii")


class Headers(Mapping[str, str]):
    """Headers of an answer: found by names in any case, given in lower case, repeated ones joined by a comma."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]] = ()) -> None:
        values: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1").lower(), _decode(raw_value)
            values[name] = f"{values[name]}, {value}" if name in values else value
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def items(self) -> ItemsView[str, str]:
        """Name and value of each."""
        return self._values.items()


def _decode(value: bytes) -> str:
    try:
        return value.strip(b" \t").decode("utf-8")
    except UnicodeDecodeError:
        return value.strip(b" \t").decode("latin-1")


class Listener(Protocol):
    """Takes the body of an answer as it comes."""

    @property
    def is_full(self) -> bool:
        """Whether it wants no more for now."""
        ...

    def when_room(self, call: Callable[[], None]) -> None:
        """Call this when it is not full any more."""
        ...

    def begins(self, status: int, headers: Headers) -> bool:
        """Whether it takes the body of this answer, which then is not kept."""
        ...

    def part(self, part: bytes) -> None:
        """The next part, not decompressed."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer as it came: `parts` of its body are not decompressed."""

    status: int
    headers: Headers
    parts: list[bytes]
