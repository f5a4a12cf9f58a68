"""Rotate the server's logs: bound their size while several processes append to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cargo_ai.kernel import clock, log

CHECK_SECONDS = 5.0

_log = log.get(__name__)


class Rotation:
    """Keeps each log below a size, with its predecessor beside it as `.1`."""

    def __init__(self, paths: Sequence[Path], most_bytes: int) -> None:
        self._paths, self._most_bytes = paths, most_bytes
        self._next_check = 0.0

    def check(self) -> None:
        """Rotate what has become too large. Call it often: it looks every `CHECK_SECONDS`."""
        now = clock.seconds()
        if now < self._next_check or not self._most_bytes:
            return
        self._next_check = now + CHECK_SECONDS
        for path in self._paths:
            try:
                rotate(path, self._most_bytes)
            except FileNotFoundError:
                continue
            except OSError as error:
                _log.warning("a log could not be rotated", path=str(path), cause=str(error))


def rotate(path: Path, most_bytes: int) -> bool:
    """Copy a log above the size to `.1` and empty it; whether it was. Everyone appends to the same file, so it must not be renamed."""
    if path.stat().st_size <= most_bytes:
        return False
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    source = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    target = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # One that grew far beyond the size between two looks keeps its end.
        os.lseek(source, max(0, os.fstat(source).st_size - most_bytes), os.SEEK_SET)
        while chunk := os.read(source, 1 << 20):
            os.write(target, chunk)
        os.ftruncate(source, 0)
    finally:
        os.close(source)
        os.close(target)
    draft.replace(path.with_name(f"{path.name}.1"))
    return True
