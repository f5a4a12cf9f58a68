"""Hybrid search: what words find and what meanings find, put into one order by their ranks in both."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from cargo_ai.domains.content.retrieval import search, vectors
from cargo_ai.domains.content.retrieval.search import Found
from cargo_ai.store.driver import Connection

POOL = 50
"""How many chunks each of the two may name."""
K = 10
"""Of reciprocal rank fusion: how little the first ranks are ahead of those behind them. Chosen by `bench retrieval`, as is the weight."""
WEIGHT = 2.0
"""Of the rank by meaning, where that by words has 1."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The vector of a question, and the generation of vectors that it can be held against."""

    generation: uuid.UUID
    vector: Sequence[float]


async def find(
    connection: Connection,
    workspace: uuid.UUID,
    question: str,
    meaning: Meaning,
    limit: int,
    files: Sequence[uuid.UUID] | None = None,
) -> list[Found]:
    """The best chunks for a question, the best first. A score of 1 is that of a chunk which is the first by words and by meaning."""
    pool = max(POOL, limit)
    by_words = [chunk for chunk, _ in await search.rank(connection, workspace, question, pool, files)]
    near = await vectors.nearest(connection, workspace, meaning.generation, meaning.vector, files, by_words)
    # The order by meaning is that of all that either has named: what words have found has its place in it, too.
    by_meaning = [chunk for chunk, _ in near]
    return await search.fetch_chunks(connection, fused(by_words, by_meaning[: 2 * pool])[:limit])


def fused(by_words: Sequence[int], by_meaning: Sequence[int]) -> list[tuple[int, float]]:
    """(chunk, score), the best first."""
    scores: dict[int, float] = {}
    for weight, ranked in ((1.0, by_words), (WEIGHT, by_meaning)):
        for rank, chunk in enumerate(ranked, 1):
            scores[chunk] = scores.get(chunk, 0.0) + weight / (1 + WEIGHT) * (K + 1) / (K + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
