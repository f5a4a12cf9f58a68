"""An example of a service that knows companies: it answers by domain, is slow at times and fails at times, as real ones do.

`python examples/enrichment_service.py --port 0` prints `{"url", "pid"}` and serves until it is stopped. With `--detach` it returns when
it is ready and goes on in the background. Standard library only.

    GET /companies/<domain>   {"domain", "name", "industry", "employees", "country"}; 404 for a few domains, for good
    GET /stats                what it was asked, counted by Idempotency-Key

What it says about a domain never changes. At times it answers 429 with Retry-After, or 500, to the first attempts at a key; the attempt
after `MAX_FAILURES` failures succeeds, so a client that repeats with the same key succeeds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOO_MANY = 2  # percent of the attempts that are answered 429
BROKEN = 3  # percent of the attempts that are answered 500
SLOW = 10  # percent of the attempts that take 150 to 400 ms; the others take 5 to 20
UNKNOWN = 2  # percent of the domains that it does not know
MAX_FAILURES = 3

INDUSTRIES = (
    "Agriculture",
    "Business services",
    "Consumer goods",
    "Energy",
    "Financial services",
    "Health care",
    "Industrial goods",
    "Logistics",
    "Media",
    "Software",
)
COUNTRIES = ("BE", "CA", "DE", "DK", "ES", "FR", "GB", "IE", "IT", "JP", "NL", "PL", "PT", "SE", "US")

Answer = tuple[int, dict[str, object], dict[str, str]]
"""Status, body, headers."""


def dice(*parts: object, below: int) -> int:
    """A number from 0 to below `below` that belongs to these parts."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def company(domain: str) -> dict[str, object] | None:
    """What is known about a domain; None when nothing is. Head counts run from 3 to about 12,000, mostly small."""
    if dice(domain, "known", below=100) < UNKNOWN:
        return None
    words = domain.rsplit(".", 1)[0].replace("-", " ").split()
    return {
        "domain": domain,
        "name": " ".join(word.capitalize() for word in words),
        "industry": INDUSTRIES[dice(domain, "industry", below=len(INDUSTRIES))],
        "employees": round(3 * 4000 ** (dice(domain, "employees", below=10_000) / 10_000)),
        "country": COUNTRIES[dice(domain, "country", below=len(COUNTRIES))],
    }


class Ledger:
    """What was asked so far, by key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: Counter[str] = Counter()
        self._settled: set[str] = set()
        self._statuses: Counter[int] = Counter()
        self._unkeyed = 0
        self._repeated_after_answer = 0

    def begin(self, key: str) -> int:
        """Count an attempt at a key; its number, from 1."""
        with self._lock:
            if not key:
                self._unkeyed += 1
                return 1
            self._attempts[key] += 1
            self._repeated_after_answer += key in self._settled
            return self._attempts[key]

    def end(self, key: str, status: int) -> None:
        """Note how an attempt was answered. After 200 or 404 no client has a reason to repeat that key."""
        with self._lock:
            self._statuses[status] += 1
            if key and status in (200, 404):
                self._settled.add(key)

    def stats(self) -> dict[str, object]:
        """All counts. `repeatedKeys`: asked more than once; `repeatedAfterAnswer`: calls for a key that had its answer already."""
        with self._lock:
            return {
                "calls": sum(self._statuses.values()),
                "distinctKeys": len(self._attempts),
                "repeatedKeys": sum(count > 1 for count in self._attempts.values()),
                "repeatedAfterAnswer": self._repeated_after_answer,
                "unansweredKeys": len(self._attempts) - len(self._settled),
                "withoutKey": self._unkeyed,
                "statuses": {str(status): count for status, count in sorted(self._statuses.items())},
            }


def answer(domain: str, attempt: int) -> Answer:
    """What the service says to this attempt."""
    if attempt <= MAX_FAILURES:
        fate = dice(domain, attempt, "fate", below=100)
        if fate < TOO_MANY:
            return 429, {"error": "Too many requests: try again in a second."}, {"Retry-After": "1"}
        if fate < TOO_MANY + BROKEN:
            return 500, {"error": "Something went wrong here: try again."}, {}
    found = company(domain)
    if found is None:
        return 404, {"error": f"No company is known under {domain}."}, {}
    return 200, found, {}


def seconds(domain: str, attempt: int) -> float:
    """How long this attempt takes."""
    if dice(domain, attempt, "slow", below=100) < SLOW:
        return 0.150 + dice(domain, attempt, "time", below=250) / 1000
    return 0.005 + dice(domain, attempt, "time", below=15) / 1000


class Handler(BaseHTTPRequestHandler):
    """One connection; it is kept open between requests."""

    protocol_version = "HTTP/1.1"
    server_version = "example-enrichment"
    sys_version = ""
    disable_nagle_algorithm = True  # head and body go out in two writes: together they would wait for the reader's acknowledgement
    ledger: Ledger

    def do_GET(self) -> None:
        """Answer by path."""
        path = urlsplit(self.path).path
        if path == "/stats":
            self._send(200, self.ledger.stats(), {})
        elif path.startswith("/companies/"):
            self._company(unquote(path.removeprefix("/companies/")).lower())
        else:
            self._send(404, {"error": "There are /companies/<domain> and /stats."}, {})

    def _company(self, domain: str) -> None:
        key = self.headers.get("Idempotency-Key", "")
        attempt = self.ledger.begin(key)
        time.sleep(seconds(domain, attempt))
        status, body, headers = answer(domain, attempt)
        self.ledger.end(key, status)
        self._send(status, body, headers)

    def _send(self, status: int, body: dict[str, object], headers: dict[str, str]) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: /stats tells what happened."""


class Service(ThreadingHTTPServer):
    """The listening service, with a ledger of its own."""

    request_queue_size = 256  # a batch opens many connections at once
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.ledger = Ledger()
        super().__init__(("127.0.0.1", port), type("Bound", (Handler,), {"ledger": self.ledger}))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """A caller that hangs up is not news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main() -> int:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="An example enrichment service on the loopback.")
    parser.add_argument("--port", type=int, default=0, help="the port; 0 takes any free one (default)")
    parser.add_argument("--detach", action="store_true", help="return when it is ready, and go on in the background")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # before any thread, so that each inherits it
    with Service(options.port) as service:
        child = os.fork() if options.detach else None
        if child == 0:
            _leave()
        else:
            print(json.dumps({"url": service.url, "pid": child or os.getpid()}), flush=True)
        if child:
            return 0
        threading.Thread(target=service.serve_forever, daemon=True).start()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        service.shutdown()
    return 0


def _leave() -> None:
    """Let go of the terminal and of the pipes to it."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)


if __name__ == "__main__":
    sys.exit(main())
