"""What a language model wrote, made into what can be stored and shown: texts that are text, JSON that is JSON, counts that are counts."""

from __future__ import annotations

import math
from typing import Any, cast

Json = Any
MAX_NESTING = 100
MAX_COUNT = 10**9
"""Tokens of one step; a service that says more of them, or fewer than none, has miscounted."""
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class TooDeep(ValueError):
    """The value is nested more deeply than requests may be."""


def text(written: str) -> str:
    """The text; NUL and halves of characters become U+FFFD, and halves that belong together one character."""
    if written.isascii():
        return written.replace("\0", UNREADABLE)
    return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", UNREADABLE)


def json(value: Json, levels: int = MAX_NESTING) -> Json:
    """The value with texts that are text; numbers that JSON has not (NaN, infinity) become null. Raises TooDeep."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | dict) and not levels:
        raise TooDeep(f"nested more than {MAX_NESTING} levels deep")
    if isinstance(value, list):
        return [json(item, levels - 1) for item in cast("list[Json]", value)]
    if isinstance(value, dict):
        return {text(name): json(item, levels - 1) for name, item in cast("dict[str, Json]", value).items()}
    return value


def count(tokens: int) -> int:
    """A number of tokens."""
    return min(max(tokens, 0), MAX_COUNT)
