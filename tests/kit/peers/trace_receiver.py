"""A small OpenTelemetry collector: it takes OTLP over HTTP and keeps the spans that came."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Received(NamedTuple):
    """A span as a collector sees it; ids are hexadecimal, `parent` is "" for a root."""

    name: str
    trace: str
    span: str
    parent: str
    kind: int
    failed: bool
    nanoseconds: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


class TraceReceiver:
    """Listens on `url`. `is_silent`: it takes connections and never answers."""

    def __init__(self, *, is_silent: bool = False) -> None:
        self._spans: list[Received] = []
        self._lock = threading.Lock()
        self.paths: set[str] = set()
        self._over = threading.Event()
        receive, over = self._receive, self._over

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if is_silent:
                    over.wait(60)
                    return
                receive(self.path, gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def spans(self) -> list[Received]:
        """What has come so far."""
        with self._lock:
            return list(self._spans)

    def stop(self) -> None:
        """Listen no more."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _receive(self, path: str, body: bytes) -> None:
        message: Any = ExportTraceServiceRequest()
        message.ParseFromString(body)
        spans = [
            Received(
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                span.kind,
                span.status.code == 2,
                span.end_time_unix_nano - span.start_time_unix_nano,
                _attributes(span.attributes),
                _attributes(part.resource.attributes),
            )
            for part in message.resource_spans
            for scope in part.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self.paths.add(path)
            self._spans += spans


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@contextmanager
def trace_receiver(*, is_silent: bool = False) -> Generator[TraceReceiver]:
    """Run a receiver until the block ends."""
    receiver = TraceReceiver(is_silent=is_silent)
    try:
        yield receiver
    finally:
        receiver.stop()
