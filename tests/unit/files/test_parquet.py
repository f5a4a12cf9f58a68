"""Parquet files are read by a process of their own, which ends whatever becomes of its reader."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.files import parquet

# pyarrow has no types of its own.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """A file whose rows fill every buffer between the process and its reader."""
    path = tmp_path / "large.parquet"
    pq.write_table(pa.table({"domain": [f"d{number}.example" for number in range(600_000)]}), path)
    return path


async def be_busy() -> None:
    """Handle one chunk for long enough that the process fills every buffer on the way."""
    loop = asyncio.get_running_loop()
    until = loop.time() + 1
    while loop.time() < until:  # noqa: ASYNC110
        await asyncio.sleep(0)  # not for an event: time passes while the loop fills the buffers


async def test_readers_that_leave_after_the_first_rows_keep_no_place(large_file: Path) -> None:
    for _ in range(parquet.MAX_PROCESSES + 1):
        async with asyncio.timeout(60), aclosing(parquet.read_lists(large_file)) as parts:
            async for _, first, rows in parts:
                assert (first, rows[0]) == (1, ["d0.example"])
                await be_busy()
                break


async def test_readers_that_fail_in_the_middle_keep_no_place(large_file: Path) -> None:
    for _ in range(parquet.MAX_PROCESSES + 1):
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(60), aclosing(parquet.read_lists(large_file)) as parts:
                async for _ in parts:
                    await be_busy()
                    raise ZeroDivisionError
