"""UUIDs as the engine reads them: one object for a value that comes again and again, which most columns of its rows have."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader

MAX = 10_000

_known: dict[bytes, uuid.UUID] = {}


class SharedUUIDLoader(Loader):
    """Psycopg's own makes another object of each value, which takes ten times as long as to find it."""

    def load(self, data: Buffer) -> uuid.UUID:
        text = bytes(data)
        value = _known.get(text)
        if value is None:
            if len(_known) >= MAX:
                _known.clear()
            value = _known[text] = uuid.UUID(int=int(text.replace(b"-", b""), 16))
        return value


def register(connection: psycopg.AsyncConnection[Any]) -> None:
    """Load UUIDs in this way on this connection."""
    connection.adapters.register_loader("uuid", SharedUUIDLoader)
