"""SQL: a query over the models, its rows as a table and as bars, its export, and the tables that there are."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import cast

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from cargo_ai.console.page import Page, PageRequest, page
from cargo_ai.console.pictures.bars import Chart, bars
from cargo_ai.console.views.storage import address, cells, model_pages
from cargo_ai.kernel.wire import JsonObject

ROWS = 100
MAX_QUERY = 20_000
MAX_COLUMNS = 60
MAX_BARS, MAX_LABEL = 40, 14
TABLES = 100
"""How many models are in the list of tables."""
FORMATS = ("csv", "json", "ndjson", "parquet")


async def sql(request: PageRequest) -> Response:
    """The query of the address, and its rows."""
    query = request.query.get("query", "").strip()
    offset = _offset(request)
    models = cast("list[JsonObject]", (await request.call("storage.model.all"))["models"])
    datasets = cast("list[JsonObject]", (await request.call("storage.dataset.all"))["datasets"])
    found = await request.soon(_rows(request, query, offset)) if query else None
    rows = cast("list[JsonObject]", found["rows"]) if found else []
    names = list(dict.fromkeys(name for row in rows for name in row))[:MAX_COLUMNS]
    shown = [cells.row(row, names) for row in rows]
    count = int(found["count"]) if found else 0
    return request.render(
        "storage/sql.html",
        block="result" if request.target == "result" else "content",
        command=shlex.join(["cargo-ai", "storage", "query", "execute", query or "SELECT * FROM default.companies LIMIT 10"]),
        query=query,
        is_late=bool(query) and found is None,
        problem=found["errorMessage"] if found else "",
        is_run=found is not None and found["outcome"] == "queried",
        heads=_heads(names, shown),
        rows=shown,
        count=count,
        offset=offset,
        chart=_chart(rows, names),
        tables=[_table(model, datasets) for model in models[:TABLES]],
        is_cut=len(models) > TABLES,
        exports=[(format, address.with_query("/console/sql/export", {"query": query, "format": format})) for format in FORMATS],
        previous=_page(query, max(offset - ROWS, 0)) if offset else "",
        next=_page(query, offset + ROWS) if offset + len(rows) < count and rows else "",
        example=_example(models, datasets),
    )


def _heads(names: Sequence[str], rows: Sequence[Sequence[cells.Cell]]) -> list[cells.Cell]:
    """The names of the columns, each above its values: to the right where they are numbers."""
    tones = [{row[place].tone for row in rows} - {"blank"} for place in range(len(names))]
    return [cells.Cell(cells.cell(name).text, "number" if tone == {"number"} else "text") for name, tone in zip(names, tones, strict=True)]


def _offset(request: PageRequest) -> int:
    text = request.query.get("offset", "")
    return min(int(text), 1_000_000_000) if text.isascii() and text.isdigit() else 0


def _page(query: str, offset: int) -> str:
    return address.with_query("/console/sql", {"query": query, "offset": str(offset) if offset else ""})


async def _rows(request: PageRequest, query: str, offset: int) -> JsonObject:
    """A page of the rows; of a query that cannot run the sentence that says why."""
    if len(query) > MAX_QUERY:
        return {"outcome": "notQueried", "rows": [], "count": 0, "errorMessage": f"A query has at most {MAX_QUERY:,} characters."}
    fields = {"query": query, "limit": ROWS, "offset": offset}
    return await request.call("systemOfRecordIntegration.client.fetch", fields)


def _table(model: JsonObject, datasets: list[JsonObject]) -> JsonObject:
    columns = [(column.slug, column.type) for column in model_pages.columns_of(model)]
    name = model_pages.table_name(model, datasets)
    return {
        "name": name,
        "columns": columns,
        "path": _page(_first_rows(name), 0),
        "model": address.model(str(model["uuid"])),
    }


def _example(models: Sequence[JsonObject], datasets: list[JsonObject]) -> str:
    name = model_pages.table_name(models[0], datasets) if models else "default.companies"
    return _first_rows(name)


def _first_rows(name: str) -> str:
    return f"SELECT * FROM {name} LIMIT 100"  # noqa: S608 - shown in the form, and checked like what people write


def _chart(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> Markup | None:
    """Bars of a result of few rows that has a label first, and a column of numbers after it."""
    if not 2 <= len(rows) <= MAX_BARS or len(names) < 2:
        return None
    numeric = [name for name in names[1:] if all(_is_number(row.get(name)) for row in rows)]
    if not numeric or not all(isinstance(row.get(names[0]), (str, int, NoneType)) for row in rows):
        return None
    labels = [cells.cell(row.get(names[0])).text[:MAX_LABEL] for row in rows]
    values = [float(cast("int | float", row.get(numeric[0]))) for row in rows]
    if any(value < 0 for value in values):
        return None
    return bars(labels, values, Chart(f"{numeric[0]} by {names[0]}"))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


async def export(request: PageRequest) -> Response:
    """All rows of the query as a file."""
    fields = {"query": request.query.get("query", ""), "format": request.query.get("format", "csv")}
    made = await request.call("storage.query.download", fields)
    return RedirectResponse(str(made["url"]), 303)


PAGES: list[Page] = [
    page("/sql", sql, title="SQL", section="SQL"),
    page("/sql/export", export, title="Export", section="SQL"),
]
