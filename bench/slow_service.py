"""A service that answers every request after a fixed time and counts them; `/count` answers how many, at once.

python -m bench.slow_service --seconds 0.05
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

from bench.temporary_server import ROOT

MOST_WAITING = 4_096


class Answering(asyncio.Protocol):
    """One connection, kept open; requests have no body."""

    seconds = 0.0
    calls = 0

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer one call after the fixed time."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request later."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            target, self._read = self._read[: self._read.find(b" HTTP/")].split(b" ", 1)[1], self._read[end + 4 :]
            if target == b"/count":
                self._answer(json.dumps({"calls": Answering.calls}).encode())
                continue
            Answering.calls += 1
            name = target.rpartition(b"/")[2].decode("ascii", "replace")
            body = json.dumps({"id": name, "industry": "Software", "employees": 250}).encode()
            asyncio.get_running_loop().call_later(Answering.seconds, self._answer, body)

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write(head.encode() + body)


@contextmanager
def running(seconds: float) -> Generator[str]:
    """The service in a process of its own; yields its URL."""
    command = [sys.executable, "-m", "bench.slow_service", "--seconds", str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(10)


def calls(url: str) -> int:
    """How many requests it has had."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/count", timeout=10) as answer:
        return int(json.loads(answer.read())["calls"])


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=MOST_WAITING)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Answer every request after a fixed time.")
    parser.add_argument("--seconds", type=float, default=0.05)
    Answering.seconds = parser.parse_args().seconds
    asyncio.run(_serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
