"""The index: the chunks of files, and in how many of them each word occurs, kept together in the caller's transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

from cargo_ai.domains.content.retrieval.chunks import Piece
from cargo_ai.domains.content.retrieval.words import LANGUAGE, searchable
from cargo_ai.store.driver import Connection, execute, fetch

# Two files of a workspace have words in common: their transactions take turns.
_LOCK = "select pg_advisory_xact_lock(hashtextextended(%s, 44))"
_INCOMING = """
create temporary table incoming_chunks (number bigint, text text, position text, searched text) on commit drop
"""
_ADD = """
insert into content_chunks (workspace_uuid, file_uuid, number, text, position, words, terms)
select %(workspace)s, %(file)s, number, text, position::json,
    (select coalesce(sum(cardinality(positions)), 0) from unnest(terms)), terms
from (select *, to_tsvector(%(language)s::regconfig, searched) as terms from incoming_chunks) as incoming
order by number
"""
_COUNT = """
insert into content_terms as t (workspace_uuid, term, chunks)
select %(workspace)s, lexeme, count(*) from content_chunks, unnest(terms) where file_uuid = %(file)s group by lexeme order by lexeme
on conflict (workspace_uuid, term) do update set chunks = t.chunks + excluded.chunks
"""
_UNCOUNT = """
with gone as (select lexeme, count(*) as chunks from content_chunks, unnest(terms) where file_uuid = %(file)s group by lexeme)
update content_terms as t set chunks = t.chunks - gone.chunks from gone where t.workspace_uuid = %(workspace)s and t.term = gone.lexeme
"""
_TOTALS = "select count(*), coalesce(sum(words), 0) from content_chunks where file_uuid = %(file)s"


async def put(connection: Connection, workspace: uuid.UUID, file: uuid.UUID, pieces: Iterable[Piece]) -> tuple[int, int]:
    """Store the chunks of a file in place of those it has; how many chunks and words there are."""
    values = {"workspace": workspace, "file": file, "language": LANGUAGE}
    await forget(connection, workspace, file)
    await execute(connection, _INCOMING)
    async with connection.cursor() as cursor, cursor.copy("copy incoming_chunks from stdin") as copy:
        for number, piece in enumerate(pieces):
            position = json.dumps(piece.position, ensure_ascii=False)
            await copy.write_row((number, piece.text, position, searchable(piece.searched)))
    await execute(connection, _ADD, values)
    await execute(connection, "drop table incoming_chunks")
    await execute(connection, _COUNT, values)
    ((chunks, words),) = await fetch(connection, _TOTALS, values)
    return int(chunks), int(words)


async def forget(connection: Connection, workspace: uuid.UUID, file: uuid.UUID) -> None:
    """Remove the chunks of a file, and take their words out of the count."""
    values = {"workspace": workspace, "file": file}
    await execute(connection, _LOCK, [str(workspace)])
    if await execute(connection, _UNCOUNT, values):
        await execute(connection, "delete from content_terms where workspace_uuid = %(workspace)s and chunks <= 0", values)
    await execute(connection, "delete from content_chunks where file_uuid = %(file)s", values)
