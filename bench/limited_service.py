"""A service that takes a limited number of requests in any window, answers 429 to the others, and knows when each arrived.

`/calls` answers what it has had. python -m bench.limited_service --most 50 --window 1
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

from bench.temporary_server import ROOT

SECONDS = 0.02
"""How long an answer takes."""


class Heard(NamedTuple):
    """When requests were taken and when others were refused, in monotonic seconds of the service."""

    times: list[float]
    refused: list[float]


class Limited(asyncio.Protocol):
    """One connection, kept open; requests have no body."""

    most = 50
    window = 1.0
    recent: ClassVar[deque[float]] = deque()
    times: ClassVar[list[float]] = []
    refused: ClassVar[list[float]] = []

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer each whole request later."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Count a request at the time of its arrival."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            target, self._read = self._read[: self._read.find(b" HTTP/")].split(b" ", 1)[1], self._read[end + 4 :]
            if target == b"/calls":
                self._answer("200 OK", {"times": Limited.times, "refused": Limited.refused})
                continue
            now = time.monotonic()
            while Limited.recent and Limited.recent[0] <= now - Limited.window:
                Limited.recent.popleft()
            if len(Limited.recent) >= Limited.most:
                Limited.refused.append(now)
                self._answer("429 Too Many Requests", {"message": "Too many requests"})
                continue
            Limited.recent.append(now)
            Limited.times.append(now)
            name = target.rpartition(b"/")[2].decode("ascii", "replace")
            asyncio.get_running_loop().call_later(SECONDS, self._answer, "200 OK", {"id": name})

    def _answer(self, status: str, document: object) -> None:
        if not self._transport.is_closing():
            body = json.dumps(document).encode()
            more = "Retry-After: 1\r\n" if status.startswith("429") else ""
            head = f"HTTP/1.1 {status}\r\n{more}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write(head.encode() + body)


@contextmanager
def running(most: int, window: float) -> Generator[str]:
    """The service in a process of its own; yields its URL."""
    command = [sys.executable, "-m", "bench.limited_service", "--most", str(most), "--window", str(window)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(10)


def heard(url: str) -> Heard:
    """What it has had so far."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/calls", timeout=10) as answer:
        return Heard(**json.loads(answer.read()))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Limited, "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Take a limited number of requests.")
    parser.add_argument("--most", type=int, default=50)
    parser.add_argument("--window", type=float, default=1.0)
    asked = parser.parse_args()
    Limited.most, Limited.window = asked.most, asked.window
    asyncio.run(_serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
