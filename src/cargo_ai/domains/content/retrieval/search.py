"""Search: the chunks that say most about a question, by BM25 over the words that PostgreSQL has indexed.

How rare a word is comes from the count that the index keeps. How often a chunk has it comes from `ts_rank` of the word alone, which grows
with every occurrence in known steps. Chunks with the rarest words are looked at first; the others follow only as long as they could still
be among the best.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from psycopg import sql

from cargo_ai.domains.content.retrieval.words import LANGUAGE, searchable
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import Connection, fetch

K1, B = 1.2, 0.3
"""B: how much a long chunk loses. Chunks are cut to a size: how long one is says little of how much it talks around."""
MAX_WORDS = 32
"""Of a question; the rarest ones count."""
LONGEST_QUESTION = 4_000
MAX_LOOKED_AT = 3_000
"""Chunks whose score is computed before it is asked whether others could be better."""
MAX_IN_ALL = 40_000
_MAX_COUNTED = 16

# ts_rank of one word that occurs n times, all weights being 0.1; see calc_rank_or in PostgreSQL.
_RANKS = [0.1 * sum(1 / at**2 for at in range(1, count + 1)) / 1.64493406685 for count in range(1, _MAX_COUNTED + 1)]
_STEPS = [_RANKS[0] / 2, *((low + high) / 2 for low, high in pairwise(_RANKS))]

_WORDS = """
select lexeme, coalesce(t.chunks, 0)
from unnest(to_tsvector(%(language)s::regconfig, %(question)s)) as q
left join content_terms as t on t.workspace_uuid = %(workspace)s and t.term = q.lexeme
"""
_TOTALS = """
select coalesce(sum(chunks_count), 0), coalesce(sum(words_count), 0),
    coalesce(sum(chunks_count) filter (where %(files)s::uuid[] is null or uuid = any(%(files)s::uuid[])), 0)
from content_files where workspace_uuid = %(workspace)s
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that was found. position: as the chunk has it."""

    id: int
    file: uuid.UUID
    name: str
    number: int
    text: str
    position: JsonObject
    score: float
    content_type: str


@dataclass(frozen=True, slots=True)
class _Word:
    lexeme: str
    chunks: int
    weight: float


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked. words: those that occur, the rarest first. average: words of a chunk. among: how many chunks may be found."""

    workspace: uuid.UUID
    words: Sequence[_Word]
    average: float
    among: int
    limit: int
    files: list[uuid.UUID] | None


async def search(
    connection: Connection, workspace: uuid.UUID, question: str, limit: int, files: Sequence[uuid.UUID] | None = None
) -> list[Found]:
    """The best chunks for a question, the best first; `files`: of these alone. Words that occur nowhere count for nothing."""
    return await fetch_chunks(connection, await rank(connection, workspace, question, limit, files))


async def rank(
    connection: Connection, workspace: uuid.UUID, question: str, limit: int, files: Sequence[uuid.UUID] | None = None
) -> list[tuple[int, float]]:
    """The same as (id, score)."""
    asked = await _weigh(connection, workspace, question, limit, files)
    words, best = asked.words, list[tuple[int, float]]()
    taken = size = 0
    while taken < len(words):
        first, room = taken, MAX_LOOKED_AT
        # The rarest words first, as many as can be looked at in one go.
        while taken < len(words) and (taken == first or words[taken].chunks <= room or asked.among <= MAX_LOOKED_AT):
            room -= words[taken].chunks
            taken += 1
        best += await _score(connection, asked, first, taken)
        best = sorted(best, key=lambda found: (-found[1], found[0]))[:limit]
        size += min(asked.among, MAX_LOOKED_AT - room)
        # A chunk with none of the words that were looked for has at most this much.
        rest = sum(word.weight for word in words[taken:]) * (K1 + 1)
        if size >= MAX_IN_ALL or (len(best) == limit and best[-1][1] >= rest):
            break
    return best


async def _weigh(connection: Connection, workspace: uuid.UUID, question: str, limit: int, files: Sequence[uuid.UUID] | None) -> _Question:
    within = None if files is None else list(files)
    values = {"workspace": workspace, "language": LANGUAGE, "question": searchable(question[:LONGEST_QUESTION]), "files": within}
    ((total, all_words, among),) = await fetch(connection, _TOTALS, values)
    occurring = [(str(lexeme), int(chunks)) for lexeme, chunks in await fetch(connection, _WORDS, values) if chunks]
    occurring.sort(key=lambda word: (word[1], word[0]))
    words = [
        _Word(lexeme, chunks, math.log(1 + (max(int(total), chunks) - chunks + 0.5) / (chunks + 0.5)))
        for lexeme, chunks in occurring[:MAX_WORDS]
    ]
    return _Question(workspace, words, max(int(all_words) / max(int(total), 1), 1.0), int(among), limit, within)


async def _score(connection: Connection, asked: _Question, first: int, taken: int) -> list[tuple[int, float]]:
    """Of the chunks that have one of the words from `first` to before `taken`, and none before them, the best by all words: (id, score)."""
    values: dict[str, Any] = {"workspace": asked.workspace, "limit": asked.limit, "steps": _STEPS, "files": asked.files}
    values |= {"flat": K1 * (1 - B), "slope": K1 * B / asked.average}
    any_of = " | ".join(_query(word.lexeme) for word in asked.words[first:taken])
    before = [f"!{_query(word.lexeme)}" for word in asked.words[:first]]
    values["any"] = " & ".join([f"({any_of})", *before])
    # A chunk that was looked at before has none of the words before `first`: they need no counting.
    counts, terms = list[sql.Composable](), list[sql.Composable]()
    for at, word in enumerate(asked.words[first:]):
        values[f"word{at}"], values[f"weight{at}"] = _query(word.lexeme), word.weight * (K1 + 1)
        name, weight, here = sql.Identifier(f"n{at}"), sql.Placeholder(f"weight{at}"), sql.Placeholder(f"word{at}")
        counts.append(sql.SQL("width_bucket(ts_rank(terms, {}::tsquery)::float8, %(steps)s::float8[]) as {}").format(here, name))
        terms.append(sql.SQL("{} * {}::float8 / ({} + norm)").format(weight, name, name))
    statement = sql.SQL(
        "select id, {score} as score from ("
        "select id, %(flat)s + %(slope)s * words as norm, {counts} from content_chunks "
        "where workspace_uuid = %(workspace)s and terms @@ %(any)s::tsquery{within} offset 0) as counted "
        "order by score desc, id limit %(limit)s"
    ).format(
        score=sql.SQL(" + ").join(terms),
        counts=sql.SQL(", ").join(counts),
        within=sql.SQL("" if asked.files is None else " and file_uuid = any(%(files)s::uuid[])"),
    )
    cursor = await connection.execute(statement, values, prepare=False)
    return [(int(row[0]), float(row[1])) for row in await cursor.fetchall()]


def _query(lexeme: str) -> str:
    """A word as a tsquery that means it as it is."""
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


_FETCH = """
select c.id, c.file_uuid, f.name, c.number, c.text, c.position, f.content_type
from content_chunks as c join content_files as f on f.uuid = c.file_uuid where c.id = any(%s)
"""


async def fetch_chunks(connection: Connection, best: Sequence[tuple[int, float]]) -> list[Found]:
    """The chunks of (id, score), in this order; without those that are gone."""
    rows = {int(row[0]): row for row in await fetch(connection, _FETCH, [[uid for uid, _ in best]])}
    return [
        Found(uid, row[1], row[2], int(row[3]), row[4], row[5], score, row[6]) for uid, score in best if (row := rows.get(uid)) is not None
    ]
