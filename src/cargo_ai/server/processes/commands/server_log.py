"""Show the log of a detached server: its last lines, and with `follow` those that come."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

POLL_SECONDS = 0.3
BLOCK = 1 << 16


def last_lines(path: Path, count: int) -> tuple[bytes, int]:
    """The last lines of a log, `count` of them, read from its end, and where they end."""
    with path.open("rb") as file:
        end = at = file.seek(0, os.SEEK_END)
        text = b""
        while at > 0 and text.count(b"\n") <= count:
            begin = max(0, at - BLOCK)
            file.seek(begin)
            text = file.read(at - begin) + text
            at = begin
    lines = text.splitlines(keepends=True)
    return b"".join(lines[-count:] if count else []), end


def follow(path: Path, position: int) -> Iterator[bytes]:
    """What is appended from a position on, forever. A log that became shorter was rotated: it begins again."""
    while True:
        size = path.stat().st_size if path.exists() else 0
        if size < position:
            position = 0
        if size > position:
            with path.open("rb") as file:
                file.seek(position)
                text = file.read(min(size - position, 1 << 20))
            position += len(text)
            yield text
        else:
            time.sleep(POLL_SECONDS)
