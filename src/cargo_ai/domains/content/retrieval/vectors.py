"""Vectors of chunks: stored, removed, and searched: by their signs for the nearest hundreds, and exactly among these.

The exact distances are pgvector's where the database has it; where it has not, they are computed here, from the same numbers.
"""

from __future__ import annotations

import asyncio
import operator
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from cargo_ai.store.driver import Connection, execute, fetch

NEAR = 400
"""Chunks whose exact distance is looked at, of those whose signs differ least."""
_SWEPT = 5_000

_PUT = """
insert into content_vectors (chunk_id, workspace_uuid, file_uuid, generation, signs, exact)
select c.id, c.workspace_uuid, c.file_uuid, %(generation)s, %(signs)s::bit varying, %(exact)s::real[]
from content_chunks as c where c.id = %(chunk)s and c.workspace_uuid = %(workspace)s
on conflict (chunk_id) do update set generation = excluded.generation, signs = excluded.signs, exact = excluded.exact
"""
_LACKING = """
select c.id, coalesce(c.position ->> 'heading', ''), c.text from content_chunks as c
where c.file_uuid = %s and not exists (select from content_vectors as v where v.chunk_id = c.id and v.generation = %s)
order by c.number limit %s
"""
_SWEEP = """
delete from content_vectors where chunk_id in (
    select chunk_id from content_vectors where workspace_uuid = %(workspace)s and generation is distinct from %(generation)s limit %(most)s)
"""
_NEAREST = """
select chunk_id from content_vectors
where workspace_uuid = %(workspace)s and generation = %(generation)s and (%(files)s::uuid[] is null or file_uuid = any(%(files)s::uuid[]))
order by bit_count(signs # %(signs)s::bit varying), chunk_id limit %(most)s
"""
_HAS_PGVECTOR = "select exists (select from pg_extension where extname = 'vector')"
_BY_PGVECTOR = """
select chunk_id, -(exact::vector <#> %(question)s::real[]::vector) from content_vectors
where chunk_id = any(%(chunks)s) and generation = %(generation)s
"""
_EXACT = "select chunk_id, exact from content_vectors where chunk_id = any(%(chunks)s) and generation = %(generation)s"


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A chunk without a vector, and what of it is embedded."""

    chunk: int
    text: str


async def lacking(connection: Connection, file: uuid.UUID, generation: uuid.UUID, most: int) -> list[Unembedded]:
    """The first chunks of a file that have no vector of a generation."""
    rows = await fetch(connection, _LACKING, [file, generation, most])
    return [Unembedded(int(chunk), f"{heading}\n{text}" if heading else str(text)) for chunk, heading, text in rows]


async def put(
    connection: Connection, workspace: uuid.UUID, generation: uuid.UUID, chunks: Sequence[Unembedded], vectors: Sequence[Sequence[float]]
) -> None:
    """Store the vectors of chunks; not of those that were replaced meanwhile."""
    rows = [
        {"workspace": workspace, "generation": generation, "chunk": one.chunk, "signs": _signs(vector), "exact": list(vector)}
        for one, vector in zip(chunks, vectors, strict=True)
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(_PUT, rows)


async def sweep(connection: Connection, workspace: uuid.UUID, generation: uuid.UUID | None) -> int:
    """Remove some of the vectors of other generations; how many."""
    return await execute(connection, _SWEEP, {"workspace": workspace, "generation": generation, "most": _SWEPT})


async def nearest(
    connection: Connection,
    workspace: uuid.UUID,
    generation: uuid.UUID,
    question: Sequence[float],
    files: Sequence[uuid.UUID] | None,
    also: Sequence[int] = (),
) -> list[tuple[int, float]]:
    """(chunk, cosine) of the nearest chunks and of those that are asked for besides, the nearest first."""
    values = {"workspace": workspace, "generation": generation, "files": None if files is None else list(files), "most": NEAR}
    rows = await fetch(connection, _NEAREST, values | {"signs": _signs(question)})
    among = {"chunks": list({*also, *(int(row[0]) for row in rows)}), "generation": generation}
    ((has_pgvector,),) = await fetch(connection, _HAS_PGVECTOR)
    if has_pgvector:
        measured = await fetch(connection, _BY_PGVECTOR, among | {"question": list(question)})
        distances = [(int(chunk), float(cosine)) for chunk, cosine in measured]
    else:
        stored = await fetch(connection, _EXACT, among)
        distances = await asyncio.to_thread(lambda: [(int(chunk), cosine(exact, question)) for chunk, exact in stored])
    return sorted(distances, key=lambda pair: (-pair[1], pair[0]))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two vectors of length 1."""
    return sum(map(operator.mul, one, other))


def _signs(vector: Sequence[float]) -> str:
    return "".join("1" if number > 0 else "0" for number in vector)
