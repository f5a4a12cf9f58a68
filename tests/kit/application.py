"""The application of a test: its state, its first workspace, and servers in process or on a port."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import structlog
import uvicorn
from starlette.applications import Starlette

from cargo_ai.domains.workspace import public
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.signals import Signals
from cargo_ai.server.api.state import State
from cargo_ai.store import migrate
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import ALL_WORKSPACES, Database
from tests.kit.data import compiled_statements
from tests.kit.data.first_workspace import add_first_workspace
from tests.kit.measures import loop_steps
from tests.kit.measures.loop_steps import MeasuredApp

compiled_statements.share()

# Tracebacks with the values of all locals, for people, take longer to write than a request may compute.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def make_state(url: str, settings: Settings, *, pool_size: int = 4) -> State:
    """The state of a server on that database."""
    return State(
        database=Database(url, pool_size=pool_size, overflow=0),
        files=FileStore.of(settings),
        secrets=SecretKey(b"only for tests: 32 bytes or more"),
        settings=settings,
        signals=Signals(url),
        revision=migrate.head(),
    )


async def bootstrap(state: State) -> public.Bootstrap:
    """The first workspace, its admin and a token."""
    async with state.database.session(ALL_WORKSPACES) as db:
        first_workspace = await add_first_workspace(db)
        await db.commit()
    return first_workspace


def signed_in(app: Starlette, token: str) -> httpx.AsyncClient:
    """An HTTP client of an in-process application."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(MeasuredApp(app)), base_url="http://test", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )


@dataclass(frozen=True)
class LiveServer:
    """A server on a port of the loopback."""

    base_url: str
    first_workspace: public.Bootstrap
    state: State


class LiveThread:
    """uvicorn in a thread of its own, with an event loop of its own."""

    def __init__(self, state: State, app: Starlette) -> None:
        self._state = state
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see simulators.running
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
        self._first_workspace: public.Bootstrap | None = None
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        with loop_steps.measure_thread():
            self._first_workspace = await bootstrap(self._state)
            self._ready.set()
            await self._server.serve([self._socket])

    def start(self) -> LiveServer:
        """Return when the port takes requests: the socket listens from the start, so a request waits in its queue."""
        self._thread.start()
        assert self._ready.wait(30)
        assert self._first_workspace is not None
        host, port = self._socket.getsockname()
        return LiveServer(f"http://{host}:{port}", self._first_workspace, self._state)

    def stop(self) -> None:
        """Stop it and wait for its end."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._state.signals.release)
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()
        assert not self._thread.is_alive()


@asynccontextmanager
async def on_a_port(app: Starlette) -> AsyncGenerator[str]:
    """The URL of an application that runs in this event loop already."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=2))
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listening.close()
