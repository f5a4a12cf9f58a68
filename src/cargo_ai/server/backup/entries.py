"""Entries of a backup: named streams one after the other, whose lengths need not be known before they are written."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from cargo_ai.server.backup.refusals import InvalidBackup
from cargo_ai.server.backup.sealed_stream import SealedReader, SealedWriter

Kind = Literal["manifest", "database", "file", "end"]
MAX_NAME_BYTES = 64 * 1024
MAX_BLOCK_BYTES = 4 * 1024 * 1024
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup was made of. `secret_key`: the text of the installation's key."""

    version: str
    revision: str
    created_at: str
    secret_key: str


class EntryWriter:
    """Writes entries into a sealed stream."""

    def __init__(self, sealed: SealedWriter) -> None:
        self._sealed = sealed

    def begin(self, kind: Kind, name: str = "") -> None:
        """Begin an entry."""
        head = json.dumps([kind, name]).encode()
        self._sealed.write(_LENGTH.pack(len(head)) + head)

    def add(self, block: bytes) -> None:
        """Add bytes to the entry."""
        for start in range(0, len(block), MAX_BLOCK_BYTES):
            part = block[start : start + MAX_BLOCK_BYTES]
            self._sealed.write(_LENGTH.pack(len(part)))
            self._sealed.write(part)

    def finish(self) -> None:
        """End the entry."""
        self._sealed.write(_LENGTH.pack(0))

    def manifest(self, manifest: Manifest) -> None:
        """The first entry."""
        self.begin("manifest")
        self.add(json.dumps(asdict(manifest)).encode())
        self.finish()


class EntryReader:
    """Reads entries from a sealed stream, in order; each must be read to its end before the next."""

    def __init__(self, sealed: SealedReader) -> None:
        self._sealed = sealed

    def next(self) -> tuple[str, str]:
        """Kind and name of the next entry."""
        size = self._length(MAX_NAME_BYTES)
        kind, name = json.loads(self._sealed.read(size))
        return str(kind), str(name)

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the entry, to its end."""
        while size := self._length(MAX_BLOCK_BYTES):
            yield self._sealed.read(size)

    def manifest(self) -> Manifest:
        """The first entry."""
        kind, _ = self.next()
        if kind != "manifest":
            raise InvalidBackup("This backup does not begin with what it was made of.")
        return Manifest(**json.loads(b"".join(self.blocks())))

    def _length(self, most: int) -> int:
        (size,) = _LENGTH.unpack(self._sealed.read(_LENGTH.size))
        if size > most:
            raise InvalidBackup("This backup holds something that this version cannot read.")
        return int(size)
