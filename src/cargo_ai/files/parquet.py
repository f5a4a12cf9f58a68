"""Parquet: read and write Parquet files as streams in a separate process, so that the server's memory stays flat."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import weakref
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.files.csv_files import csv_lists
from cargo_ai.files.text_files import CHUNK_ROWS, InvalidFile
from cargo_ai.kernel import tasks

ENDING = ".parquet"
MAX_PROCESSES = 2
"""Processes of this kind at a time; the others wait."""
_PIECE = 256 * 1024
_semaphores: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a file as (name, type), and how many rows it has."""

    columns: list[tuple[str, ColumnType]]
    count: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold: bytes of text, and rows. 0: no limit."""

    bytes: int = 0
    rows: int = 0


def is_parquet(name: str) -> bool:
    """Whether a file is Parquet, by its name."""
    return name.lower().endswith(ENDING)


@asynccontextmanager
async def temporary_file(stream: AsyncIterator[bytes]) -> AsyncGenerator[Path]:
    """The stream as a file on disk while the context lasts: Parquet is read from its end."""
    with tempfile.NamedTemporaryFile(prefix="cargo-ai-", suffix=ENDING) as file:
        async for part in stream:
            await asyncio.to_thread(file.write, part)
        await asyncio.to_thread(file.flush)
        yield Path(file.name)


async def read_shape(path: Path) -> Shape:
    """Columns and count of a file, from its schema. InvalidFile when it is not Parquet."""
    async with _run_process("shape", str(path)) as child:
        text, _ = await child.communicate()
    shape = json.loads(text)
    return Shape([(str(name), kind) for name, kind in shape["columns"]], int(shape["count"]))


async def read_lists(path: Path, limits: Limits, columns: Sequence[str] = ()) -> AsyncGenerator[tuple[list[str], int, list[list[str]]]]:
    """The rows as texts, as `csv_lists` gives those of a CSV file; the first row is row 1. `columns`: those to read, in their order; by
    default all. InvalidFile, also where there are more than the limits allow, which shows only after rows were read."""
    async with _run_process("rows", str(path), str(limits.bytes), str(limits.rows), *columns) as child:
        assert child.stdout is not None
        async with aclosing(csv_lists(_read(child.stdout))) as chunks:
            async for columns, first, rows in chunks:
                yield columns, first - 1, rows


async def read_chunks(
    stream: AsyncIterator[bytes], limits: Limits, size: int = CHUNK_ROWS, *, skip: int = 0
) -> AsyncGenerator[list[dict[str, str]]]:
    """The rows of a Parquet file as `csv_chunks` gives those of a CSV file: as dicts of texts, without the first `skip`. InvalidFile."""
    async with temporary_file(stream) as path, aclosing(read_lists(path, limits)) as parts:
        async for columns, _, page in parts:
            rows, skip = page[skip:], max(0, skip - len(page))
            for start in range(0, len(rows), size):
                yield [dict(zip(columns, row, strict=True)) for row in rows[start : start + size]]


async def encode(
    parts: AsyncIterator[bytes], form: Literal["csv", "lines"], columns: Sequence[str] | None, types: Mapping[str, str] | None
) -> AsyncGenerator[bytes]:
    """A Parquet file of rows that come as CSV without a header, in parts of whole rows, or as JSON lines. `types`: the column types,
    which CSV needs; without them a column is what all its values are. Objects, arrays and mixtures become JSON text."""
    header = {"form": form, "columns": None if columns is None else list(columns), "types": None if types is None else dict(types)}
    async with _run_process("write") as child:
        assert child.stdin is not None and child.stdout is not None
        feed = asyncio.create_task(_feed(child, json.dumps(header).encode() + b"\n", parts, measured=form == "csv"))
        try:
            async for part in _read(child.stdout):
                yield part
            await feed
        finally:
            await tasks.cancel(feed)


async def clear(path: Path, column: str, values: Sequence[str], cleared: Sequence[str]) -> AsyncGenerator[bytes]:
    """The file, with the columns `cleared` left empty in the rows that have one of the values in the column. InvalidFile."""
    wanted = json.dumps({"column": column, "values": list(values), "clear": list(cleared)}).encode()

    async def once() -> AsyncGenerator[bytes]:
        yield wanted

    async with _run_process("clear", str(path)) as child:
        assert child.stdin is not None and child.stdout is not None
        feed = asyncio.create_task(_feed(child, b"", once(), measured=False))
        try:
            async for part in _read(child.stdout):
                yield part
            await feed
        finally:
            await tasks.cancel(feed)


async def _feed(child: Process, first: bytes, parts: AsyncIterator[bytes], *, measured: bool) -> None:
    pipe = child.stdin
    assert pipe is not None
    try:
        pipe.write(first)
        async for part in parts:
            if part and measured:
                pipe.write(b"%d\n" % len(part))
            pipe.write(part)
            await pipe.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # the process ended early: its exit code says why
    except BaseException:
        # Were the pipe closed, what has come so far would pass for all of it.
        if child.returncode is None:
            child.kill()
        raise
    pipe.close()


async def _read(pipe: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    while part := await pipe.read(_PIECE):
        yield part


@asynccontextmanager
async def _run_process(*words: str) -> AsyncGenerator[Process]:
    """The process; InvalidFile where it ends by saying that the file is wrong. It is killed where the context is left early."""
    places = _semaphores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MAX_PROCESSES))
    with tempfile.TemporaryFile() as said:
        async with places:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cargo_ai.files.parquet_process", *words, stdin=PIPE, stdout=PIPE, stderr=said, limit=2 * _PIECE
            )
            try:
                yield child
                code = await child.wait()
            except InvalidFile:
                # Half a file of text is only what the process left behind.
                code = child.returncode
                if code in {None, 0}:
                    raise
            finally:
                if child.returncode is None:
                    await _end(child)
        if code:
            said.seek(0)
            sentence = said.read().decode(errors="replace").strip() if code == 3 else ""
            raise InvalidFile(sentence or "The Parquet file could not be handled: it is damaged, or needs too much memory.")


async def _end(child: Process) -> None:
    """Kill the process and wait for its end. asyncio waits for its pipes as well, and a pipe that no one reads stays full: read it out."""
    child.kill()
    assert child.stdout is not None
    async for _ in _read(child.stdout):
        pass
    await child.wait()
