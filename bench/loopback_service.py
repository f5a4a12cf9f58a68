"""A service in a process of its own, for benchmarks: plain HTTP on the loopback, connections kept open, requests without a body."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from bench.temporary_server import ROOT

MAX_WAITING = 4_096


class Connection(asyncio.Protocol):
    """One connection. A service says in `handle` what it does with a request."""

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Handle each whole request at the time of its arrival."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            target, self._read = self._read[: self._read.find(b" HTTP/")].split(b" ", 1)[1], self._read[end + 4 :]
            self.handle(target)

    def handle(self, target: bytes) -> None:
        """Answer a request, now or later."""
        raise NotImplementedError

    def answer(self, document: object, status: str = "200 OK", headers: str = "") -> None:
        """Send a JSON document, unless the client has gone. `headers`: more of them, with the end of each line."""
        if not self._transport.is_closing():
            body = json.dumps(document).encode()
            head = f"HTTP/1.1 {status}\r\n{headers}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write(head.encode() + body)


@contextmanager
def running(module: str, *arguments: str) -> Generator[str]:
    """The service of a module in a process of its own; yields its URL."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(10)


def get(url: str) -> Any:
    """The document at a URL."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return json.loads(answer.read())


def serve(connection: type[Connection]) -> None:
    """Print the URL, and serve until SIGTERM."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, backlog=MAX_WAITING)
        print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
        await server.serve_forever()

    asyncio.run(run())
