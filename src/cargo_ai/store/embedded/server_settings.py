"""The settings of the embedded PostgreSQL: those of a new database, and those that an older one was made without."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

# initdb writes these into postgresql.conf, where an administrator may change them.
SETTINGS = {
    "shared_buffers": "192MB",
    "work_mem": "16MB",
    "max_wal_size": "1GB",
    "max_connections": "100",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_logical_replication_workers": "0",
    # No other server follows this one.
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    "jit": "off",
    "huge_pages": "try",
    # By default a 32nd of the shared buffers, and all of it is touched at the start.
    "wal_buffers": "1MB",
    # Each look is a process for every database.
    "autovacuum_naptime": "2min",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_duration_statement": "-1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
SINCE_18 = {
    # Each takes shared memory for every connection that there may be; by default four times as much as one connection uses.
    "io_max_concurrency": "16",
    # What is read is in the system's cache mostly: processes that only read save no time then, and cost 8 MB.
    "io_method": "sync",
}
ON_LINUX = {
    # After a crash: one call instead of one for each of two thousand files.
    "recovery_init_sync_method": "syncfs",
}
# Given on the command line of every start: only there nothing overrides them.
NEVER_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

_FILES = ("postgresql.conf", "postgresql.auto.conf")
_FIRST_WORD = re.compile(r"^[ \t]*(\w+)", re.MULTILINE)
_INCLUDES = {"include", "include_if_exists", "include_dir"}
_FOLLOWED = {"max_wal_senders", "max_replication_slots"}


def settings_of(major: int) -> dict[str, str]:
    """The settings of a new database of this version of PostgreSQL."""
    return SETTINGS | (SINCE_18 if major >= 18 else {}) | (ON_LINUX if sys.platform == "linux" else {})


def missing(data: Path, major: int) -> dict[str, str]:
    """Those of them that are written nowhere in this data folder, which an earlier version has made: what is written there stays as it is.

    None where other files are included; a server that keeps what others have not read yet may still be followed.
    """
    written = {word.lower() for file in _FILES for word in _FIRST_WORD.findall(_read(data / file))}
    if written & _INCLUDES:
        return {}
    if any((data / "pg_replslot").glob("*")):
        written |= _FOLLOWED
    return {name: value for name, value in settings_of(major).items() if name not in written}


def _read(file: Path) -> str:
    try:
        # The folder belongs to the database's user: root must not follow a link in it.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    with os.fdopen(handle, errors="replace") as text:
        return text.read()
