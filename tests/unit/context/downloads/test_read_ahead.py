"""Reading ahead: the maker is done before its reader, nothing is lost or mixed up, and both ends are heard of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from cargo_ai.context.downloads import read_ahead as module
from cargo_ai.context.downloads.read_ahead import read_ahead

PARTS = [f"part {number};".encode() for number in range(200)]


async def maker(ended: asyncio.Event, parts: list[bytes] = PARTS) -> AsyncGenerator[bytes]:
    try:
        for part in parts:
            yield part
    finally:
        ended.set()


@pytest.mark.parametrize("memory", [0, 50, 10_000])
async def test_the_maker_ends_while_its_reader_is_slow_and_all_parts_come_in_order(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMORY_BYTES", memory)
    ended, read = asyncio.Event(), list[bytes]()
    async with aclosing(read_ahead(maker(ended))) as parts:
        read.append(await anext(parts))
        await ended.wait()
        async for part in parts:
            read.append(part)
    assert read == PARTS


async def test_a_full_file_makes_the_maker_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100)
    made = list[bytes]()

    async def noted() -> AsyncGenerator[bytes]:
        for part in PARTS:
            made.append(part)
            yield part

    async with aclosing(read_ahead(noted())) as parts:
        first = await anext(parts)
        for _ in range(500):
            await asyncio.sleep(0)
        assert len(made) < 20
        assert [first, *[part async for part in parts]] == PARTS


async def test_what_breaks_the_maker_reaches_the_reader_after_what_was_made() -> None:
    async def broken() -> AsyncGenerator[bytes]:
        yield b"first"
        raise RuntimeError("the database is away")

    read = list[bytes]()
    with pytest.raises(RuntimeError, match="away"):
        async for part in read_ahead(broken()):
            read.append(part)
    assert read == [b"first"]


async def test_a_reader_that_leaves_ends_the_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 1)
    ended = asyncio.Event()
    async with aclosing(read_ahead(maker(ended))) as parts:
        await anext(parts)
        assert not ended.is_set()
    assert ended.is_set()
