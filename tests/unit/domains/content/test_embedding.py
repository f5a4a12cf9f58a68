"""Embedders: every passage gets a vector in the background, questions are found by meaning as well, and by words alone where that fails."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from cargo_ai.domains.content.embedding import job
from cargo_ai.domains.content.retrieval import vectors
from cargo_ai.domains.content.retrieval.hybrid import fused
from cargo_ai.domains.content.retrieval.passages import Findings, Scope, find_passages
from cargo_ai.kernel import ids
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.simulators.language_models import server
from tests.simulators.language_models.server import Running
from tests.unit.domains.content.conftest import eventually, upload

pytestmark = pytest.mark.asyncio(loop_scope="module")
SMALL, LARGE = "text-embedding-3-small", "text-embedding-3-large"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    """The imitation of a service that embeds."""
    with server.running() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, simulator: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """The application with connectors of a service that embeds, and of two that do not."""
    root = simulator.url.removesuffix("/openai")
    variables = {
        "CARGO_AI_SERVICE_ADDRESSES": f"openAi={root}/openai,anthropic={root}/anthropic",
        "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1",
    }
    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend"), **variables) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module")
async def model(simulator: Running, backend: Backend) -> AsyncIterator[Running]:
    """The imitation without orders, and no embedder left by another test."""
    simulator.control.reset()
    yield simulator
    simulator.control.reset()
    await backend.admin.call("content.embedder.remove")


async def connector(api: ApiClient, slug: str = "openAi") -> str:
    """A connector of this kind, made when it is first asked for."""
    for known in (await api.call("connection.connector.list"))["connectors"]:
        if known["integrationSlug"] == slug:
            return str(known["uuid"])
    made = await api.connector(slug.lower(), integrationSlug=slug, name=slug, config={"apiKey": Running.key})
    return str(made["uuid"])


async def ended(api: ApiClient, status: str = "ready") -> Body:
    """The embedder, once it has come that far."""

    async def has_ended() -> Body | None:
        embedder: Body = (await api.call("content.embedder.get"))["embedder"]
        return embedder if embedder["status"] == status else None

    return await eventually(has_ended)


async def choose(api: ApiClient, model: str = SMALL) -> Body:
    """The embedder, chosen and done."""
    await api.call("content.embedder.set", connectorUuid=await connector(api), embeddingModelSlug=model)
    return await ended(api)


async def found(backend: Backend, question: str, *files: Body) -> Findings:
    scope = Scope(frozenset(uuid.UUID(file["uuid"]) for file in files)) if files else None
    return await find_passages(backend.state.services, uuid.UUID(backend.workspace), scope, question, 5)


async def test_a_passage_is_found_that_has_no_word_of_the_question(api: ApiClient, backend: Backend, model: Running) -> None:
    leave = await upload(api, "leave.txt", b"Vacation is thirty days.")
    noise = await upload(api, "noise.txt", b"Printers are on floor two.")
    assert (await found(backend, "holidays?", leave, noise)).passages == []
    embedder = await choose(api)
    assert (embedder["dimensions"], embedder["errorMessage"]) == (256, None)
    assert embedder["embeddedChunksCount"] == embedder["chunksCount"] > 1
    findings = await found(backend, "holidays?", leave, noise)
    assert findings.warning is None
    assert findings.passages[0].source == "leave.txt"
    assert model.control.embedded[-1] == "holidays?"


async def test_files_that_come_and_change_are_embedded_too(api: ApiClient, backend: Backend, model: Running) -> None:
    await choose(api)
    file = await upload(api, "pay.txt", b"Salary is paid on the last Friday.")
    await ended(api)
    assert (await found(backend, "pay day", file)).passages[0].source == "pay.txt"
    await upload(api, "pay.txt", b"Bonuses are paid in March.", uuid=file["uuid"])
    await ended(api)
    assert "Bonuses are paid in March." in model.control.embedded
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        assert await db.scalar(text("select count(*) from content_vectors where file_uuid = :file"), {"file": uuid.UUID(file["uuid"])}) == 1


async def test_another_model_embeds_everything_again(api: ApiClient, backend: Backend, model: Running) -> None:
    file = await upload(api, "leave2.txt", b"Vacation is thirty days.")
    await choose(api)
    embedder = await choose(api, LARGE)
    assert (embedder["embeddingModelSlug"], embedder["dimensions"]) == (LARGE, 384)
    assert (await found(backend, "holiday", file)).passages[0].source == "leave2.txt"
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        assert set(await db.scalars(text("select distinct length(signs) from content_vectors"))) == {384}


async def test_without_an_answer_files_are_searched_by_words_and_it_is_said(api: ApiClient, backend: Backend, model: Running) -> None:
    file = await upload(api, "walrus.txt", b"The walrus eats clams.")
    await choose(api)
    model.control.fail(path="embeddings", status=500, times=100)
    findings = await found(backend, "walrus", file)
    assert [passage.source for passage in findings.passages] == ["walrus.txt"]
    assert findings.warning and "words alone" in findings.warning


async def test_passages_without_vectors_are_not_hidden_by_those_that_have_some(
    api: ApiClient, backend: Backend, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_FIRST_WAIT", 3_600.0)  # until the test lets it go on
    old = await upload(api, "old.txt", b"Vacation is thirty days.")
    await choose(api)
    model.control.fail(path="embeddings", status=503, headers={"retry-after": "1"}, times=1)
    new = await upload(api, "new.txt", b"The holiday desk is closed.")
    failed = await ended(api, "error")
    assert failed["errorMessage"] and failed["embeddedChunksCount"] < failed["chunksCount"]
    findings = await found(backend, "holiday", old, new)
    assert [passage.source for passage in findings.passages] == ["new.txt"]
    assert findings.warning and "1 of 2 passages are embedded" in findings.warning
    await job.go_on(backend.state.services)
    await ended(api)
    assert {passage.source for passage in (await found(backend, "holiday", old, new)).passages} == {"old.txt", "new.txt"}


async def test_what_cannot_embed_is_refused_and_nothing_changes(api: ApiClient, backend: Backend, model: Running) -> None:
    there = await connector(api)
    cases: list[tuple[str, str, tuple[int, str]]] = [
        (str(ids.new()), SMALL, (404, "connectorNotFound")),
        (await connector(api, "anthropic"), SMALL, (400, "integrationNotCompatible")),
        (there, "gpt-9", (400, "embedderFailed")),
    ]
    for connector_uuid, slug, refusal in cases:
        refused = await api.refused("content.embedder.set", connectorUuid=connector_uuid, embeddingModelSlug=slug)
        assert refused == refusal
    assert (await api.call("content.embedder.get"))["embedder"] is None
    assert await backend.other_api.refused("content.embedder.set", connectorUuid=there, embeddingModelSlug=SMALL) == (
        404,
        "connectorNotFound",
    )


async def test_a_connector_of_an_embedder_is_in_use(api: ApiClient, model: Running) -> None:
    await choose(api)
    assert (await api.refused("connection.connector.remove", uuid=await connector(api)))[1] == "connectorIsUsedInWorkflows"


async def test_without_an_embedder_no_vector_is_left(api: ApiClient, backend: Backend, model: Running) -> None:
    await upload(api, "left.txt", b"Something to embed.")
    await choose(api)
    assert (await api.call("content.embedder.remove"))["embedder"] is None

    async def is_empty() -> bool:
        async with backend.state.database.session(ALL_WORKSPACES) as db:
            return await db.scalar(text("select count(*) from content_vectors")) == 0

    await eventually(is_empty)


@pytest.mark.slow
async def test_distances_are_the_same_without_pgvector(
    api: ApiClient, backend: Backend, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        await upload(api, f"n{number}.txt", f"Vacation of kind {number} is {'very ' * number}long.".encode())
    await choose(api)
    workspace = uuid.UUID(backend.workspace)
    async with backend.state.database.session(workspace) as db:
        connection = await driver_connection(db)
        ((generation,),) = await (await connection.execute("select generation from content_embedders")).fetchall()
        question = [0.0625] * 256
        by_pgvector = await vectors.nearest(connection, workspace, generation, question, None)
        monkeypatch.setattr(vectors, "_HAS_PGVECTOR", "select false")
        by_hand = await vectors.nearest(connection, workspace, generation, question, None)
    assert len(by_hand) >= 6
    assert dict(by_hand) == pytest.approx(dict(by_pgvector), abs=1e-5)


async def test_ranks_are_fused() -> None:
    assert [chunk for chunk, _ in fused([1, 2, 3], [3, 1])] == [3, 1, 2]
    assert fused([1], [1])[0][1] == pytest.approx(1.0)
