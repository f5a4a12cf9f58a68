"""One connection to a service: sends a request, hands on what comes back, and says whether another request may follow."""

from __future__ import annotations

import asyncio
import select
from typing import cast

from cargo_ai.kernel import clock
from cargo_ai.outbound.answer_budget import Room
from cargo_ai.outbound.message import Answer, Listener, Wire
from cargo_ai.outbound.reader import Broken, Reader

# A connection in steady use is closed at this age, so that a name that moved is asked for again.
LONGEST_SECONDS = 300.0
# A larger body is not copied after its head.
_COPIED_BYTES = 64 * 1024


class Delivery:
    """How far a call has come, for those who have to know when it fails."""

    __slots__ = ("listener", "room", "sent", "waiting")

    def __init__(self) -> None:
        self.sent = False
        """Whether the service may have received the whole request."""
        self.waiting = False
        """Whether it waits for a free connection."""
        self.room: Room | None = None
        """What is set aside for its answer."""
        self.listener: Listener | None = None
        """What takes the body of its answer as it comes."""

    @property
    def lacks_room(self) -> bool:
        """Whether its answer waits until others are read."""
        return self.room is not None and self.room.is_waiting


class Connection(asyncio.Protocol):
    """One exchange after the other. After one that was not read to its end it closes itself."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reader: Reader | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: Room | None = None
        self._listener: Listener | None = None
        self._unsent = False
        self._born = clock.seconds()
        self.idle_since = self._born

    @property
    def is_open(self) -> bool:
        """Whether another request may go over it."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_old(self) -> bool:
        """Whether it is better replaced."""
        return clock.seconds() > self._born + LONGEST_SECONDS

    def is_quiet(self) -> bool:
        """Whether it is open and nothing came since the last answer, not even its end: what the event loop has not seen counts."""
        if not self.is_open or self._transport is None:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, wire: Wire, most: int, delivery: Delivery) -> Answer:
        """Send a request and read its answer, whose body may have `most` bytes. Raises Broken and TooLarge."""
        if not self.is_open or self._transport is None:
            raise Broken("it was closed", silent=True)
        reader = self._reader = Reader(wire.method, most, delivery.listener)
        self._listener = delivery.listener
        self._room = delivery.room
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            if len(wire.body) <= _COPIED_BYTES:
                self._transport.write(wire.head + wire.body)
            else:
                self._transport.write(wire.head)
                self._transport.write(wire.body)
            await waiter
            return reader.answer()
        finally:
            self._reader = self._waiter = self._listener = None
            if self._room is not None:
                if self._room.is_waiting:
                    # It may have ended with what TLS held back: the connection does not read on.
                    reader.reusable = False
                self._room.give_back()
                self._room = None
            delivery.sent = delivery.sent or not self._unsent
            if self._unsent or not reader.reusable:
                self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and be called for every byte that the system does not take at once."""
        # That of uvloop derives from none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        # With 0, transports of TLS would pause whenever nothing is left.
        self._transport.set_write_buffer_limits(high=1, low=0)

    def pause_writing(self) -> None:
        """Some of the request is left to send."""
        self._unsent = True

    def resume_writing(self) -> None:
        """All of it is sent."""
        self._unsent = False

    def data_received(self, data: bytes) -> None:
        """Read on; what was not asked for ends the connection."""
        reader, waiter = self._reader, self._waiter
        if reader is None or waiter is None or reader.ended:
            if reader is not None:
                reader.reusable = False
            self.abort()
            return
        reader.feed(data)
        if reader.ended and not waiter.done():
            waiter.set_result(None)
        elif self._listener is not None and self._listener.is_full:
            self._listener.when_room(self._read_on)
            if self._transport is not None:
                self._transport.pause_reading()
        elif self._room is not None and not self._room.size and (size := reader.outstanding):
            self._room.ask(size, self._read_on)
            if self._room.is_waiting and self._transport is not None:
                self._transport.pause_reading()

    def _read_on(self) -> None:
        """There is room for the answer, or its listener takes more of it."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange that waits."""
        self._transport = None
        if self._reader is not None:
            self._reader.finish(reset=exc is not None)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
