"""A sealed file opens whole or not at all: cut off, changed, reordered, continued or under another passphrase it is refused."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import pytest

from cargo_ai.server.backup import sealed_stream
from cargo_ai.server.backup.refusals import InvalidBackup
from cargo_ai.server.backup.sealed_stream import CHUNK_BYTES, HEADER_BYTES, SealedReader, SealedWriter

PASSPHRASE = "correct horse battery"
FRAME = CHUNK_BYTES + 16 + 4


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many keys are derived here that each must be cheap."""
    monkeypatch.setattr(sealed_stream, "SCRYPT_COST", 2)


def sealed(content: bytes) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, PASSPHRASE)
    writer.write(content)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_was_sealed_is_read_again(size: int) -> None:
    content = os.urandom(size)
    file = io.BytesIO(sealed(content))
    SealedReader(file, PASSPHRASE).verify()
    reader = SealedReader(file, PASSPHRASE)
    assert reader.read(size // 3) + reader.read(size - size // 3) == content
    with pytest.raises(InvalidBackup, match="ends before its content does"):
        reader.read(1)


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "not a backup"),
    "something else": (lambda _: b"PK\x03\x04" * 100, "not a backup"),
    "a newer format": (lambda whole: b"cargo-ai backup2" + whole[16:], "newer version"),
    "cut in the header": (lambda whole: whole[:20], "cut off"),
    "cut in a length": (lambda whole: whole[: HEADER_BYTES + FRAME + 2], "cut off"),
    "cut in a chunk": (lambda whole: whole[:-1], "cut off"),
    "cut between chunks": (lambda whole: whole[: HEADER_BYTES + FRAME], "cut off"),
    "a changed salt": (lambda whole: whole[:16] + b"\0" * 16 + whole[32:], "passphrase"),
    "a changed check": (lambda whole: whole[:32] + b"\0" * 16 + whole[48:], "passphrase"),
    "a changed byte": (lambda whole: whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], "changed"),
    "a changed length": (lambda whole: whole[:HEADER_BYTES] + b"\x7f" + whole[HEADER_BYTES + 1 :], "changed"),
    "chunks exchanged": (
        lambda whole: (
            whole[:HEADER_BYTES] + whole[HEADER_BYTES + FRAME : HEADER_BYTES + 2 * FRAME] + whole[HEADER_BYTES : HEADER_BYTES + FRAME]
        ),
        "changed",
    ),
    "a chunk left out": (lambda whole: whole[:HEADER_BYTES] + whole[HEADER_BYTES + FRAME :], "changed"),
    "an end too early": (lambda whole: whole[:HEADER_BYTES] + b"\x80" + whole[HEADER_BYTES + 1 :], "changed"),
    "something behind the end": (lambda whole: whole + b"x", "follows its end"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused(name: str) -> None:
    damage, message = DAMAGES[name]
    file = io.BytesIO(damage(sealed(b"x" * (3 * CHUNK_BYTES))))
    with pytest.raises(InvalidBackup, match=message):
        SealedReader(file, PASSPHRASE).verify()


def test_another_passphrase_is_refused() -> None:
    with pytest.raises(InvalidBackup, match="passphrase"):
        SealedReader(io.BytesIO(sealed(b"x")), "another one")


def test_two_files_of_one_passphrase_have_nothing_in_common() -> None:
    one, other = sealed(b"x" * 100), sealed(b"x" * 100)
    assert one[16:48] != other[16:48]
    assert one[52:] != other[52:]
