"""Recall of the right page of our own guide among five passages: by words, and with an embedder where one is named also by meaning."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench import report
from bench.data.passages import retrieval
from bench.data.passages.retrieval_questions import QUESTIONS, pages
from bench.report import Json
from cargo_ai.domains.content.retrieval import hybrid, search, vectors
from cargo_ai.domains.content.retrieval.hybrid import Meaning
from cargo_ai.domains.content.retrieval.vectors import Unembedded
from cargo_ai.kernel import ids
from cargo_ai.store.driver import Connection, driver_connection, fetch
from cargo_ai.store.session import Database

URL = os.environ.get("BENCH_EMBEDDINGS_URL", "")
MODEL = os.environ.get("BENCH_EMBEDDINGS_MODEL", "")
BEST = 5
_BATCH = 32
Ask = Callable[[str], Awaitable[Sequence[uuid.UUID]]]


async def measure(database: Database) -> Json:
    """Recall of each way, by part."""
    workspace = ids.new()
    texts = list(pages())
    files = await retrieval.fill(database, workspace, [[piece.searched for piece in pieces] for _, pieces in texts])
    names = {file: path for file, (path, _) in zip(files, texts, strict=True)}
    async with database.session(workspace) as db:
        connection = await driver_connection(db)

        async def by_words(question: str) -> Sequence[uuid.UUID]:
            return [found.file for found in await search.search(connection, workspace, question, BEST)]

        measured: Json = {"passages": sum(len(pieces) for _, pieces in texts), "ours": await _asked(by_words, names)}
        if URL:
            measured |= await _embedded(connection, workspace, names)
    return measured


async def _embedded(connection: Connection, workspace: uuid.UUID, names: Mapping[uuid.UUID, str]) -> Json:
    generation = ids.new()
    rows = await fetch(connection, "select id, text, file_uuid from content_chunks where workspace_uuid = %s order by id", [workspace])
    for start in range(0, len(rows), _BATCH):
        batch = [Unembedded(int(chunk), str(text)) for chunk, text, _ in rows[start : start + _BATCH]]
        embedded = await asyncio.to_thread(_embed, [one.text for one in batch])
        await vectors.put(connection, workspace, generation, batch, embedded)
    file_of = {int(chunk): file for chunk, _, file in rows}

    async def by_meaning(question: str) -> Sequence[uuid.UUID]:
        (vector,) = await asyncio.to_thread(_embed, [question])
        near = await vectors.nearest(connection, workspace, generation, vector, None)
        return [file_of[chunk] for chunk, _ in near[:BEST]]

    async def by_both(question: str) -> Sequence[uuid.UUID]:
        (vector,) = await asyncio.to_thread(_embed, [question])
        return [one.file for one in await hybrid.find(connection, workspace, question, Meaning(generation, vector), BEST)]

    return {"model": MODEL, "vectors": await _asked(by_meaning, names), "hybrid": await _asked(by_both, names)}


def _embed(texts: Sequence[str]) -> list[list[float]]:
    body = json.dumps({"model": MODEL, "input": list(texts)}).encode()
    request = urllib.request.Request(f"{URL}/embeddings", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:  # nosec B310
        data = json.load(answer)["data"]
    return [[float(value) for value in entry["embedding"]] for entry in data]


async def _asked(ask: Ask, names: Mapping[uuid.UUID, str]) -> Json:
    hits: dict[str, list[bool]] = {}
    for question in QUESTIONS:
        found = {names[file] for file in await ask(question.text)}
        hits.setdefault(question.part, []).append(question.page in found)
    return {part: report.rounded(sum(answered) / len(answered)) for part, answered in sorted(hits.items())}
