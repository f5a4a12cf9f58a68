"""A service on loopback that counts its calls by `Idempotency-Key`, with the latency and the failures that a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Failing = Callable[[str, int], int | None]
"""(path, how many times this key has called) → the status of a failure, or None: succeed."""


@dataclass(frozen=True)
class Heard:
    """One call: when it came (monotonic seconds), its key, path and body, and the status it was answered with."""

    at: float
    key: str
    path: str
    status: int
    body: bytes = b""


class CountingService:
    """The service. `latency` seconds before each answer; may be changed at any time."""

    def __init__(self, latency: float = 0.0, failing: Failing | None = None) -> None:
        self.latency, self.failing = latency, failing or _never
        self.calls: list[Heard] = []
        self.busy = 0
        self.most_busy = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, path: str = "") -> Counter[str]:
        """How many calls of each key came to paths that begin so."""
        with self._lock:
            return Counter(call.key for call in self.calls if call.path.startswith(path))

    def repeated(self, path: str = "") -> dict[str, int]:
        """The keys that called more than once."""
        return {key: times for key, times in self.count(path).items() if times > 1}

    def said(self) -> dict[str, set[tuple[str, bytes]]]:
        """What each key asked for: paths and bodies. More than one of a key would be two different requests under one name."""
        found: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
        with self._lock:
            for call in self.calls:
                found[call.key].add((call.path, call.body))
        return found

    def times(self, path: str) -> dict[str, list[float]]:
        """When each key called a path."""
        found: dict[str, list[float]] = defaultdict(list)
        with self._lock:
            for call in self.calls:
                if call.path.startswith(path):
                    found[call.key].append(call.at)
        return found

    def wait_for(self, calls: int, seconds: float = 60) -> None:
        """Return when this many calls have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.calls) >= calls, seconds), f"only {len(self.calls)} of {calls} calls came"

    def start(self) -> CountingService:
        """Take calls."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _answer(self, path: str, key: str, body: bytes = b"") -> int:
        with self._changed:
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
            times = 1 + sum(call.key == key and call.path == path for call in self.calls) if self.failing is not _never else 1
            status = self.failing(path, times) or 200
            self.calls.append(Heard(time.monotonic(), key, path, status, body))
            self._changed.notify_all()
        if self.latency:
            time.sleep(self.latency)
        with self._lock:
            self.busy -= 1
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(length)
                if len(sent) < length:
                    self.close_connection = True  # Anyone who asked has died in the middle of it: that is not a call.
                    return
                status = service._answer(self.path, self.headers.get("Idempotency-Key") or "", sent)  # pyright: ignore[reportPrivateUsage]
                body = json.dumps({"ok": status == 200, "path": self.path}).encode()
                head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                # In one piece: two small writes would wait for each other's acknowledgement.
                self.wfile.write(head.encode() + body)

            do_GET = do_POST = _serve

            def log_message(self, format: str, *args: Any) -> None:
                """Silent: tests read `calls`."""

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: a client that is killed in the middle of a call is what the tests are about."""


def _never(_path: str, _times: int) -> int | None:
    return None


@contextmanager
def counting_service(latency: float = 0.0, failing: Failing | None = None) -> Generator[CountingService]:
    """A running service, stopped at the end."""
    service = CountingService(latency, failing).start()
    try:
        yield service
    finally:
        service.stop()
