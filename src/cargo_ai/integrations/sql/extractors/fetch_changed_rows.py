"""Fetch changed rows: all rows once, later those whose incremental column, such as the time of the last change, has gone on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Cursor, ExtractedPage, Extractor, ExtractRequest, InvalidConfig, SourceShape
from cargo_ai.integrations.sql.extractors.source import (
    PAGE,
    RowsOf,
    count_of,
    dialect,
    from_clause,
    moment_of,
    order_by,
    record_of,
    select,
    shape_of,
)
from cargo_ai.integrations.sql.statement import quoted

Json = Any


class ChangedRows(RowsOf):
    """Which rows, and how those that changed are known."""

    incremental_column: str = Field(
        title="Incremental column",
        description="A column that grows with every change, such as updated_at; best with an index. Rows without a value are not read.",
        min_length=1,
    )
    overlap_seconds: int = Field(
        default=60,
        title="Overlap",
        description="Of a time: how far each sync looks back before the latest one, for transactions that were kept late.",
        ge=0,
        le=86_400,
    )


async def _shape(request: ExtractRequest) -> SourceShape:
    form = request.form(ChangedRows)
    shape = await shape_of(request, form)
    if shape.column(form.incremental_column) is None:
        raise InvalidConfig(f"`incrementalColumn` names {form.incremental_column}, which is not one of the columns.")
    return shape


async def _pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    """Pages by the incremental column and, of rows that are alike in it, by the id: `{value, id}` within a walk, `{value}` after one."""
    form, kind = request.form(ChangedRows), dialect(request)
    source = from_clause(form, kind)
    grows, key = (f"source.{quoted(name, kind)}" for name in (form.incremental_column, form.id_column))
    value, uid = (cursor or {}).get("value"), (cursor or {}).get("id")
    while True:
        if value is None:
            where = f"{grows} IS NOT NULL AND {key} IS NOT NULL"
        elif uid is None:
            where = f"{grows} >= %(value)s AND {key} IS NOT NULL"
        else:
            where = f"({grows} > %(value)s OR ({grows} = %(value)s AND {key} > %(id)s))"
        order = order_by(form, kind, form.incremental_column)
        text = f"SELECT source.* FROM {source} WHERE {where} ORDER BY {order} LIMIT {PAGE}"  # noqa: S608 - names are quoted
        given = {name: item for name, item in (("value", value), ("id", uid)) if item is not None}
        rows = (await select(request, text, given, PAGE)).rows
        if rows:
            value, uid = rows[-1][form.incremental_column], rows[-1][form.id_column]
        if len(rows) < PAGE:
            yield ExtractedPage([record_of(row) for row in rows], {"value": _looking_back(value, form.overlap_seconds)}, more=False)
            return
        yield ExtractedPage([record_of(row) for row in rows], {"value": value, "id": uid})


def _looking_back(value: Json, seconds: int) -> Json:
    """Where the next sync begins: a little before the last time, or at the last number."""
    moment = moment_of(value)
    return value if moment is None else (moment - timedelta(seconds=seconds)).isoformat()


async def _count(request: ExtractRequest) -> int:
    form = request.form(ChangedRows)
    return await count_of(request, form, f" WHERE source.{quoted(form.incremental_column, dialect(request))} IS NOT NULL")


FETCH_CHANGED_ROWS = Extractor(
    slug="fetchChangedRows",
    name="Changed rows",
    description="Fills a model with the rows of a table or a statement, later only with those that a growing column shows as changed.",
    form=ChangedRows,
    shape=_shape,
    pages=_pages,
    count=_count,
    kind="query",
)
