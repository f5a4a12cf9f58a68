"""A service on loopback that knows companies by domain, with domains that fail, fail at first, or wait to be let go."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Companies:
    """`GET /companies/<domain>`: `broken.…` is 500, `flaky.…` 503 the first two times, `slow.…` is held until `let_go`."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._go = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def let_go(self) -> None:
        """Answer anyone who is held, and hold no one from now on."""
        self._go.set()

    def hold(self) -> None:
        """Hold `slow.…` from now on."""
        self._go.clear()

    def calls_to(self, start: str) -> int:
        """How many calls came for domains that begin so."""
        with self._lock:
            return sum(count for domain, count in self.calls.items() if domain.startswith(start))

    def stop(self) -> None:
        """Take no more calls."""
        self.let_go()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, domain: str) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.calls[domain] += 1
            times = self.calls[domain]
        if domain.startswith("broken."):
            return 500, {"error": "no such luck"}
        if domain.startswith("flaky.") and times <= 2:
            return 503, {"error": "later"}
        if domain.startswith("slow."):
            self._go.wait(30)
        return 200, {"name": domain.partition(".")[0].title(), "category": {"industry": "Widgets"}, "metrics": {"employees": 120}}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, document = service._answer(self.path.rpartition("/")[2])  # pyright: ignore[reportPrivateUsage]
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


@contextmanager
def companies_service() -> Generator[Companies]:
    """A running service, stopped at the end."""
    service = Companies()
    try:
        yield service
    finally:
        service.stop()
