"""A console whose server finds an imitation of language models where OpenAI is, and people with less rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.console.conftest import Browser, browser_of
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.simulators.language_models import server
from tests.simulators.language_models.server import Running

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    """The imitation of language models."""
    with server.running() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, simulator: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """A server and a worker with a connector of OpenAI."""
    with databases.lent() as url:
        folder = tmp_path_factory.mktemp("backend")
        addresses = {"CARGO_AI_SERVICE_ADDRESSES": f"openAi={simulator.url}", "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"}
        async with running_backend(url, folder, **addresses) as running:
            await running.admin.connector("openai", integrationSlug="openAi", name="OpenAI", config={"apiKey": simulator.key})
            yield running


@pytest.fixture
def model(simulator: Running) -> Running:
    """The imitation without what the test before has ordered."""
    simulator.control.reset()
    return simulator


@pytest_asyncio.fixture(loop_scope="module")
async def viewer(backend: Backend) -> AsyncIterator[Browser]:
    """A browser of a person who may only look."""
    made = browser_of(backend)
    async with made.http:
        await made.sign_in(await token_of(backend, "viewer"))
        yield made


async def token_of(backend: Backend, role: str) -> str:
    """A token of a user with this role."""
    email = f"{role}@example.com"
    users = {user["email"]: user["uuid"] for user in (await backend.admin.call("workspaceManagement.user.all"))["users"]}
    if email not in users:
        created = await backend.admin.call("workspaceManagement.user.create", userEmail=email, roleSlug=role)
        users[email] = created["user"]["uuid"]
    made = await backend.admin.call("workspaceManagement.token.create", name=role, userUuid=users[email])
    return str(made["token"]["token"])
