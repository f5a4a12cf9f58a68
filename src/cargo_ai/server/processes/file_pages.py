"""Pages of libraries: a process that has loaded what others use lets go of those that it does not use itself."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

SMAPS = Path("/proc/self/smaps")


def release() -> None:
    """Have no page of a file in memory that is as it is in the file; one that is needed again comes back from the cache of files.

    Linux only: elsewhere nothing happens.
    """
    if not SMAPS.exists():
        return
    # Without its types, an address would be cut off.
    advise = ctypes.CDLL(None, use_errno=True).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for begin, end in _unchanged(SMAPS.read_text()):
        # Where the system refuses, the pages stay.
        advise(begin, end - begin, mmap.MADV_DONTNEED)


def _unchanged(smaps: str) -> list[tuple[int, int]]:
    """Begin and end of what is mapped from files, is only read, and has no page of its own, as what the linker has changed has."""
    found: list[tuple[int, int]] = []
    candidate: tuple[int, int] | None = None
    for line in smaps.splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            is_file = len(words) > 5 and words[5].startswith("/") and words[1] in ("r--p", "r-xp")
            begin, _, end = words[0].partition("-")
            candidate = (int(begin, 16), int(end, 16)) if is_file else None
        elif words[0] == "Anonymous:" and words[1] == "0" and candidate is not None:
            found.append(candidate)
    return found
