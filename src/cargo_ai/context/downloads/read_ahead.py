"""Read ahead: take what is made as fast as it comes, and keep what a slow reader has not taken in memory, then in a file."""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import IO

MAX_MEMORY_BYTES = 4 * 1024**2
MAX_FILE_BYTES = 2 * 1024**3
"""What is made waits for its reader beyond that."""


async def read_ahead(parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The parts in their order. Their maker, and what it holds, is done as soon as it can be, however slowly they are read."""
    waiting = _Waiting()
    task = asyncio.create_task(_take_all(parts, waiting))
    try:
        while not task.done() or waiting.bytes:
            while (part := waiting.take()) is not None:
                yield part
            if not task.done():
                await waiting.changed(task)
        await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
        waiting.close()


async def _take_all(parts: AsyncGenerator[bytes], waiting: _Waiting) -> None:
    async with aclosing(parts):
        async for part in parts:
            waiting.put(part)
            await waiting.room()


class _Waiting:
    """What has been made and not been read: the first of it in memory, what came after that was full in a file."""

    def __init__(self) -> None:
        self._memory: deque[bytes] = deque()
        self._in_file: deque[int] = deque()
        self._file: IO[bytes] | None = None
        self._read = self._written = 0
        self.bytes = 0
        self._came, self._went = asyncio.Event(), asyncio.Event()

    def put(self, part: bytes) -> None:
        self.bytes += len(part)
        self._came.set()
        if not self._in_file and self.bytes <= MAX_MEMORY_BYTES:
            self._memory.append(part)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._file.seek(self._written)
        self._written += self._file.write(part)
        self._in_file.append(len(part))

    def take(self) -> bytes | None:
        """The next part; None where nothing waits."""
        if not self.bytes:
            return None
        part = self._memory.popleft() if self._memory else self._take_from_file()
        self.bytes -= len(part)
        self._went.set()
        return part

    def _take_from_file(self) -> bytes:
        assert self._file is not None, "what is not in memory was written to the file"
        self._file.seek(self._read)
        part = self._file.read(self._in_file.popleft())
        self._read += len(part)
        if not self._in_file:
            # Its room is given back: the next parts are in memory again.
            self._file.truncate(0)
            self._read = self._written = 0
        return part

    async def room(self) -> None:
        """Return when no more waits than may; let the reader have its turn in any case."""
        await asyncio.sleep(0)
        while self.bytes > MAX_FILE_BYTES:
            self._went.clear()
            await self._went.wait()

    async def changed(self, maker: asyncio.Task[None]) -> None:
        """Return when there is another part, or no more will come."""
        self._came.clear()
        came = asyncio.create_task(self._came.wait())
        await asyncio.wait([came, maker], return_when=asyncio.FIRST_COMPLETED)
        came.cancel()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
