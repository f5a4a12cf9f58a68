"""Servers of language models on this machine: seen where workflows may call them, and named with the command that connects them."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio

from cargo_ai.domains.ai.agents.local_servers import SERVERS, LocalServer, LocalServers
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.kit.peers.fake_api import Answer, FakeApi

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLLAMA, VLLM, *_ = SERVERS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """A server and a worker without any connector."""
    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend")) as running:
            yield running


@pytest.fixture
def local() -> Iterator[FakeApi]:
    """A server on the loopback, which answers as its routes say."""
    server = FakeApi()
    yield server
    server.close()


async def _sentence(backend: Backend, *servers: LocalServer, allow: str = "127.0.0.1") -> str:
    services = replace(backend.state.services, settings=Settings({"CARGO_AI_OUTBOUND_ALLOW": allow}))
    return await LocalServers(services, servers).sentence()


async def test_a_server_that_answers_is_connected_by_the_command_that_the_warning_names(bare: Backend, local: FakeApi) -> None:
    """The command is executed as it stands; the next agent begins with that connector, without a warning."""
    listed = {"models": [{"name": "nomic-embed-text:latest"}, {"name": "llama3.2:latest"}, {"name": "$(reboot)"}]}
    local.on("GET", "/api/tags", listed)
    local.on("GET", "/v1/models", {"object": "list", "data": [{"id": "llama3.2:latest", "object": "model"}]})
    services = bare.state.services
    services.once(LocalServers, lambda: LocalServers(services, [replace(OLLAMA, port=local.port)]))
    icon = {"color": "blue", "face": "🔎"}
    (warning,) = await bare.admin.warnings("ai.agent.create", name="First", icon=icon)
    assert f"Ollama answers at 127.0.0.1:{local.port}: `" in warning
    assert warning.endswith("by --language-model-slug: llama3.2:latest.")
    words = shlex.split(warning.rpartition("`cargo-ai connection connector create ")[2].partition("`")[0])
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given["--integration-slug"] == "openAiCompatible"
    await bare.admin.call(
        "connection.connector.create",
        integrationSlug=given["--integration-slug"],
        slug=given["--slug"],
        name=given["--name"],
        config=json.loads(given["--config"]),
    )
    assert await bare.admin.warnings("ai.agent.create", name="Second", icon=icon) == []


async def test_an_address_without_the_version_is_refused_with_what_it_lacks(bare: Backend, local: FakeApi) -> None:
    local.on("GET", "/models", Answer(404, {"error": "page not found"}))
    given = {"integrationSlug": "openAiCompatible", "slug": "bare", "name": "Bare", "config": {"baseUrl": f"http://127.0.0.1:{local.port}"}}
    assert "mostly /v1" in await bare.admin.refusal_message("connection.connector.create", **given)


async def test_a_server_with_openai_s_list_is_seen_and_what_is_no_such_server_is_not(bare: Backend, local: FakeApi) -> None:
    """Something else on the port, such as a page or an error, is not taken for one."""
    server = replace(VLLM, port=local.port)
    local.on("GET", "/v1/models", {"object": "list", "data": [{"id": "qwen/qwen3-8b"}]})
    sentence = await _sentence(bare, server)
    assert "--slug vllm --name vLLM" in sentence
    assert sentence.endswith("qwen/qwen3-8b.")
    local.on("GET", "/v1/models", {"data": []})
    assert (await _sentence(bare, server)).endswith("it names no model yet.")
    for answer in (Answer(401, {"data": []}), Answer(200, body=b"<html>"), {"data": "none"}, Answer(200, body=b"[" * 10_000)):
        local.on("GET", "/v1/models", answer)
        assert await _sentence(bare, server) == ""


async def test_an_address_that_the_operator_has_not_allowed_is_not_asked_but_named(bare: Backend, local: FakeApi) -> None:
    """The list may allow some of them."""
    local.on("GET", "/v1/models", {"data": []})
    server = replace(VLLM, port=local.port)
    sentence = await _sentence(bare, server, OLLAMA, allow="127.0.0.1:11434")
    assert f"CARGO_AI_OUTBOUND_ALLOW: 127.0.0.1:{local.port} for vLLM." in sentence
    assert "Ollama" not in sentence
    assert local.requests == []


async def test_servers_that_hang_cost_half_a_second_together_and_are_not_asked_again_at_once(bare: Backend, local: FakeApi) -> None:
    """All are asked at the same time."""
    released = threading.Event()
    local.on("GET", "/v1/models", Answer(200, {"data": []}, hold=released))
    looking = LocalServers(bare.state.services, [replace(VLLM, port=local.port)] * 4)
    begun = clock.seconds()
    sentences = [await looking.sentence(), await looking.sentence()]
    took = clock.seconds() - begun
    released.set()
    assert sentences == ["", ""]
    assert took < 2.0
    assert len(local.requests) == 4


async def test_a_node_that_asks_says_how_to_set_a_language_model_up(bare: Backend) -> None:
    """A workspace of its own has none connected."""
    action = {"kind": "native", "actionSlug": "agent", "config": {"prompt": "Hello"}}
    run = await bare.other_api.call("orchestration.action.execute", action=action, data={})
    ended = (await bare.ended("runs", run["run"]["uuid"], bare.other_api))["run"]
    assert ended["status"] == "error"
    assert "No language model is connected. Connect one: `cargo-ai connection connector create" in ended["errorMessage"]
