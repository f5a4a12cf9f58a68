"""Pages of libraries: a process that has loaded what others use lets go of those that it does not use itself."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
from collections.abc import Iterable
from pathlib import Path

SMAPS = Path("/proc/self/smaps")
SETTLED_SECONDS = 60.0
"""After its start, a process has done once what it does only then."""


async def release_when_settled() -> None:
    """Let go, a while after the start, of what only the start has needed."""
    await asyncio.sleep(SETTLED_SECONDS)
    release()


def release() -> None:
    """Have no page of a file in memory that is as it is in the file; one that is needed again comes back from the cache of files.

    Linux only: elsewhere nothing happens.
    """
    if not SMAPS.exists():
        return
    # Without its types, an address would be cut off.
    advise = ctypes.CDLL(None, use_errno=True).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with SMAPS.open() as lines:
        unchanged = _unchanged(lines)
    for begin, end in unchanged:
        # Where the system refuses, the pages stay.
        advise(begin, end - begin, mmap.MADV_DONTNEED)


def _unchanged(smaps: Iterable[str]) -> list[tuple[int, int]]:
    """Begin and end of what is mapped from files, is only read, and has no page of its own, as what the linker has changed has.

    Line by line: all of it is a megabyte, for which this process would grow.
    """
    found: list[tuple[int, int]] = []
    candidate: tuple[int, int] | None = None
    for line in smaps:
        words = line.split()
        if not words[0].endswith(":"):
            is_file = len(words) > 5 and words[5].startswith("/") and words[1] in ("r--p", "r-xp")
            begin, _, end = words[0].partition("-")
            candidate = (int(begin, 16), int(end, 16)) if is_file else None
        elif words[0] == "Anonymous:" and words[1] == "0" and candidate is not None:
            found.append(candidate)
    return found
