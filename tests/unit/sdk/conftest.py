"""What the tests of the Python client share: a whole server for a module, and a line to it that can be cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cargo_ai.kernel.settings import Settings as ServerSettings
from cargo_ai.sdk import Settings
from cargo_ai.server.api import app as application
from tests.kit.application import LiveThread, make_state
from tests.kit.data.databases import Databases


@pytest.fixture(scope="module")
def signed_in(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The admin of a server on a port."""
    with databases.lent() as url:
        state = make_state(url, ServerSettings({"CARGO_AI_DATA_DIR": str(tmp_path_factory.mktemp("data"))}))
        thread = LiveThread(state, application.build(state))
        live = thread.start()
        yield Settings(live.first_workspace.token, live.base_url)
        thread.stop()


class Line:
    """A line to a server. The first connection is cut when so much has gone to the server (`sent`) or come from it (`received`)."""

    def __init__(self, base_url: str, *, sent: int | None = None, received: int | None = None) -> None:
        host, _, port = base_url.rpartition("://")[2].partition(":")
        self._server = (host, int(port))
        self._limits = (sent, received)
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        """Take no more connections, and wait for the end of those that there were."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self.connections += 1
                limits = self._limits if self.connections == 1 else (None, None)
                self._start(self._carry, near, *limits)

    def _carry(self, near: socket.socket, sent: int | None, received: int | None) -> None:
        with near, socket.create_connection(self._server) as far:
            back = threading.Thread(target=_copy, args=(far, near, received), daemon=True)
            back.start()
            _copy(near, far, sent)
            back.join(10)

    def _start(self, function: Callable[..., None], *args: object) -> None:
        self._threads.append(threading.Thread(target=function, args=args, daemon=True))
        self._threads[-1].start()


def _copy(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    copied = 0
    with suppress(OSError):
        while data := source.recv(65536):
            copied += len(data)
            if limit is not None and copied > limit:
                break
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def companies(tmp_path: Path) -> Path:
    """A CSV file of 25 companies."""
    path = tmp_path / "companies.csv"
    path.write_text("domain,name,employees\n" + "".join(f"c{number:02}.example,Company {number},{number}\n" for number in range(25)))
    return path
