"""A service on loopback that says back what it was sent, and that misbehaves on request: slow, cut off, huge, compressed, redirecting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Heard:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Say:
    """An answer. `raw` is written instead of a well-formed one; `delay` seconds before it; `reset` breaks the connection."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    raw: bytes | None = None
    reset: bool = False


Answerer = Callable[[Heard], "Say | Awaitable[Say]"]


def echo(heard: Heard) -> Say:
    """What was sent, as JSON."""
    said = {
        "method": heard.method,
        "path": heard.path,
        "query": heard.query,
        "headers": heard.headers,
        "body": heard.body.decode("utf-8", "replace"),
    }
    return Say(body=json.dumps(said).encode(), headers={"content-type": "application/json"})


class EchoService:
    """The service: `answers` by path, everything else is echoed; `heard` keeps what came in."""

    def __init__(self) -> None:
        self.answers: dict[str, Answerer] = {}
        self.heard: list[Heard] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, answer: Say | Answerer) -> None:
        """What to answer on a path."""
        self.answers[path] = (lambda _heard: answer) if isinstance(answer, Say) else answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        heard = Heard(method, parts.path, parse_qsl(parts.query, keep_blank_values=True), headers, body)
        self.heard.append(heard)
        said = self.answers.get(parts.path, echo)(heard)
        answer = said if isinstance(said, Say) else await said
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.reset:
            writer.transport.abort()
            return False
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return False
        writer.write(_bytes_of(answer, method))
        await writer.drain()
        return True


def _bytes_of(answer: Say, method: str) -> bytes:
    headers = {"content-length": str(len(answer.body))} | answer.headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} Said\r\n{lines}\r\n".encode("latin-1") + (b"" if method == "HEAD" else answer.body)


@asynccontextmanager
async def echo_service(host: str = "127.0.0.1") -> AsyncGenerator[EchoService]:
    """A running service on a free port of loopback."""
    service = EchoService()
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(service.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.gather(task, return_exceptions=True)

    server = await asyncio.start_server(connected, host, 0, backlog=512)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
