"""A scripted API server on loopback: answers what a test tells it to and keeps every request that came in."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEEP_BODY_BELOW = 1_000_000


@dataclass
class Request:
    """One request as it arrived; `body` is empty above 1 MB, `size` and `sha256` always tell."""

    verb: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    size: int
    sha256: str
    target: str = ""

    @property
    def json(self) -> Any:
        """The body as JSON, None when there is not one."""
        return json.loads(self.body) if self.body else None


@dataclass
class Answer:
    """What to reply. `hold` is waited for first (at most 60 seconds); `cut` ends the body before its promised length."""

    status: int = 200
    document: Any = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    hold: threading.Event | None = None
    cut: bool = False


class Hangup:
    """Closes the connection without a reply."""


Responder = Callable[[Request], "Answer | Hangup"]


class FakeApi:
    """Routes by verb and path; a list of answers is used up in order, its last one stays."""

    def __init__(self, host: str = "127.0.0.1", certificate: str | None = None, tunnel_to: int | None = None) -> None:
        """`certificate`: a PEM file with key, for HTTPS. `tunnel_to`: the loopback port where every CONNECT ends."""
        self.tunnel_to = tunnel_to
        self.requests: list[Request] = []
        self._routes: dict[tuple[str, str], list[Any]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if certificate else 'http'}://{host}:{self.port}"

    def on(self, verb: str, path: str, *answers: Answer | Hangup | Responder | dict[str, Any]) -> None:
        """Sets the answers of a route; a dict is a 200 with that document."""
        self._routes[verb, path] = list(answers)

    def sent(self, verb: str, path: str) -> list[Request]:
        """The requests that a route received, oldest first."""
        return [request for request in self.requests if (request.verb, request.path) == (verb, path)]

    def answer(self, request: Request) -> Answer | Hangup:
        """Keeps the request and chooses its answer; 404 in the API's own shape where there is no route."""
        with self._lock:
            self.requests.append(request)
            answers = self._routes.get((request.verb, request.path))
            if not answers:
                sentence = f"No route {request.verb} {request.path}"
                return Answer(404, {"errorMessage": sentence, "reason": "routeNotFound", "requestId": "r-404"})
            chosen = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(chosen, dict):
            return Answer(200, chosen)
        if isinstance(chosen, (Answer, Hangup)):
            return chosen
        return chosen(request)

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                reply = api.answer(self._read())
                if isinstance(reply, Hangup):
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if reply.hold is not None:
                    reply.hold.wait(60)
                self._reply(reply)

            def _read(self) -> Request:
                length = int(self.headers.get("Content-Length") or 0)
                digest, kept, left = hashlib.sha256(), bytearray(), length
                while left:
                    chunk = self.rfile.read(min(left, 262144))
                    if not chunk:
                        break
                    digest.update(chunk)
                    left -= len(chunk)
                    if length < KEEP_BODY_BELOW:
                        kept += chunk
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = parse_qsl(parts.query, keep_blank_values=True)
                path = parts.path
                return Request(self.command, path, query, headers, bytes(kept), length - left, digest.hexdigest(), self.path)

            def _reply(self, reply: Answer) -> None:
                body = reply.body if reply.body is not None else b"" if reply.document is None else json.dumps(reply.document).encode()
                self.send_response(reply.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close", **reply.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.close_connection = True
                try:
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2] if reply.cut else body)
                except (BrokenPipeError, ConnectionResetError):  # the client left while we held its request
                    pass

            def do_CONNECT(self) -> None:
                api.requests.append(
                    Request("CONNECT", self.path, [], {k.lower(): v for k, v in self.headers.items()}, b"", 0, "", self.path)
                )
                self.close_connection = True
                if api.tunnel_to is None:
                    self.send_error(403)
                    return
                with socket.create_connection(("127.0.0.1", api.tunnel_to)) as far:
                    self.send_response(200)
                    self.end_headers()
                    back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
                    back.start()
                    _pump(self.connection, far)
                    back.join(5)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

            def log_message(self, format: str, *args: Any) -> None:
                """Silent: tests read `requests`."""

        return Handler


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def fake_api(certificate: str | None = None, tunnel_to: int | None = None) -> Generator[FakeApi]:
    """A running FakeApi, closed at the end."""
    api = FakeApi(certificate=certificate, tunnel_to=tunnel_to)
    try:
        yield api
    finally:
        api.close()
