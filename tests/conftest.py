"""What many tests stand on: a real PostgreSQL, a database for each test, and the application on it, in process or on a port."""

from __future__ import annotations

import gc
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.kit.property_examples import register_profiles

# What a fixture needs is imported in it: the tests of the command line run without the server's libraries.
if TYPE_CHECKING:
    import httpx
    from starlette.applications import Starlette

    from cargo_ai.domains.workspace import public
    from cargo_ai.kernel.settings import Settings
    from cargo_ai.server.api.state import State
    from cargo_ai.store.embedded.postgres import Cluster
    from tests.kit.api_client import ApiClient
    from tests.kit.application import LiveServer
    from tests.kit.backend import Backend
    from tests.kit.data.databases import Databases

# Its assertions are those of many tests.
pytest.register_assert_rewrite("tests.kit.conformance")

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
SHOWN = 20
SLOW_TIMEOUT_SECONDS = 1_500

register_profiles()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how each test that failed is run alone."""
    failed = [*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])]
    names = list(dict.fromkeys(report.nodeid for report in failed))
    if names:
        terminalreporter.section("to run one alone")
    for name in names[:SHOWN]:
        terminalreporter.write_line(f".venv/bin/python -m pytest {shlex.quote(name)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests longer before they count as hanging."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_SECONDS))


def pytest_collection() -> None:
    """Collect no garbage while tests are collected: next to nothing of it is any, and looking takes a third of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what is loaded by now, a million objects, out of later collections of garbage, and collect as seldom as a server does."""
    gc.freeze()
    gc.set_threshold(10_000, *gc.get_threshold()[1:])
    gc.enable()


def pytest_sessionfinish() -> None:
    """Delete the data of real servers, and end the process that commands are forked from, when there were any."""
    for module, ending in (("tests.kit.data.data_folders", "erase"), ("tests.kit.processes.loaded_commands", "end")):
        if module in sys.modules:
            getattr(sys.modules[module], ending)()


@pytest.fixture(autouse=True)
def no_stalls() -> Iterator[None]:
    """Fail a test in which a callback of an in-process server held up its event loop."""
    yield
    measured = sys.modules.get("tests.kit.measures.loop_steps")
    stalls: list[str] = measured.take_stalls() if measured is not None else []
    assert not stalls, "\n".join(stalls)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL of this test process."""
    from cargo_ai.store.embedded import postgres
    from tests.kit.data.databases import sign_in_quickly

    folder = tmp_path_factory.mktemp("postgres")
    started = postgres.start(folder, fsync=False)
    sign_in_quickly(started)
    yield started
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
    from tests.kit.data.databases import Databases

    lender = Databases(cluster, template)
    yield lender
    lender.close()


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


@pytest.fixture
async def state(database_url: str, settings: Settings) -> AsyncIterator[State]:
    """The open state of an in-process server with four connections."""
    from tests.kit.application import make_state

    opened = make_state(database_url, settings)
    yield opened
    await opened.database.close()


@pytest.fixture
async def first_workspace(state: State) -> public.Bootstrap:
    """The first workspace of the test's database."""
    from tests.kit.application import bootstrap

    return await bootstrap(state)


@pytest.fixture
async def app(state: State) -> AsyncIterator[Starlette]:
    """The whole application, in process, its lifespan begun."""
    from cargo_ai.server.api import app as application

    built = application.build(state)
    async with built.router.lifespan_context(built):
        yield built


@pytest.fixture
async def client(app: Starlette, first_workspace: public.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the admin of the first workspace; paths begin with /v1."""
    from tests.kit.application import signed_in

    async with signed_in(app, first_workspace.token) as http:
        yield http


@pytest.fixture
def api(client: httpx.AsyncClient) -> ApiClient:
    """Calls operations as the admin of the first workspace."""
    from tests.kit.api_client import ApiClient

    return ApiClient(client)


@pytest.fixture
async def other_client(app: Starlette, state: State, first_workspace: public.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the admin of another workspace."""
    from cargo_ai.store.session import ALL_WORKSPACES
    from tests.kit.application import signed_in
    from tests.kit.data.first_workspace import add_workspace

    async with state.database.session(ALL_WORKSPACES) as db:
        other = await add_workspace(db, "Other", "stranger@example.com")
        await db.commit()
    async with signed_in(app, other.token) as http:
        yield http


@pytest.fixture
def other_api(other_client: httpx.AsyncClient) -> ApiClient:
    """Calls operations as the admin of another workspace."""
    from tests.kit.api_client import ApiClient

    return ApiClient(other_client)


@pytest.fixture
def live_server(database_url: str, settings: Settings) -> Iterator[LiveServer]:
    """The whole application on a free port."""
    from cargo_ai.server.api import app as application
    from tests.kit.application import LiveThread, make_state

    made = make_state(database_url, settings)
    thread = LiveThread(made, application.build(made))
    yield thread.start()
    thread.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """The whole application and a worker in this process, on a database of the module's."""
    from tests.kit.backend import running_backend

    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend")) as running:
            yield running
