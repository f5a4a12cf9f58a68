"""A simulator on a port of the loopback, in a thread of a test."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which hands on its connection, so that a fault can drop it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["simulator_transport"] = self.transport  # type: ignore[typeddict-unknown-key]


def server_of(application: ASGIApp) -> uvicorn.Server:
    """The server, not yet started."""
    # It writes down no addresses: a key may stand in them, and tests look for keys in logs.
    config = uvicorn.Config(
        application, log_config=None, access_log=False, log_level="warning", http=_Protocol, timeout_graceful_shutdown=1, backlog=512
    )
    return uvicorn.Server(config)


class Running:
    """A server that answers at `url`; the control of its simulator may be used from the test's thread."""

    url: str

    def __init__(self, application: ASGIApp) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        # Connections inherit it; asyncio sets it only where the protocol is named. Without it each answer comes 40 ms later.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server = server_of(application)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop at once, and wait for its end."""
        # A request that it keeps waiting has no one left who waits for it.
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
