"""Decompress an answer, never beyond the limit."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

# Each member of a gzip copies what is left of the input: 200,000 empty ones would hold up everything else for seconds.
MAX_MEMBERS = 1000


class TooLarge(Exception):
    """There is more than was allowed."""


class Damaged(Exception):
    """The compressed body cannot be read. `transient`: another attempt may get a whole one."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


def decompress(parts: Sequence[bytes], encoding: str, most: int) -> bytes:
    """What the parts of a body say, by its Content-Encoding. Raises TooLarge beyond `most` bytes, Damaged for what cannot be read."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"} or not parts:
        return b"".join(parts)
    decompressor = _Decompressor(encoding, most)
    body = b"".join([decompressor.feed(part) for part in parts])
    if len(body) > most:
        raise TooLarge
    decompressor.end()
    return body


class _Decompressor:
    """Decompresses gzip (also in several members) and deflate (with or without its header), up to one byte more than the limit."""

    def __init__(self, encoding: str, most: int) -> None:
        if encoding not in {"gzip", "x-gzip", "deflate"}:
            raise Damaged(f"The answer is compressed as {encoding[:40]!r}; only gzip and deflate are supported.", transient=False)
        self._gzip = encoding != "deflate"
        self._left = most + 1
        self._started = False
        self._done = False
        self._members = 0
        self._inflate = zlib.decompressobj(31 if self._gzip else 15)

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        while data and self._left > 0 and not self._done:
            piece = self._piece(data)
            self._left -= len(piece)
            out.append(piece)
            data = self._inflate.unused_data or self._inflate.unconsumed_tail
            if self._inflate.eof:
                # Another member may follow; anything else after the end is padding, which gzip accepts.
                self._done = not self._gzip or (data != b"" and not data.startswith(b"\x1f"))
                self._members += 1
                if self._members > MAX_MEMBERS:
                    raise Damaged("The answer's compression has too many parts.", transient=False)
                if self._gzip:
                    self._inflate, self._started = zlib.decompressobj(31), False
        return b"".join(out)

    def _piece(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, self._left)
        except zlib.error:
            if self._gzip or self._started:
                raise Damaged("The answer's compression is damaged.", transient=True) from None
            self._inflate = zlib.decompressobj(-15)
            self._started = True
            return self._piece(data)
        self._started = True
        return piece

    def end(self) -> None:
        """Raise for a response that was cut off."""
        if self._started and not self._inflate.eof and self._left > 0:
            raise Damaged("The answer's compression ends too early.", transient=True)
