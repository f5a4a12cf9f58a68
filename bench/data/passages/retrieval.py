"""retrieval: recall of the right chunk among five and time per question, beside SQLite FTS5, ts_rank, and vectors, on labelled sets.

BENCH_CHUNKS=10000 makes it smaller. The vectors of the large set are hashed trigrams of letters in 256 dimensions, which need no model:
they stand for the time that vectors take. What vectors of a model find is measured on questions of our own guide, where
BENCH_EMBEDDINGS_URL=http://127.0.0.1:11434/v1 and BENCH_EMBEDDINGS_MODEL name one.
"""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import sys
import tempfile
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import insert

from bench import report
from bench.data.passages import retrieval_pages
from bench.data.passages.retrieval_set import PER_FILE, LabelledSet, Question, make
from bench.report import Json
from cargo_ai.domains.content.retrieval import hybrid, index, search, vectors
from cargo_ai.domains.content.retrieval.chunks import Piece
from cargo_ai.domains.content.retrieval.hybrid import Meaning
from cargo_ai.domains.content.retrieval.words import LANGUAGE, searchable
from cargo_ai.domains.content.tables import File, Library
from cargo_ai.kernel import clock, ids
from cargo_ai.store import migrate
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.embedded import postgres
from cargo_ai.store.session import Database

CHUNKS = int(os.environ.get("BENCH_CHUNKS", "100000"))
BEST = 5
DIMENSIONS = 256
Ask = Callable[[str], Awaitable[Sequence[int]]]

_TS_RANK = """
select id from content_chunks, to_tsquery(%(language)s::regconfig, %(any)s) as q
where workspace_uuid = %(workspace)s and terms @@ q order by ts_rank(terms, q) desc, id limit %(limit)s
"""


def measure() -> Json:
    """Recall@5 and milliseconds of each way."""
    labelled = make(CHUNKS)
    with tempfile.TemporaryDirectory(prefix="cargo-ai-bench-") as folder:
        cluster = postgres.start(Path(folder))
        url = postgres.create_database(cluster, "retrieval")
        try:
            migrate.upgrade(url)
            measured = asyncio.run(_measure(url, labelled))
        finally:
            postgres.stop(Path(folder))
    ours, lite = measured["ours"]["heldOut"], measured["sqliteFts5"]["heldOut"]
    by_wording = ours["recallByWording"]
    return report.figure(
        [
            report.at_least("recall@5 of questions in the words of the text", by_wording["same"], 0.9),
            report.at_least("recall@5 of questions in other forms of its words", by_wording["inflected"], 0.8),
            report.at_least("recall@5 above SQLite FTS5", ours["recall"] - lite["recall"], 0),
            report.at_most("milliseconds (p95), times SQLite FTS5", _p95(measured["ours"]) / _p95(measured["sqliteFts5"]), 1.5),
        ],
        {"chunks": CHUNKS, "questions": len(labelled.questions), **measured},
    )


def _p95(measured: Json) -> float:
    return float(measured["milliseconds"]["p95"])


async def _measure(url: str, labelled: LabelledSet) -> Json:
    database, workspace = Database(url), ids.new()
    began = time.perf_counter()
    await _fill(database, workspace, labelled.texts)
    filled = time.perf_counter() - began
    async with database.session(workspace) as db:
        connection = await driver_connection(db)
        await connection.rollback()
        await connection.set_autocommit(True)
        await connection.execute("vacuum analyze content_chunks, content_terms, content_files")
        rows = await (await connection.execute("select id from content_chunks order by file_uuid, number")).fetchall()
        places = {int(row[0]): place for place, row in enumerate(rows)}

        async def ours(question: str) -> Sequence[int]:
            return [places[found.id] for found in await search.search(connection, workspace, question, BEST)]

        async def plain_rank(question: str) -> Sequence[int]:
            values = {"language": LANGUAGE, "any": " | ".join(searchable(question).split()), "workspace": workspace, "limit": BEST}
            return [places[int(row[0])] for row in await (await connection.execute(_TS_RANK, values)).fetchall()]

        size = await (await connection.execute("select pg_total_relation_size('content_chunks')")).fetchone()
        measured: Json = {"ours": await _asked(ours, labelled.questions), "tsRank": await _asked(plain_rank, labelled.questions[:100])}
        measured["ours"] |= {"indexSeconds": report.rounded(filled), "megabytes": report.rounded((size or [0])[0] / 1e6)}
        measured["sqliteFts5"] = await _sqlite(labelled)
        measured |= await _vectors(connection, workspace, labelled, places)
        await connection.set_autocommit(False)
    measured["guide"] = await retrieval_pages.measure(database)
    await database.close()
    return measured


async def _asked(ask: Ask, questions: Sequence[Question]) -> Json:
    await ask(questions[0].text)
    times, hits = list[float](), dict[str, dict[str, list[bool]]]()
    for question in questions:
        began = time.perf_counter()
        found = await ask(question.text)
        times.append(time.perf_counter() - began)
        hits.setdefault(question.part, {}).setdefault(question.wording, []).append(question.chunk in found)
    return {part: _recall(by_wording) for part, by_wording in sorted(hits.items())} | {"milliseconds": report.milliseconds(times)}


def _recall(hits: Mapping[str, Sequence[bool]]) -> Json:
    every = [hit for answered in hits.values() for hit in answered]
    by_wording = {wording: report.rounded(sum(answered) / len(answered)) for wording, answered in sorted(hits.items())}
    return {"recall": report.rounded(sum(every) / len(every)), "recallByWording": by_wording}


