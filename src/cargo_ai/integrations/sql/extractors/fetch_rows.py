"""Fetch rows: all rows at every sync, in the order of their ids; those that are gone leave the model."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cargo_ai.integrations.kit import Cursor, ExtractedPage, Extractor, ExtractRequest, SourceShape
from cargo_ai.integrations.sql.extractors.source import PAGE, RowsOf, count_of, dialect, from_clause, order_by, record_of, select, shape_of
from cargo_ai.integrations.sql.statement import quoted


async def _shape(request: ExtractRequest) -> SourceShape:
    return await shape_of(request, request.form(RowsOf))


async def _pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    form, kind = request.form(RowsOf), dialect(request)
    source, key = from_clause(form, kind), f"source.{quoted(form.id_column, kind)}"
    after = (cursor or {}).get("after")
    while True:
        where = f"{key} IS NOT NULL" if after is None else f"{key} > %(after)s"
        text = f"SELECT source.* FROM {source} WHERE {where} ORDER BY {order_by(form, kind)} LIMIT {PAGE}"  # noqa: S608 - names are quoted
        rows = (await select(request, text, {} if after is None else {"after": after}, PAGE)).rows
        if len(rows) < PAGE:
            yield ExtractedPage([record_of(row) for row in rows], None, more=False)
            return
        after = rows[-1][form.id_column]
        yield ExtractedPage([record_of(row) for row in rows], {"after": after})


async def _count(request: ExtractRequest) -> int:
    return await count_of(request, request.form(RowsOf))


FETCH_ROWS = Extractor(
    slug="fetchRows",
    name="Rows",
    description="Fills a model with all rows of a table or a statement, again at every sync.",
    form=RowsOf,
    shape=_shape,
    pages=_pages,
    count=_count,
    is_incremental=False,
    kind="query",
)
