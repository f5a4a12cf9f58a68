"""What many tests stand on: a real PostgreSQL, a database for each test, and the application on it, in process or on a port."""

from __future__ import annotations

import asyncio
import shlex
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# What a fixture needs is imported in it: the tests of the command line run without the server's libraries.
if TYPE_CHECKING:
    import httpx
    from starlette.applications import Starlette

    from cargo_ai.domains.workspace import public
    from cargo_ai.kernel.settings import Settings
    from cargo_ai.server.api.state import State
    from cargo_ai.store.embedded.postgres import Cluster
    from tests.kit.databases import Databases

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
SHOWN = 20


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how each test that failed is run alone."""
    failed = [*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])]
    names = list(dict.fromkeys(report.nodeid for report in failed))
    if names:
        terminalreporter.section("to run one alone")
    for name in names[:SHOWN]:
        terminalreporter.write_line(f".venv/bin/python -m pytest {shlex.quote(name)}")


def pytest_sessionfinish() -> None:
    """Delete the data of real servers, when there were any."""
    used = sys.modules.get("tests.kit.data_folders")
    if used is not None:
        used.erase()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL of this test process."""
    from cargo_ai.store.embedded import postgres

    folder = tmp_path_factory.mktemp("postgres")
    yield postgres.start(folder, fsync=False)
    postgres.erase(folder)


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a migrated database to copy."""
    from cargo_ai.store import migrate
    from cargo_ai.store.embedded import postgres

    migrate.upgrade(postgres.create_database(cluster, "migrated"))
    return "migrated"


@pytest.fixture(scope="session")
def databases(cluster: Cluster, template: str) -> Iterator[Databases]:
    """Migrated databases, to be lent by a test or a module."""
    from tests.kit.databases import Databases

    made = Databases(cluster, template)
    yield made
    made.close()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated, empty database of this test alone."""
    with databases.lent() as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server in a folder of this test; an undeclared refusal is loud."""
    from cargo_ai.kernel.settings import Settings

    return Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1"})


def make_state(url: str, settings: Settings, *, pool_size: int = 4) -> State:
    """The state of a server on that database."""
    from cargo_ai.kernel.secrets import SecretKey
    from cargo_ai.server.api.signals import Signals
    from cargo_ai.server.api.state import State
    from cargo_ai.store import migrate
    from cargo_ai.store.files import FileStore
    from cargo_ai.store.session import Database

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
    from cargo_ai.domains.workspace import public
    from cargo_ai.store.session import ALL_WORKSPACES

    async with state.database.session(ALL_WORKSPACES) as db:
        born = await public.bootstrap(db)
        await db.commit()
    assert born is not None
    return born


@pytest.fixture
async def state(database_url: str, settings: Settings) -> AsyncIterator[State]:
    """The open state of an in-process server with four connections."""
    made = make_state(database_url, settings)
    yield made
    await made.database.close()


@pytest.fixture
async def born(state: State) -> public.Bootstrap:
    """The first workspace of the test's database."""
    return await bootstrap(state)


@pytest.fixture
async def app(state: State) -> AsyncIterator[Starlette]:
    """The whole application, in process, its lifespan begun."""
    from cargo_ai.server.api import app as application

    made = application.build(state)
    async with made.router.lifespan_context(made):
        yield made


def signed_in(app: Starlette, token: str) -> httpx.AsyncClient:
    """An HTTP client of an in-process application."""
    import httpx

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )


@pytest.fixture
async def client(app: Starlette, born: public.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the admin of the first workspace; paths begin with /v1."""
    async with signed_in(app, born.token) as made:
        yield made


@pytest.fixture
async def other_client(app: Starlette, state: State, born: public.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the admin of another workspace."""
    from cargo_ai.domains.workspace import public
    from cargo_ai.store.session import ALL_WORKSPACES

    async with state.database.session(ALL_WORKSPACES) as db:
        other = await public.add_workspace(db, name="Other", email="stranger@example.com")
        await db.commit()
    async with signed_in(app, other.token) as made:
        yield made


@dataclass(frozen=True)
class LiveServer:
    """A server on a port of the loopback."""

    base_url: str
    born: public.Bootstrap
    state: State


class LiveThread:
    """uvicorn in a thread of its own, with an event loop of its own."""

    def __init__(self, state: State, app: Starlette) -> None:
        import uvicorn

        self._state = state
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
        self._born: public.Bootstrap | None = None
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._born = await bootstrap(self._state)
        self._ready.set()
        await self._server.serve([self._socket])

    def start(self) -> LiveServer:
        """Return when the port takes requests: the socket listens from the start, so a request waits in its queue."""
        self._thread.start()
        assert self._ready.wait(30)
        assert self._born is not None
        host, port = self._socket.getsockname()
        return LiveServer(f"http://{host}:{port}", self._born, self._state)

    def stop(self) -> None:
        """Stop it and wait for its end."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._state.signals.release)
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()
        assert not self._thread.is_alive()


@pytest.fixture
def live_server(database_url: str, settings: Settings) -> Iterator[LiveServer]:
    """The whole application on a free port."""
    from cargo_ai.server.api import app as application

    made = make_state(database_url, settings)
    thread = LiveThread(made, application.build(made))
    yield thread.start()
    thread.stop()
