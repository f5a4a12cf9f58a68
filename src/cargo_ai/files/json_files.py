"""NDJSON files: read as a stream, in chunks of objects, with errors that name the line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, NoReturn, cast

from cargo_ai.files.text_files import CHUNK_ROWS, MAX_READY, MAX_ROW, UTF8, InvalidFile, decode


async def json_chunks(
    stream: AsyncIterator[bytes], size: int = CHUNK_ROWS, *, skip: int = 0, encoding: str = UTF8
) -> AsyncGenerator[list[dict[str, Any]]]:
    """The objects of an NDJSON file, one per line, as lists of at most `size` (fewer where lines are long), without the first `skip`.

    Blank lines count for nothing. Raises InvalidFile naming the line.
    """
    ready: list[dict[str, Any]] = []
    weight = number = 0
    async with aclosing(_lines(stream, encoding)) as blocks:
        async for lines in blocks:
            for number, line in enumerate(lines, number + 1):  # noqa: B020 - goes on counting where the last block ended
                if not line.strip():
                    continue
                if skip:
                    skip -= 1
                    continue
                ready.append(_parse_object(line, number))
                weight += len(line)
                if len(ready) == size or weight >= MAX_READY:
                    yield ready
                    ready, weight = [], 0
    if ready:
        yield ready


async def _lines(stream: AsyncIterator[bytes], encoding: str) -> AsyncGenerator[list[str]]:
    """The lines of a stream, some at a time, in order. InvalidFile when one is too long."""
    number = 1
    parts: list[str] = []
    length = 0
    async with aclosing(decode(stream, encoding)) as texts:
        async for text in texts:
            cut = text.rfind("\n") + 1
            if cut:
                # StringIO divides at "\n" only; splitlines would also divide at characters that stand inside of JSON strings.
                lines = list(io.StringIO("".join(parts) + text[:cut], newline="\n"))
                yield lines
                number += len(lines)
                parts, length = [], 0
            parts.append(text[cut:])
            length += len(text) - cut
            if length > MAX_ROW:
                raise InvalidFile(f"Line {number} is longer than {MAX_ROW // 2**20} MB.")
    last = "".join(parts)
    if last:
        yield [last]


def _parse_object(line: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidFile(f"Line {number} is not valid JSON.") from None
    if not isinstance(value, dict):
        raise InvalidFile(f"Line {number} is not a JSON object.")
    parsed = cast("dict[str, Any]", value)
    if "\\u0000" in line or "\\ud" in line or "\\uD" in line:
        _refuse_unstorable(parsed, number)
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_unstorable(value: object, number: int) -> None:
    """InvalidFile when a text holds a NUL or half of a character, neither of which a database can keep."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise InvalidFile(f"Line {number} has half of a character (a lone surrogate) in a text.") from None
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise InvalidFile(f"Line {number} has a NUL character in a text.")
