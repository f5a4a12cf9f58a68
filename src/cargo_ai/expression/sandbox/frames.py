"""Length-prefixed messages on the socket between server and sandbox, on the sandbox's side."""

from __future__ import annotations

import os
import struct

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Bytes of one message to a child; a child that is sent more is being fed nonsense and ends."""

_LENGTH = struct.Struct("<I")


class Closed(Exception):
    """The other side is gone."""


class Channel:
    """One end of the socket: blocking, buffered in both directions."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read = bytearray()
        self._unsent = bytearray()

    def receive(self) -> bytes:
        """The next message. Raises Closed."""
        self._fill(4)
        (length,) = _LENGTH.unpack_from(self._read)
        if length > MAX_MESSAGE_BYTES:
            raise Closed
        self._fill(4 + length)
        message = bytes(memoryview(self._read)[4 : 4 + length])
        del self._read[: 4 + length]
        return message

    def _fill(self, count: int) -> None:
        while len(self._read) < count:
            data = os.read(self._descriptor, 1 << 20)
            if not data:
                raise Closed
            self._read += data

    def add(self, message: bytes) -> int:
        """Put a message behind those that wait to be sent; the number of bytes waiting."""
        self._unsent += _LENGTH.pack(len(message)) + message
        return len(self._unsent)

    def flush(self) -> None:
        """Send what waits. Raises Closed."""
        view = memoryview(bytes(self._unsent))
        self._unsent.clear()
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None
