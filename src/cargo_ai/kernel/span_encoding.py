"""Spans as collectors take them (OTLP in protobuf), put together from encoded parts, of which most are the same again and again.

A library makes an object of each span, of each attribute and of each value, which costs fifteen times as much.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

KINDS = {"internal": 1, "server": 2, "client": 3}
IS_NOT_REMOTE = 0x100
"""Of a span's flags: it is known where its parent, or what it links to, was; and that was here."""

# Before each value stands its field's number, and how it is encoded: 0 a number, 1 eight bytes, 2 a length and as many bytes, 5 four.
_ROOT = struct.Struct("<2s16s2s8scqcq")
_BELOW = struct.Struct("<2s16s2s8s2s8scqcq")
_TRACE, _SPAN, _PARENT, _STARTED, _ENDED = b"\x0a\x10", b"\x12\x08", b"\x22\x08", b"\x39", b"\x41"
_NAME, _KIND, _ATTRIBUTE, _LINK, _FAILED = b"\x2a", b"\x30", b"\x4a", b"\x6a", b"\x7a\x02\x18\x02"
_FLAGS = b"\x85\x01" + struct.pack("<I", IS_NOT_REMOTE)
_LINK_FLAGS = b"\x35" + struct.pack("<I", IS_NOT_REMOTE)
_SPAN_OF_SCOPE = b"\x12"

Value = str | int | float


def number(value: int) -> bytes:
    """A whole number from 0 to 2^64 - 1."""
    if value < 0x80:
        return bytes((value,))
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def part(tag: bytes, content: bytes) -> bytes:
    """A field that is text, bytes or a message."""
    return tag + number(len(content)) + content


def attribute(name: str, value: Value) -> bytes:
    """One attribute of a span. A surrogate in a text becomes a question mark."""
    if isinstance(value, str):
        encoded = part(b"\x0a", value.encode("utf-8", "replace"))
    elif isinstance(value, int):
        encoded = b"\x18" + number(value & 0xFFFF_FFFF_FFFF_FFFF)
    else:
        encoded = b"\x21" + struct.pack("<d", value)
    return part(_ATTRIBUTE, part(b"\x0a", name.encode()) + part(b"\x12", encoded))


def about(name: str, kind: str, attributes: Mapping[str, Value], *, failed: bool = False) -> bytes:
    """What a span has besides ids and times, for `span`."""
    pairs = b"".join(attribute(key, value) for key, value in attributes.items())
    named = part(_NAME, name.encode("utf-8", "replace"))
    return named + _KIND + number(KINDS[kind]) + pairs + _FLAGS + (_FAILED if failed else b"")


def link(trace: bytes, uid: bytes) -> bytes:
    """Of what a span is `about`: a span of another trace that has led to it."""
    return part(_LINK, _TRACE + trace + _SPAN + uid + _LINK_FLAGS)


def span(trace: bytes, uid: bytes, parent: bytes | None, started: int, ended: int, content: Sequence[bytes]) -> bytes:
    """A span, ready to be sent beside others: `trace` has 16 bytes, ids 8; times are nanoseconds since 1970. `content`: see `about`."""
    if parent is None:
        head = _ROOT.pack(_TRACE, trace, _SPAN, uid, _STARTED, started, _ENDED, ended)
    else:
        head = _BELOW.pack(_TRACE, trace, _SPAN, uid, _PARENT, parent, _STARTED, started, _ENDED, ended)
    return b"".join((_SPAN_OF_SCOPE, _length(len(head) + sum(map(len, content))), head, *content))


@lru_cache(maxsize=4096)
def _length(size: int) -> bytes:
    return number(size)


def envelope(resource: bytes, scope: bytes, spans: Sequence[bytes]) -> bytes:
    """The message that a collector gets: spans one behind the other, with the encoded resource and scope that all of them have. What may be
    a megabyte is copied once."""
    size = sum(map(len, spans))
    of_scope = part(b"\x0a", scope)
    inner = b"\x12" + number(len(of_scope) + size) + of_scope
    of_resource = part(b"\x0a", resource)
    head = b"\x0a" + number(len(of_resource) + len(inner) + size) + of_resource + inner
    return b"".join([head, *spans])
