"""The search in files: BM25 over what PostgreSQL has indexed, in a workspace, in some of its files, and as a node of a workflow."""

from __future__ import annotations

import math
import random
import uuid
from collections import Counter

import pytest

from cargo_ai.domains.content.retrieval import index
from cargo_ai.domains.content.retrieval.chunks import Piece
from cargo_ai.domains.content.retrieval.passages import Scope, passages
from cargo_ai.domains.content.retrieval.search import K1, B, search
from cargo_ai.domains.content.tables import File, Library
from cargo_ai.kernel import ids
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.unit.domains.content.conftest import upload

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def found(backend: Backend, question: str, scope: Scope | None = None, limit: int = 5) -> list[str]:
    workspace = uuid.UUID(backend.workspace)
    async with backend.state.database.session(workspace) as db:
        return [passage.source for passage in await passages(db, workspace, scope, question, limit)]


async def test_the_chunk_with_the_rare_words_comes_first(api: ApiClient, backend: Backend) -> None:
    for number in range(8):
        await upload(api, f"common{number}.md", f"# Plans\n\nOur plan {number} has seats and support.".encode())
    await upload(api, "refunds.md", b"# Policies\n\n## Refunds\n\nRefunded within thirty days of the annual plan.")
    assert (await found(backend, "What is your refund policy for annual plans?"))[0] == "refunds.md, “Policies › Refunds”"


async def test_words_are_found_in_other_forms_accents_and_scripts(api: ApiClient, backend: Backend) -> None:
    await upload(api, "words.txt", "Créations négociées über Zürich.\n\n東京タワーの高さは333メートル".encode())
    for question in ("NEGOCIEES", "zurich", "creation", "東京の高さ"):
        assert (await found(backend, question))[:1] == ["words.txt"], question
    for question in ("", "the of and", "'; drop table content_chunks; --", "a & !b | (c", "\\'", "qqqqzzzz", "\x00"):
        assert isinstance(await found(backend, question), list)


async def test_a_scope_that_names_nothing_finds_nothing(api: ApiClient, backend: Backend) -> None:
    await upload(api, "walrus.txt", b"walrus")
    assert await found(backend, "walrus") == ["walrus.txt"]
    assert await found(backend, "walrus", Scope()) == []


async def test_a_word_of_every_chunk_of_others_still_finds_the_only_file_of_the_scope(api: ApiClient, backend: Backend) -> None:
    crowd = "\n\n".join(f"{'penguin ' * 100} {number}" for number in range(60))
    await upload(api, "crowd.txt", crowd.encode())
    file = await upload(api, "small.txt", b"penguin facts")
    assert await found(backend, "penguin", Scope(frozenset({uuid.UUID(file["uuid"])}))) == ["small.txt"]


WORDS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]


async def test_the_scores_are_those_of_bm25(backend: Backend) -> None:
    dice, workspace, file, library = random.Random(7), ids.new(), ids.new(), ids.new()
    async with backend.state.database.session(workspace) as db:
        db.add(Library(uuid=library, workspace_uuid=workspace, name="Files", extractor_slug="upload", config={}))
        await db.flush()
        row = File(uuid=file, workspace_uuid=workspace, library_uuid=library, name="a", s3_filename=str(file), content_type="", size=0)
        row.status = "ready"
        db.add(row)
        await db.flush()
        connection = await driver_connection(db)
        for _ in range(12):
            texts = [dice.choices(WORDS, weights=range(1, 9), k=dice.randint(1, 20)) for _ in range(dice.randint(1, 40))]
            pieces = [Piece(" ".join(words), {}) for words in texts]
            row.chunks_count, row.words_count = await index.put(connection, workspace, file, pieces)
            await db.flush()
            question = dice.sample(WORDS, dice.randint(1, 4))
            scores = {one.number: one.score for one in await search(connection, workspace, " ".join(question), 100)}
            assert scores == pytest.approx(_by_hand(texts, question))
        await db.rollback()


def _by_hand(texts: list[list[str]], question: list[str]) -> dict[int, float]:
    counts, average = [Counter(words) for words in texts], sum(map(len, texts)) / len(texts)
    scores: dict[int, float] = {}
    for word in question:
        having = [at for at, count in enumerate(counts) if word in count]
        weight = math.log(1 + (len(texts) - len(having) + 0.5) / (len(having) + 0.5))
        for at in having:
            often, norm = counts[at][word], K1 * (1 - B + B * len(texts[at]) / average)
            scores[at] = scores.get(at, 0) + weight * often * (K1 + 1) / (often + norm)
    return scores


async def test_the_node_finds_passages_of_some_files(api: ApiClient, backend: Backend) -> None:
    file = await upload(api, "prices.csv", b"plan,price\nStarter,19\nGrowth,99\n")
    config: Body = {"query": "{{ nodes.start.question }}", "fileUuids": [file["uuid"]], "limit": 1}
    nodes: list[Body] = [
        {"uuid": "a", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": ["b"]},
        {"uuid": "b", "slug": "search", "kind": "native", "actionSlug": "fileSearch", "config": config, "childrenUuids": [None]},
    ]
    tool, release = await api.deployed(nodes)
    body = await backend.run({"question": "price of Growth"}, workflowUuid=tool["workflowUuid"])
    assert release and body["run"]["status"] == "success", body
    output = body["runContext"]["search"]
    assert output["count"] == 1
    assert output["result"]["source"] == "prices.csv, rows 1-3" and "Growth; price: 99" in output["result"]["text"]
