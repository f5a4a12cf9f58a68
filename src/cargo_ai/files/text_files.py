"""Text files: decode a stream of bytes in pieces of bounded size; bytes that do not fit the encoding are refused with their line."""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NoReturn

CHUNK_ROWS = 1_000
MAX_READY = 4 * 1024 * 1024  # characters of rows gathered before a chunk is handed out though it is not full
MAX_ROW = 8 * 1024 * 1024
UTF8 = "utf-8"
NUL = "\x00"  # a file with NUL is refused before it is parsed, so no row looks like the marker of a parser

_PIECE = 128 * 1024  # bytes parsed at a time, so that the event loop is never blocked for long
_SIGNATURES = {
    b"PK\x03\x04": "it looks like an Excel workbook",
    b"\xd0\xcf\x11\xe0": "it looks like an old Excel workbook",
    b"\x1f\x8b": "it is compressed",
    b"\xff\xfe": "it is UTF-16",
    b"\xfe\xff": "it is UTF-16",
}


class InvalidFile(ValueError):
    """The file cannot be read as what it should be; the message names the row or line where there is one."""


async def decode(stream: AsyncIterator[bytes], encoding: str = UTF8) -> AsyncGenerator[str]:
    """The stream as text, in pieces of bounded size. InvalidFile when it is not of this encoding or holds a NUL."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == UTF8 else encoding)()
    head = b""
    line = 1
    advice = "Name its encoding, or save it as UTF-8 text (in Excel: CSV UTF-8)." if encoding == UTF8 else f"It was read as {encoding}."

    def complain(before: int, what: str) -> NoReturn:
        like = next((f": {sentence}" for start, sentence in _SIGNATURES.items() if head.startswith(start)), "")
        raise InvalidFile(f"Line {line + before} {what}, so the file cannot be read{like}. {advice}")

    def decoded(data: bytes, *, final: bool = False) -> str:
        try:
            text = decoder.decode(data, final)
        except UnicodeDecodeError as error:
            complain(error.object.count(b"\n", 0, error.start), f"is not {encoding.upper()}")
        if NUL in text:
            complain(text.count("\n", 0, text.index(NUL)), "has a NUL character")
        return text

    async for data in stream:
        head += data[: 8 - len(head)] if len(head) < 8 else b""
        for start in range(0, len(data), _PIECE):
            text = decoded(data[start : start + _PIECE])
            if text:
                yield text
                line += text.count("\n")
    decoded(b"", final=True)
