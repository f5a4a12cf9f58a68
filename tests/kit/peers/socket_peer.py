"""A service on a socket that does what a test says with each connection: answers byte by byte, stops in the middle, breaks it."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Peer:
    """A service that does with each connection what the test says. `received`: all bytes by connection."""

    port: int = 0
    received: list[bytearray] = field(default_factory=list[bytearray])
    open: int = 0
    most_open: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/secret?key=secret"

    async def until_closed(self) -> None:
        """Wait until every connection is closed by its client."""
        await self.until(lambda: not self.open)

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(5):
            async with self.changed:
                await self.changed.wait_for(met)

    async def count(self, more: int) -> None:
        """A connection was opened or closed."""
        async with self.changed:
            self.open += more
            self.most_open = max(self.most_open, self.open)
            self.changed.notify_all()


Behave = Callable[["Peer", StreamReader, StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(behave: Behave, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Peer]:
    """A running service that behaves like this on each connection and then reads on until its end."""
    running = Peer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await running.count(1)
        running.received.append(bytearray())
        try:
            await behave(running, reader, writer)
            while await reader.read(65536):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            await running.count(-1)

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.gather(task, return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request_of(running: Peer, reader: StreamReader) -> bytes:
    """The head of the next request of the connection that was opened last."""
    head = await reader.readuntil(b"\r\n\r\n")
    running.received[-1] += head
    return head


def answering(*answers: bytes, step: int = 0) -> Behave:
    """One answer after the other, in pieces of `step` bytes."""

    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        for answer in answers:
            await request_of(running, reader)
            for at in range(0, len(answer), step or len(answer)):
                writer.write(answer[at : at + (step or len(answer))])
                await writer.drain()
                if step:
                    await asyncio.sleep(0)

    return behave
