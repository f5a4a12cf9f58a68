"""Traces: spans of what a process does, for a collector outside, where something sends them; none is made otherwise."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from cargo_ai.kernel import clock, span_encoding

MAX_BEGUN = 20
"""A request that begins more traces than these is shown in the first ones."""


class Place(NamedTuple):
    """A span by its ids: of 128 bits that of its trace, of 64 its own."""

    trace: int
    span: int


class Span(NamedTuple):
    """Something that was done. Times are nanoseconds since 1970. `parent`: 0 for the root of a trace."""

    name: str
    kind: Literal["server", "internal", "client"]
    place: Place
    parent: int
    started: int
    ended: int
    attributes: Mapping[str, str | int | float]
    failed: bool = False
    link: Place | None = None
    """A span of another trace that has led to this one."""


@dataclass(slots=True)
class Begun:
    """The traces of the runs and batches that a request has begun."""

    traces: list[uuid.UUID] = field(default_factory=list[uuid.UUID])


class Sender(Protocol):
    """Where the spans of a process go. It returns at once and raises nothing."""

    def wants(self, trace: int) -> bool:
        """Whether a trace is sent: each is as a whole, or not at all."""
        ...

    def send(self, span: Span) -> None:
        """Send a span, if its trace is wanted."""

    def send_encoded(self, spans: bytes) -> None:
        """Send spans of a wanted trace, as `span_encoding` has put them together: some, not thousands."""


_senders: list[Sender] = []
_current: ContextVar[Place | None] = ContextVar("span", default=None)
_begun: ContextVar[Begun | None] = ContextVar("begun", default=None)


def send_with(sender: Sender | None) -> None:
    """From now on, spans of this process go there; None: nowhere."""
    _senders[:] = [] if sender is None else [sender]


def are_sent() -> bool:
    """Whether spans go anywhere: asked before a span is made."""
    return bool(_senders)


def are_wanted(trace: uuid.UUID) -> bool:
    """Whether spans of this trace go anywhere."""
    return bool(_senders) and _senders[0].wants(trace.int)


def send(span: Span) -> None:
    """Hand over a span that has ended."""
    for sender in _senders:
        sender.send(span)


def send_encoded(spans: bytes) -> None:
    """Hand over spans of a wanted trace that are encoded already: for what has many."""
    for sender in _senders:
        sender.send_encoded(spans)


def encode(span: Span) -> bytes:
    """A span as a collector takes it. Raises ValueError, struct.error and the like for one that cannot be."""
    content = span_encoding.about(span.name, span.kind, span.attributes, failed=span.failed)
    if span.link is not None:
        content += span_encoding.link(span.link.trace.to_bytes(16), span.link.span.to_bytes(8))
    trace, uid = span.place.trace.to_bytes(16), span.place.span.to_bytes(8)
    return span_encoding.span(trace, uid, span.parent.to_bytes(8) if span.parent else None, span.started, span.ended, [content])


def span_id(*parts: object) -> int:
    """The id of the span of something that has a name: the same in every process, so that parents are known without being looked up."""
    return int.from_bytes(span_bytes(":".join(map(str, parts))))


def span_bytes(name: str) -> bytes:
    """The same as eight bytes, of a name whose parts stand between colons."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return digest if any(digest) else b"\0\0\0\0\0\0\0\1"


def chance_id() -> int:
    """An id for the span of something that has no name."""
    return secrets.randbits(64) or 1


def first_span(trace: uuid.UUID) -> int:
    """The id of the span from which a run or batch was begun, which is the root of its trace."""
    return span_id("begin", trace)


def nanoseconds(milliseconds: int) -> int:
    """Since 1970, as spans have it."""
    return milliseconds * 1_000_000


@contextmanager
def within(place: Place) -> Generator[None]:
    """What is done meanwhile, also by tasks that are begun, was led to by this span."""
    token = _current.set(place)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Place | None:
    """The span that has led here."""
    return _current.get()


@contextmanager
def request() -> Generator[Begun]:
    """What is begun meanwhile is begun by a request."""
    begun = Begun()
    token = _begun.set(begun)
    try:
        yield begun
    finally:
        _begun.reset(token)


def begin(kind: Literal["run", "batch"], trace: uuid.UUID, workspace: uuid.UUID) -> None:
    """A run or batch was begun that has a trace of its own. Without a request that has done it, its trace begins with a span for that."""
    if not are_sent():
        return
    begun = _begun.get()
    if begun is None:
        at = nanoseconds(clock.now_ms())
        place = Place(trace.int, first_span(trace))
        send(Span(f"begin {kind}", "internal", place, 0, at, at, {"cargo.workspace": str(workspace)}, link=current()))
    elif len(begun.traces) < MAX_BEGUN:
        begun.traces.append(trace)
