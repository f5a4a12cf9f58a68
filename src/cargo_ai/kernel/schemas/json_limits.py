"""Measure JSON before it is parsed: how many values it has and how deep they are nested, at the speed of copying it.

A parser makes an object of every two bytes of `[{},{},…]`, and whatever walks them holds up everything else in the process meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_ITEMS = 500_000
MAX_DEPTH = 100
"""The deepest nesting that is measured."""
_STRING = re.compile(rb'"[^"]*+"')
_KEPT = b',[]{}"'
_DROPPED = bytes(set(range(256)) - set(_KEPT))
_TO_PARENTHESES = bytes.maketrans(b"[]{}", b"()()")


@dataclass(frozen=True, slots=True)
class JsonShape:
    """`items`: objects, arrays, and what is separated by commas in them: no fewer than the values. `depth`: above MAX_DEPTH, one more."""

    items: int
    depth: int


def measure(raw: bytes) -> JsonShape:
    """The shape of a JSON text; of what is not JSON, some shape. O(length)."""
    # Within strings nothing counts. Their quotes are those without a backslash, and a backslash may itself have one.
    text = raw.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in raw else raw
    text = text.translate(None, _DROPPED).replace(b'""', b"")
    if (strings := text.count(b'"') // 2) > 2 * MAX_ITEMS:
        return JsonShape(strings // 2, 1)  # a key or a value each
    if strings:
        text = _STRING.sub(b"", text)
    items = text.count(b",") + text.count(b"[") + text.count(b"{")
    return JsonShape(items, _depth(text) if items <= MAX_ITEMS else 1)


def _depth(text: bytes) -> int:
    brackets = text.translate(_TO_PARENTHESES, b",")
    for depth in range(MAX_DEPTH + 1):
        if not brackets:
            return depth
        outer = brackets.replace(b"()", b"")
        if len(outer) == len(brackets):
            # Cut off, or with a bracket too many: the parser says where.
            return min(depth + outer.count(b"("), MAX_DEPTH + 1)
        brackets = outer
    return MAX_DEPTH + 1
