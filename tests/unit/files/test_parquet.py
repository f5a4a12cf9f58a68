"""Parquet files are read by a process of their own, which ends whatever becomes of its reader."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.files import parquet
from cargo_ai.files.text_files import InvalidFile

# pyarrow has no types of its own.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose rows fill every buffer between the process and its reader."""
    path = tmp_path_factory.mktemp("large") / "large.parquet"
    pq.write_table(pa.table({"domain": [f"d{number}.example" for number in range(600_000)]}), path)
    return path


async def be_busy() -> None:
    """Handle one chunk for long enough that the process fills every buffer on the way."""
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.3
    while loop.time() < until:  # noqa: ASYNC110
        await asyncio.sleep(0)  # not for an event: time passes while the loop fills the buffers


async def test_readers_that_leave_after_the_first_rows_keep_no_place(large_file: Path) -> None:
    for _ in range(parquet.MAX_PROCESSES + 1):
        async with asyncio.timeout(60), aclosing(parquet.read_lists(large_file, parquet.Limits())) as parts:
            async for _, first, rows in parts:
                assert (first, rows[0]) == (1, ["d0.example"])
                await be_busy()
                break


async def test_readers_that_fail_in_the_middle_keep_no_place(large_file: Path) -> None:
    for _ in range(parquet.MAX_PROCESSES + 1):
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(60), aclosing(parquet.read_lists(large_file, parquet.Limits())) as parts:
                async for _ in parts:
                    await be_busy()
                    raise ZeroDivisionError


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of some KB that holds 30 MB of text: 20,000 times the same one of 1,500 characters."""
    path = tmp_path_factory.mktemp("bomb") / "bomb.parquet"
    pq.write_table(pa.table({"text": ["x" * 1_500] * 20_000}), path)
    assert path.stat().st_size < 20_000
    return path


async def read_all(path: Path, limits: parquet.Limits) -> int:
    count = 0
    async with asyncio.timeout(60), aclosing(parquet.read_lists(path, limits)) as parts:
        async for _, _, rows in parts:
            count += len(rows)
    return count


async def test_a_small_file_that_unpacks_to_a_large_one_is_broken_off(bomb: Path) -> None:
    with pytest.raises(InvalidFile, match=r"Unpacked, the file holds more than the 20,000,000 bytes .*CARGO_AI_MAX_UNPACKED_BYTES"):
        await read_all(bomb, parquet.Limits(bytes=20_000_000))


async def test_a_file_with_more_rows_than_a_workspace_may_keep_is_refused_before_it_is_read(bomb: Path) -> None:
    with pytest.raises(InvalidFile, match=r"The file has 20,000 rows; a workspace may keep 19,999 \(CARGO_AI_MAX_RECORDS\)"):
        await read_all(bomb, parquet.Limits(rows=19_999))


async def test_a_file_within_its_limits_is_read_whole(bomb: Path) -> None:
    assert await read_all(bomb, parquet.Limits(bytes=40_000_000, rows=20_000)) == 20_000