async def _fill(database: Database, workspace: uuid.UUID, texts: Sequence[str]) -> None:
    await fill(database, workspace, [texts[start : start + PER_FILE] for start in range(0, len(texts), PER_FILE)])


async def fill(database: Database, workspace: uuid.UUID, files: Sequence[Sequence[str]]) -> list[uuid.UUID]:
    """Index files of these chunks; their ids."""
    made: list[uuid.UUID] = []
    async with database.session(workspace) as db:
        library = Library(uuid=ids.new(), workspace_uuid=workspace, name="Files", extractor_slug="upload", config={})
        db.add(library)
        await db.commit()
    for number, texts in enumerate(files):
        async with database.session(workspace) as db:
            file, pieces = ids.new(), [Piece(text, {}) for text in texts]
            made.append(file)
            now = clock.now()
            values = {"uuid": file, "workspace_uuid": workspace, "library_uuid": library.uuid, "name": f"{number}.txt", "size": 0}
            values |= {"s3_filename": str(file), "content_type": "text/plain", "status": "ready", "created_at": now, "updated_at": now}
            await db.execute(insert(File).values(**values))
            chunks, words = await index.put(await driver_connection(db), workspace, file, pieces)
            await db.execute(File.__table__.update().where(File.uuid == file).values(chunks_count=chunks, words_count=words))  # pyright: ignore
            await db.commit()
    return made


async def _sqlite(labelled: LabelledSet) -> Json:
    with sqlite3.connect(":memory:") as lite:
        lite.execute("create virtual table chunks using fts5(text, tokenize = 'porter unicode61')")
        began = time.perf_counter()
        lite.executemany("insert into chunks (rowid, text) values (?, ?)", enumerate(labelled.texts))
        filled = time.perf_counter() - began

        async def ask(question: str) -> Sequence[int]:
            words = " OR ".join(f'"{word}"' for word in searchable(question).split() if word.lower() not in _STOP)
            query = "select rowid from chunks where chunks match ? order by bm25(chunks) limit ?"
            return [row[0] for row in lite.execute(query, (words, BEST))]

        return await _asked(ask, labelled.questions) | {"indexSeconds": report.rounded(filled)}


_QUESTION_WORDS = {"what", "when", "which", "who", "whom", "why", "how", "many"}
_STOP = _QUESTION_WORDS | {
    "a",
    "about",
    "at",
    "did",
    "does",
    "for",
    "get",
    "in",
    "is",
    "me",
    "of",
    "on",
    "please",
    "tell",
    "the",
    "they",
    "to",
}


def _vector(text: str) -> list[float]:
    values = [0.0] * DIMENSIONS
    for word in searchable(text).lower().split():
        marked = f"^{word}$"
        for at in range(max(len(marked) - 2, 1)):
            hashed = zlib.crc32(marked[at : at + 3].encode())
            values[hashed % DIMENSIONS] += 1 if hashed & 0x8000_0000 else -1
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


async def _vectors(connection: Connection, workspace: uuid.UUID, labelled: LabelledSet, places: Mapping[int, int]) -> Json:
    """Vectors alone, as hybrid search finds them and by an exact scan of pgvector; and hybrid search."""
    generation, chunks = ids.new(), {place: chunk for chunk, place in places.items()}
    await connection.execute("create temporary table vectors (id bigint, embedding vector(256))")
    ours = "copy content_vectors (chunk_id, workspace_uuid, file_uuid, generation, signs, exact) from stdin"
    vectors_of = [_vector(text) for text in labelled.texts]
    async with connection.cursor() as cursor, cursor.copy(ours) as copy:
        for place, vector in enumerate(vectors_of):
            signs = "".join("1" if value > 0 else "0" for value in vector)
            await copy.write_row((chunks[place], workspace, workspace, generation, signs, _array(vector)))
    async with connection.cursor() as cursor, cursor.copy("copy vectors from stdin") as copy:
        for place, vector in enumerate(vectors_of):
            await copy.write_row((place, str([round(value, 4) for value in vector])))
    await connection.execute("vacuum analyze content_vectors")

    async def by_signs(question: str) -> Sequence[int]:
        near = await vectors.nearest(connection, workspace, generation, _vector(question), None)
        return [places[chunk] for chunk, _ in near[:BEST]]

    async def exact(question: str) -> Sequence[int]:
        query = "select id from vectors order by embedding <=> %s::vector, id limit %s"
        return [int(row[0]) for row in await (await connection.execute(query, [str(_vector(question)), BEST])).fetchall()]

    async def fused(question: str) -> Sequence[int]:
        meaning = Meaning(generation, _vector(question))
        return [places[found.id] for found in await hybrid.find(connection, workspace, question, meaning, BEST)]

    some = labelled.questions[:100]
    asked = [_vector(question.text) for question in some[:20]]
    agreed = 0
    for question, vector in zip(some, asked, strict=False):
        near = [places[chunk] for chunk, _ in (await vectors.nearest(connection, workspace, generation, vector, None))[:BEST]]
        agreed += len({*near} & {*(await exact(question.text))})
    return {
        "vectors": await _asked(by_signs, some) | {"ofTheExactFive": report.rounded(agreed / (BEST * len(asked)))},
        "pgvectorExact": await _asked(exact, some),
        "hybrid": await _asked(fused, some),
    }


def _array(vector: Sequence[float]) -> str:
    return "{" + ",".join(f"{value:.6f}" for value in vector) + "}"


if __name__ == "__main__":
    sys.exit(report.alone("retrieval", measure))
