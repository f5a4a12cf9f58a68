"""Files and folders that only their owner may read, written at once and durably."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def make_folder(path: Path) -> None:
    """Create a 0700 folder, with its parents; one that exists keeps its mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def open_to_append(path: Path) -> int:
    """A descriptor that appends to a 0600 file; an existing file of ours is closed to others."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & 0o077:
        os.fchmod(handle, 0o600)
    return handle


def write(path: Path, text: str, owner: tuple[int, int] | None = None) -> None:
    """Write a 0600 file, whole or not at all; root can give it to another uid and gid."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", errors="surrogateescape") as file:
        if owner is not None and os.geteuid() == 0:
            os.fchown(handle, *owner)
        file.write(text)
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
