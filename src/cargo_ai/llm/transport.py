"""Transport: requests of a model's library go through the call of a service, which signs in, keeps its limits and reads its errors.

So the library holds no key, opens no connection, and repeats nothing by itself. What a service sends as events reaches the library as it
comes, and not sooner than it is taken.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import httpx2

Json = Any
EVENTS = "text/event-stream"
MAX_WAITING = 256 * 1024
"""Bytes that wait to be taken; then the connection is read no further."""
MAX_LINE = 8 * 1024 * 1024
"""Bytes of one event; libraries put it together piece by piece."""
DONE = b"[DONE]"
"""The last event, of services that have one."""


class TooMuch(Exception):
    """An event has more than MAX_LINE bytes."""


class Events:
    """The events of an answer, as they come: what hands them on (`begins`, `part`) is the service's call."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._changed = asyncio.Event()
        self.begun = False
        self._on_room: Callable[[], None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether enough is waiting to be taken."""
        return self._waiting > MAX_WAITING

    def when_room(self, call: Callable[[], None]) -> None:
        """Call this when all that waits is taken."""
        self._on_room = call

    def begins(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take what is a stream of events; anything else, such as an error, is read whole."""
        encoding = headers.get("content-encoding", "").strip().lower()
        self.begun = status < 300 and headers.get("content-type", "").startswith(EVENTS) and encoding in ("", "identity")
        self._changed.set()
        return self.begun

    def part(self, part: bytes) -> None:
        """What came."""
        self._parts.append(part)
        self._waiting += len(part)
        self._changed.set()

    async def has_begun(self, answering: asyncio.Task[Json]) -> bool:
        """Whether events come; False once the answer is there without any."""
        while not self.begun and not answering.done():
            await self._pause(answering)
        return self.begun

    async def parts(self, answering: asyncio.Task[Json]) -> AsyncIterator[bytes]:
        """The events until the answer has ended. Raises what ends it."""
        while True:
            while self._parts:
                part = self._parts.popleft()
                self._waiting -= len(part)
                if not self._waiting and self._on_room is not None:
                    self._on_room()
                    self._on_room = None
                yield part
            if answering.done():
                answering.result()
                if not self._parts:
                    return
            else:
                await self._pause(answering)

    async def _pause(self, answering: asyncio.Task[Json]) -> None:
        self._changed.clear()
        change = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({change, answering}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()


class Call(Protocol):
    """(body of the request) → body of the answer: JSON, or the text of events. `events` takes them as they come; the answer is None then.
    What it raises ends the step."""

    async def __call__(self, body: Json, events: Events | None = None) -> Json:
        """Ask."""
        ...


class NotStreamed(Exception):
    """The service has answered as a whole though events were asked for."""

    def __init__(self, answer: Json) -> None:
        super().__init__("answered as a whole")
        self.answer = answer


@dataclass(slots=True)
class Asking:
    """A request under way: what carries it out, its failures, since libraries wrap what a client raises, and whether its events have come
    to `DONE`."""

    call: Call
    failures: list[BaseException] = field(default_factory=list[BaseException])
    said_done: bool = False


_asking: ContextVar[Asking] = ContextVar("asking")


@contextmanager
def asking(call: Call) -> Generator[Asking]:
    """Within this, each request of the client is this call; yields what is known of it."""
    present = Asking(call)
    before = _asking.set(present)
    try:
        yield present
    finally:
        _asking.reset(before)


@cache
def client() -> httpx2.AsyncClient:
    """The client of the process. It holds no connection: each request is the call that is being made where it is sent."""
    import httpx2

    class Stream(httpx2.AsyncByteStream):
        def __init__(self, events: Events, answering: asyncio.Task[Json], present: Asking) -> None:
            self._events, self._answering, self._present = events, answering, present

        async def __aiter__(self) -> AsyncIterator[bytes]:
            line, tail = 0, b""
            try:
                async for part in self._events.parts(self._answering):
                    ends = part.find(b"\n")
                    if line + (len(part) if ends < 0 else ends) > MAX_LINE:
                        raise TooMuch
                    line = line + len(part) if ends < 0 else len(part) - part.rindex(b"\n") - 1
                    self._present.said_done |= DONE in tail + part
                    tail = part[-len(DONE) :]
                    yield part
            except Exception as error:
                self._present.failures.append(error)
                raise

        async def aclose(self) -> None:
            self._answering.cancel()

    class Transport(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            present = _asking.get()
            body = json.loads(await request.aread())
            try:
                if body.get("stream"):
                    return await self._stream(request, body, present)
                answer = await present.call(body)
            except BaseException as error:
                present.failures.append(error)
                raise
            return httpx2.Response(200, headers={"content-type": "application/json"}, content=json.dumps(answer).encode(), request=request)

        async def _stream(self, request: httpx2.Request, body: Json, present: Asking) -> httpx2.Response:
            events = Events()
            answering = asyncio.ensure_future(present.call(body, events))
            try:
                begun = await events.has_begun(answering)
            except asyncio.CancelledError:
                answering.cancel()
                raise
            headers = {"content-type": EVENTS}
            if begun:
                return httpx2.Response(200, headers=headers, stream=Stream(events, answering, present), request=request)
            answer = answering.result()
            if not isinstance(answer, str):
                raise NotStreamed(answer)
            present.said_done = True
            return httpx2.Response(200, headers=headers, content=answer.encode(), request=request)

    # What the environment says of proxies and certificates is not for this client.
    return httpx2.AsyncClient(transport=Transport(), trust_env=False)
