"""The disks that this server writes to, and whether one of them is full."""

from __future__ import annotations

import os
import shutil

from cargo_ai.kernel.settings import Settings
from cargo_ai.store.embedded import identity, roles

LEAST_FREE_BYTES = 32 * 2**20
"""Two segments of PostgreSQL's log: with less, it stops at the next one."""

FIX = "Make room there; the server then goes on by itself."


def full_disk(settings: Settings, database_url: str) -> str | None:
    """A sentence when the disk of the data folder is full or, where it is elsewhere, that of the embedded database. Blocks on the disk."""
    folders = [settings.data_dir, *([identity.ROOT_HOME] if os.geteuid() == 0 and roles.OWNER in database_url else [])]
    for folder in folders:
        try:
            free = shutil.disk_usage(folder).free
        except OSError:  # with another database, there may be no folder
            continue
        if free < LEAST_FREE_BYTES:
            return f"The disk of {folder} is full ({free // 2**20} MB free)."
    return None
