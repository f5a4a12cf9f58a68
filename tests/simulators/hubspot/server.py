"""The simulator on a port of the loopback: in a thread of a test, or as the only thing of a process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.simulators.hubspot.application import build
from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.sign_in import SERVICE_KEY

ROOT = Path(__file__).parents[3]


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which hands on its connection, so that an endpoint can drop it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["simulator_transport"] = self.transport  # type: ignore[typeddict-unknown-key]


def server_of(control: Control) -> uvicorn.Server:
    """The server, not yet started."""
    config = uvicorn.Config(build(control), log_config=None, access_log=False, http=_Protocol, timeout_graceful_shutdown=1, backlog=512)
    return uvicorn.Server(config)


class Running:
    """A simulator that answers: `url`, the key that it accepts, and its control, which may be used from the test's thread."""

    key = SERVICE_KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = server_of(control)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        """Stop and wait for its end."""
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@contextmanager
def running(numbers: Numbers | None = None, search_lag: float = 0.0) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers, search_lag))
    try:
        yield simulator
    finally:
        simulator.stop()


@contextmanager
def process(*options: str) -> Generator[str]:
    """A simulator in a process of its own; yields its URL. `options` as for `python -m tests.simulators.hubspot`."""
    command = [sys.executable, "-m", "tests.simulators.hubspot", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip()
        finally:
            child.terminate()
