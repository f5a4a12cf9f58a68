"""The bounds of HTTP connections: how many there may be, and how long one may take to say what it wants.

uvicorn has a time limit for idle connections only. A `Door` ends those that do not bring a whole header, or a body at a rate that people
have, or that do not take their answer; where there are too many, the oldest that has asked for nothing makes room.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from cargo_ai.kernel import clock, log

RESERVED_FILES = 200
"""Open files for the rest of a process: the database, files, sandboxes, calls of services."""

SWEEP_SECONDS = 1.0
REST_SECONDS = 30.0
"""Between sweeps while no one is connected."""
TURNED_AWAY_MOST = 50
FEWEST_CONNECTIONS = 50
NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})
CLOSED = errno.EINVAL
"""What accepting from a socket gives that the supervisor has closed to all: the end of this process is about to be asked for."""

_log = log.get(__name__)


def raise_file_limit() -> None:
    """Allow this process and its children as many open files as the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Above this, programs that look at every possible descriptor take minutes.
    most = 1 << 20 if hard == resource.RLIM_INFINITY else min(hard, 1 << 20)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def most_connections(wanted: int) -> int:
    """As many as wanted, or as this process may have open files for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(FEWEST_CONNECTIONS, min(wanted, soft - RESERVED_FILES))


def _nothing() -> None:
    return


@dataclass(slots=True)
class Door:
    """The connections of one process by what they wait for, each since when (monotonic seconds), the oldest first."""

    most: int
    header_seconds: float = 20.0
    body_seconds: float = 20.0
    body_bytes: int = 1024
    """What a request's body must bring in each `body_seconds`."""
    taking_seconds: float = 120.0
    """How long a client may leave an answer untaken."""
    asking: dict[Bounded, float] = field(default_factory=dict["Bounded", float])
    sending: dict[Bounded, float] = field(default_factory=dict["Bounded", float])
    idle: dict[Bounded, float] = field(default_factory=dict["Bounded", float])
    stuck: dict[Bounded, float] = field(default_factory=dict["Bounded", float])
    turned_away: dict[Bounded, float] = field(default_factory=dict["Bounded", float])
    present: int = 0
    """How many there are, whatever they wait for."""
    first_came: Callable[[], None] = _nothing
    """Called when someone connects while no one else is connected."""
    _occupied: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self) -> None:
        """Someone has connected."""
        self.present += 1
        if self.present == 1:
            self._occupied.set()
            self.first_came()

    def leave(self, connection: Bounded) -> None:
        """It has ended."""
        self.forget(connection)
        self.present -= 1
        if not self.present:
            self._occupied.clear()

    def forget(self, connection: Bounded) -> None:
        """It waits for nothing here."""
        for waiting in (self.asking, self.sending, self.idle, self.stuck, self.turned_away):
            waiting.pop(connection, None)

    def make_room(self) -> bool:
        """End the oldest connection that has asked for nothing; False where every one is being served."""
        oldest = next(iter(self.asking), None) or next(iter(self.idle), None)
        if oldest is None:
            return False
        self.forget(oldest)
        oldest.transport.abort()
        return True

    async def watch(self) -> None:
        """End what takes too long, forever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REST_SECONDS):
                    await self._occupied.wait()
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep(clock.seconds())
            _warn_of_no_files()

    def sweep(self, now: float) -> None:
        """End what has taken too long by now."""
        for connection in _overdue(self.asking, now - self.header_seconds):
            self.forget(connection)
            connection.answer(408, "requestTimeout", f"No whole request header came within {self.header_seconds:g} seconds.")
        for connection in _overdue(self.sending, now - self.body_seconds):
            del self.sending[connection]
            if connection.is_slow(self.body_bytes):
                self.forget(connection)
                connection.answer(408, "requestTimeout", f"Less than {self.body_bytes} bytes came in {self.body_seconds:g} seconds.")
            elif connection.is_sending:
                self.sending[connection] = now
        for connection in [*_overdue(self.stuck, now - self.taking_seconds), *_overdue(self.turned_away, now - SWEEP_SECONDS)]:
            self.forget(connection)
            connection.transport.abort()


def _overdue(waiting: dict[Bounded, float], before: float) -> list[Bounded]:
    late: list[Bounded] = []
    for connection, since in waiting.items():
        if since > before:
            break
        late.append(connection)
    return late


class Bounded(asyncio.Protocol):
    """What uvicorn's protocols, h11 or httptools, get in front of them. `door` is set by `protocol_class`."""

    door: Door
    transport: asyncio.Transport
    connections: set[Any]
    cycle: Any
    flow: Any
    _received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, where there is or can be made room; else it is answered 503 as soon as it asks."""
        super().connection_made(transport)
        self.door.enter()
        now = clock.seconds()
        if len(self.connections) > self.door.most and not self.door.make_room():
            if len(self.door.turned_away) >= TURNED_AWAY_MOST:
                self.transport.abort()
            else:
                self.door.turned_away[self] = now
            return
        self.door.asking[self] = now

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came, and see what is still missing."""
        door, now = self.door, clock.seconds()
        if self in door.turned_away:
            door.forget(self)
            sentence = f"This server has {door.most} connections, which is all it may have. Try again shortly."
            self.answer(503, "tooManyConnections", sentence)
            return
        self._received += len(data)
        door.idle.pop(self, None)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.is_sending:
            door.asking.pop(self, None)
            door.sending.setdefault(self, now)
        elif self.cycle is not None and not self.cycle.response_complete:
            door.asking.pop(self, None)
            door.sending.pop(self, None)
        else:
            door.asking.setdefault(self, now)

    def on_response_complete(self) -> None:
        """uvicorn calls it; the connection may be used for another request."""
        cast("Any", super()).on_response_complete()
        if self.cycle.response_complete and not self.is_sending:  # else the next request is being answered already
            self.door.idle[self] = clock.seconds()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is made."""
        self.door.stuck[self] = clock.seconds()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has taken enough of it."""
        self.door.stuck.pop(self, None)
        super().resume_writing()

    @property
    def is_sending(self) -> bool:
        """Whether the body of a request is missing in part, also of one that was answered already."""
        return self.cycle is not None and bool(self.cycle.more_body)

    def is_slow(self, least: int) -> bool:
        """Whether fewer bytes came since the last call, though they were waited for."""
        received, self._received = self._received, 0
        if self.flow.read_paused or getattr(self.cycle, "waiting_for_100_continue", False):
            return False
        return self.is_sending and received < least

    def answer(self, status: int, reason: str, sentence: str) -> None:
        """Say why the connection ends, where no answer has begun, and end it."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            body = json.dumps({"reason": reason, "errorMessage": sentence}).encode()
            phrase = {408: "Request Timeout", 503: "Service Unavailable"}[status]
            head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nretry-after: 1\r\n"
            self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()


def protocol_class(door: Door, implementation: str = "") -> type[asyncio.Protocol]:
    """uvicorn's protocol of that implementation (by default httptools where it is installed, else h11), behind the door."""
    name = implementation or ("httptools" if find_spec("httptools") is not None else "h11")
    base = {"httptools": "HttpToolsProtocol", "h11": "H11Protocol"}[name]
    protocol = getattr(import_module(f"uvicorn.protocols.http.{name}_impl"), base)
    return cast("type[asyncio.Protocol]", type(f"Bounded{base}", (Bounded, protocol), {"door": door}))


def _warn_of_no_files() -> None:
    try:
        os.close(os.dup(0))
    except OSError as error:
        if error.errno in NO_FILES:
            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            _log.error("too many open files: raise the limit of open files (ulimit -n) of the server", limit=soft)


def log_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log what goes wrong in the event loop as one line. Not each connection that found no free file: asyncio tries thousands of times."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in (*NO_FILES, CLOSED)):
            _log.error(str(context.get("message", "an error in the event loop")), exc_info=error)

    loop.set_exception_handler(handle)
