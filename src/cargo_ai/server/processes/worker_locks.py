"""Locks of workers: files that they hold locked while they live, so that the next server of the data folder knows at once who died."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cargo_ai.kernel.settings import Settings
from cargo_ai.store import private_files


class WorkerLock:
    """Held from its making to `release`; by the system's doing also when the process dies."""

    def __init__(self, settings: Settings, worker: str) -> None:
        private_files.make_folder(_folder(settings))
        self._file = _folder(settings) / worker
        self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def release(self) -> None:
        """The worker ends in order: nothing of it is left to find."""
        self._file.unlink(missing_ok=True)
        os.close(self._handle)


def find_dead(settings: Settings) -> list[str]:
    """The uuids of workers of this data folder that died without being replaced; each is given once. For who holds the folder's lock."""
    dead: list[str] = []
    for file in sorted(_folder(settings).glob("*")):
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
        file.unlink(missing_ok=True)
        dead.append(file.name)
    return dead


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "workers"
