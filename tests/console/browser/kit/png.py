"""PNG made small: a screenshot with at most 256 colours, the rarest of which give way to those that are nearest."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256


def small(png: bytes) -> bytes:
    """The same picture with a palette. ValueError for what is not a screenshot: 8 bits of RGB or RGBA in rows, not interlaced."""
    width, height, channels, data = _read(png)
    pixels = _unfiltered(data, width, height, channels)
    counts = Counter(pixels[at : at + 3] for at in range(0, len(pixels), channels))
    kept = [colour for colour, _ in counts.most_common(COLOURS)]
    places = {colour: place for place, colour in enumerate(kept)}
    for colour in counts.keys() - places.keys():
        places[colour] = min(range(len(kept)), key=lambda place: _distance(kept[place], colour))
    row = width * channels
    rows = bytearray()
    for start in range(0, len(pixels), row):
        rows.append(0)
        rows += bytes(places[pixels[at : at + 3]] for at in range(start, start + row, channels))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", b"".join(kept)), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in parts)


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += size + 12


def _read(png: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, bytes of a pixel, and the filtered rows."""
    head, data = b"", bytearray()
    for kind, content in _chunks(png):
        if kind == b"IHDR":
            head = content
        elif kind == b"IDAT":
            data += content
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    channels = {2: 3, 6: 4}.get(kind)
    if bits != 8 or interlaced or channels is None:
        raise ValueError("this is not a screenshot of Chromium")
    return width, height, channels, zlib.decompress(bytes(data))


def _unfiltered(data: bytes, width: int, height: int, channels: int) -> bytes:
    """The pixels, row by row: each byte was stored as what it differs by from those before and above it."""
    size = width * channels
    pixels, above = bytearray(), bytearray(size)
    for number in range(height):
        start = number * (size + 1)
        row = bytearray(data[start + 1 : start + 1 + size])
        _undo(data[start], row, above, channels)
        pixels += row
        above = row
    return bytes(pixels)


def _undo(kind: int, row: bytearray, above: bytearray, channels: int) -> None:
    for at in range(len(row)) if kind else ():
        left = row[at - channels] if at >= channels else 0
        corner = above[at - channels] if at >= channels else 0
        row[at] = (row[at] + _guess(kind, left, above[at], corner)) & 255


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    base = left + up - corner
    return min((left, up, corner), key=lambda near: abs(base - near))
