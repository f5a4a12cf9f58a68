"""Sealed stream: bytes of any length in authenticated chunks, so that a file that was cut off, changed or reordered is noticed.

Format: MAGIC, salt, check; then per chunk four bytes of length (the highest bit marks the last chunk) and the AES-256-GCM ciphertext. The
nonce is the chunk's number with the last-chunk mark, the header is authenticated with every chunk. The key is derived from the passphrase
with scrypt and the salt, so no key is used for two files; `check` tells a wrong passphrase from a damaged file.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cargo_ai.server.backup.refusals import InvalidBackup

MAGIC = b"cargo-ai backup1"
SALT_BYTES = CHECK_BYTES = 16
HEADER_BYTES = len(MAGIC) + SALT_BYTES + CHECK_BYTES
CHUNK_BYTES = 1024 * 1024
TAG_BYTES = 16
# 64 MB and a fifth of a second for each guess.
SCRYPT_COST = 2**16
_LAST = 1 << 31
_LENGTH = struct.Struct(">I")


def _keys(passphrase: str, salt: bytes) -> tuple[AESGCM, bytes]:
    derived = Scrypt(salt=salt, length=32 + CHECK_BYTES, n=SCRYPT_COST, r=8, p=1).derive(passphrase.encode())
    return AESGCM(derived[:32]), derived[32:]


def _nonce(number: int, *, last: bool) -> bytes:
    return struct.pack(">IQ", int(last), number)


class SealedWriter:
    """Seals what is written to a file; `close` writes the last chunk, without which nothing can be read."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        salt = os.urandom(SALT_BYTES)
        self._cipher, check = _keys(passphrase, salt)
        self._file, self._header, self._buffer, self._number = file, MAGIC + salt + check, bytearray(), 0
        file.write(self._header)

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._buffer += data
        while len(self._buffer) > CHUNK_BYTES:
            self._seal(bytes(self._buffer[:CHUNK_BYTES]), last=False)
            del self._buffer[:CHUNK_BYTES]

    def close(self) -> None:
        """Write what is left, marked as the end."""
        self._seal(bytes(self._buffer), last=True)
        self._buffer.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), chunk, self._header)
        self._file.write(_LENGTH.pack(len(sealed) | (_LAST if last else 0)))
        self._file.write(sealed)
        self._number += 1


class SealedReader:
    """Opens a sealed file from its beginning. InvalidBackup as soon as something is wrong."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        file.seek(0)
        header = file.read(HEADER_BYTES)
        if not header.startswith(MAGIC[:-1]):
            raise InvalidBackup("This file is not a backup of cargo-ai.")
        if not header.startswith(MAGIC):
            raise InvalidBackup("This backup was made by a newer version of cargo-ai: restore it with that one.")
        if len(header) < HEADER_BYTES:
            raise InvalidBackup("This backup was cut off.")
        self._cipher, check = _keys(passphrase, header[len(MAGIC) : -CHECK_BYTES])
        if not hmac.compare_digest(check, header[-CHECK_BYTES:]):
            raise InvalidBackup(
                "The passphrase is not the one that this backup was made with (or the first bytes of the file were changed)."
            )
        self._file, self._header = file, header
        self._chunks = self._open_chunks()
        self._buffer = bytearray()

    def verify(self) -> None:
        """Read to the end. InvalidBackup unless the file is whole and unchanged."""
        for _ in self._chunks:
            pass

    def read(self, size: int) -> bytes:
        """Exactly this many bytes."""
        while len(self._buffer) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise InvalidBackup("This backup ends before its content does.")
            self._buffer += chunk
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _open_chunks(self) -> Iterator[bytes]:
        number, last = 0, False
        while not last:
            length = self._file.read(_LENGTH.size)
            if len(length) < _LENGTH.size:
                raise InvalidBackup(f"This backup was cut off after {self._file.tell()} bytes.")
            (marked,) = _LENGTH.unpack(length)
            last, size = bool(marked & _LAST), marked & ~_LAST
            if not TAG_BYTES <= size <= CHUNK_BYTES + TAG_BYTES:
                raise InvalidBackup(f"This backup was changed after it was made (near byte {self._file.tell()}).")
            sealed = self._file.read(size)
            if len(sealed) < size:
                raise InvalidBackup(f"This backup was cut off after {self._file.tell()} bytes.")
            try:
                chunk = self._cipher.decrypt(_nonce(number, last=last), sealed, self._header)
            except InvalidTag:
                raise InvalidBackup(f"This backup was changed after it was made (near byte {self._file.tell()}).") from None
            if last and self._file.read(1):
                raise InvalidBackup("This backup was changed after it was made: something follows its end.")
            number += 1
            yield chunk
