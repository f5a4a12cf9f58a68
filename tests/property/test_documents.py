"""Mutated documents: whatever is done to a file, it is read or refused by a sentence, in bounded time and memory."""

from __future__ import annotations

import io
import random
import resource
import zipfile
from collections.abc import Callable

import pytest

from cargo_ai.files.documents import process
from cargo_ai.files.documents.blocks import Unreadable
from tests.kit import documents

SEED = 20_261_127
ROUNDS = 40
Mutate = Callable[[random.Random, bytes], bytes]


def _flip(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 20)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _cut(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randrange(1, len(data))]


def _repeat(dice: random.Random, data: bytes) -> bytes:
    start = dice.randrange(len(data))
    piece = data[start : start + dice.randint(1, 400)]
    return data[:start] + piece * dice.randint(2, 50) + data[start:]


def _swap_numbers(dice: random.Random, data: bytes) -> bytes:
    for digit in dice.sample(b"123456789", 2):
        data = data.replace(bytes([digit]), bytes([dice.choice(b"0123456789")]) * dice.randint(1, 9), dice.randint(1, 5))
    return data


MUTATIONS: tuple[Mutate, ...] = (_flip, _cut, _repeat, _swap_numbers)


def _inside(dice: random.Random, data: bytes) -> bytes:
    """The archive with one of its parts mutated: otherwise nearly all would end at a checksum."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = dice.choice(sorted(parts))
    parts[name] = dice.choice(MUTATIONS)(dice, parts[name])
    return documents.archive(parts)


KINDS = {
    "a.pdf": documents.pdf(["Welcome to Acme.\nSecond line.", "Vacation is 30 days."]),
    "a.docx": documents.docx([("Refunds", "Heading1"), ("Within 30 days.", None)]),
    "a.xlsx": documents.xlsx({"Prices": [["Plan", "Price"], ["Starter", 19], ["Growth", 99.5]]}),
    "a.csv": b'plan,price\n"Starter, small",19\nGrowth,99\n',
    "a.html": b"<html><h1>A</h1><p>one<br>two</p><table><tr><td>1</td></tr></table><script>x</script></html>",
    "a.md": b"# One\n\ntext\n\nTwo\n---\n\n```\ncode\n```\n- item\n",
}


@pytest.mark.parametrize("name", KINDS)
def test_a_mutated_document_is_read_or_refused(name: str) -> None:
    """In this process: what the child catches is caught here, anything else fails. The limits of the child have tests of their own."""
    dice = random.Random(f"{SEED} {name}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for _ in range(ROUNDS):
        data = KINDS[name]
        if name.endswith(("docx", "xlsx")) and dice.random() < 0.8:
            data = _inside(dice, data)
        else:
            for mutate in dice.sample(MUTATIONS, dice.randint(1, 2)):
                data = mutate(dice, data) or b"x"
        out = io.StringIO()
        try:
            process.write(process.read(io.BytesIO(data), name), out)
        except Unreadable as refused:
            assert str(refused)
        except Exception as error:  # parsers fail in any way: `main` makes a sentence of it
            assert not isinstance(error, MemoryError | AssertionError), repr(error)
        assert len(out.getvalue()) < 5_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 30
