"""Run the HTTP service that the fixture's connector and webhook call, on the port stored in the fixture."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT_SECONDS = 300.0


@dataclass(frozen=True)
class Call:
    """A received request. `key`: its Idempotency-Key; header names are in lower case."""

    path: str
    key: str
    status: int
    headers: dict[str, str]
    body: bytes


class Loopback:
    """Answers 200 to requests with the right bearer token and to webhooks (`/hook/…`), else 401."""

    def __init__(self, port: int, secret: str) -> None:
        self._secret = secret
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        self._server = _bind(port, self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def calls(self, prefix: str) -> list[Call]:
        """The calls to paths with this prefix, oldest first."""
        with self._lock:
            return [call for call in self._calls if call.path.startswith(prefix)]

    def keys(self, prefix: str) -> Counter[str]:
        """The number of calls to paths with this prefix by idempotency key."""
        return Counter(call.key for call in self.calls(prefix))

    def stop(self) -> None:
        """Release the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _receive(self, path: str, headers: dict[str, str], body: bytes) -> int:
        is_allowed = headers.get("authorization") == f"Bearer {self._secret}" or path.startswith("/hook/")
        status = 200 if is_allowed else 401
        with self._lock:
            self._calls.append(Call(path, headers.get("idempotency-key", ""), status, headers, body))
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receive = self._receive

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status = receive(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                content = json.dumps({"ok": status == 200, "path": self.path, "industry": "Robotics"}).encode()
                head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
                self.wfile.write(head.encode() + content)

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing: tests read `calls`."""

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the server is killed in the middle of calls."""


def _bind(port: int, handler: type[BaseHTTPRequestHandler]) -> _Server:
    """Bind the port; another process that runs these tests releases it at its end."""
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            return _Server(("127.0.0.1", port), handler)
        except OSError as error:
            assert time.monotonic() < deadline, f"port {port} is not free: {error}"
            time.sleep(0.2)


@contextmanager
def loopback(port: int, secret: str) -> Generator[Loopback]:
    """Run the service until the block ends."""
    service = Loopback(port, secret)
    try:
        yield service
    finally:
        service.stop()
