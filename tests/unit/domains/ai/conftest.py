"""A server and a worker that find an imitation of language models where OpenAI and Anthropic are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from cargo_ai.domains.ai.chats.answering import answers
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.simulators.language_models import server
from tests.simulators.language_models.server import Running


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    """The imitation; each test begins with no rules."""
    with server.running() as running:
        yield running


@pytest.fixture
def model(simulator: Running) -> Running:
    """The imitation without what the test before has ordered."""
    simulator.control.reset()
    return simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, simulator: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """The whole application and a worker in this process, with a connector of OpenAI and one of Anthropic."""
    root = simulator.url.removesuffix("/openai")
    addresses = f"openAi={root}/openai,anthropic={root}/anthropic"
    with databases.lent() as url, pytest.MonkeyPatch.context() as patch:
        # What is parked goes on soon, and what is cancelled ends soon.
        patch.setattr(answers, "MAX_RENEWAL", 0.2)
        folder = tmp_path_factory.mktemp("backend")
        async with running_backend(url, folder, CARGO_AI_SERVICE_ADDRESSES=addresses, CARGO_AI_OUTBOUND_ALLOW="127.0.0.1") as running:
            for slug in ("openAi", "anthropic"):
                await running.admin.connector(slug.lower(), integrationSlug=slug, name=slug, config={"apiKey": simulator.key})
            yield running


@pytest.fixture
def api(backend: Backend) -> ApiClient:
    """The admin of the first workspace."""
    return backend.admin


async def new_agent(api: ApiClient, **parts: object) -> str:
    """An agent with these parts deployed."""
    agent = (await api.call("ai.agent.create", name="Researcher", icon={"color": "blue", "face": "🔎"}))["agent"]["uuid"]
    await api.call("ai.release.deployDraft", agentUuid=agent, **parts)
    return str(agent)


async def answer_to(api: ApiClient, text: str, **fields: object) -> Body:
    """The answer to a message, when it has ended."""
    sent = await api.call("ai.message.create", parts=[{"type": "text", "text": text}], **fields)
    return await ended(api, sent["assistantMessage"]["uuid"])


async def ended(api: ApiClient, message: str) -> Body:
    """A message when it has ended."""
    body: Body = {}
    for _ in range(4):
        response = await api.http.get(f"/v1/ai/messages/{message}", headers={"Prefer": "wait=20"})
        assert response.status_code == 200, response.text
        body = response.json()["message"]
        if body["finishedAt"] is not None:
            return body
    raise AssertionError(f"message {message} did not end: {body}")


def said(message: Body) -> str:
    """The texts of an answer."""
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")
