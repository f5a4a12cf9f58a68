"""Records: the grid of a model, page by page, filtered by the same filters as the command line, and its export."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any, cast

from starlette.responses import RedirectResponse, Response

from cargo_ai.console.page import Page, PageRequest, page
from cargo_ai.console.views.segmentation import builder, filter_form
from cargo_ai.console.views.segmentation.condition_form import InvalidForm
from cargo_ai.console.views.storage import address, cells, model_pages
from cargo_ai.console.views.storage.grid import COUNTED, ROWS, SHOWN_COLUMNS, Grid
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

FORMATS = ("csv", "json", "ndjson", "parquet")


async def records(request: PageRequest) -> Response:
    """The grid; what its filter builder is sent to as well."""
    uuid = request.path["uuid"]
    model = await model_pages.get_model(request, uuid)
    grid, problem = _parse(request, uuid)
    choices = await builder.load(request, model, is_used=not grid.is_everything)
    form, filter = filter_form.of_filter(grid.filter, choices.types), None
    try:
        form, filter = builder.submitted(request, form, choices)
    except InvalidForm as error:
        problem = str(error)
    if filter is not None:
        return request.redirect(replace(grid, filter=filter, after="", offset=0).path())
    await builder.load_things(request, choices, form, uuid)
    shared: dict[str, Any] = {
        "model": model,
        "grid": grid,
        "form": form,
        "choices": choices,
        "path": address.model(uuid, "records"),
        "hidden": [(name, value) for name, value in _pairs(grid)],
        "filter_json": filter_form.write_filter(grid.filter),
    }
    if request.is_fragment and "act" in request.query:
        return request.render("storage/records.html", command=[], block="builder", problem=problem, **shared)
    part = await request.soon(_listed(request, grid, problem))
    listed, problem = part or (None, problem)
    return _render(request, model, grid, listed, {**shared, "problem": problem})


def _parse(request: PageRequest, uuid: str) -> tuple[Grid, str]:
    """The grid of the address; of one that cannot be read all records, and what is wrong with it."""
    try:
        return Grid.parse(uuid, request.query), ""
    except InvalidForm as error:
        return Grid(uuid, filter_form.EVERYTHING), str(error)


def _pairs(grid: Grid) -> list[tuple[str, str]]:
    """The query of the grid as hidden fields."""
    pairs: list[tuple[str, str]] = []
    for name, values in grid.query().items():
        pairs += [(name, value) for value in ((values,) if isinstance(values, str) else values) if value]
    return pairs


async def _listed(request: PageRequest, grid: Grid, problem: str) -> tuple[JsonObject, str]:
    """A page of records and how many there are; nothing, and why, where the filter or the order cannot be used."""
    fields: JsonObject = {"modelUuid": grid.model, "filter": grid.filter, "countUpTo": COUNTED}
    try:
        if not grid.is_by_id:
            fields |= {"sort": grid.sort_keys or None, "fetchingLimit": ROWS, "fetchingOffset": grid.offset}
            return await request.call("segmentation.segment.fetch", fields), problem
        counted = await request.call("segmentation.segment.fetch", {**fields, "fetchingLimit": 1})
        page: JsonObject = {"modelUuid": grid.model, "limit": ROWS}
        page |= {"after": grid.after} if grid.after else {"sort": {"columnSlug": "_id", "kind": "asc"}}
        return {**counted, **await request.call("storage.record.list", page)}, problem
    except Refusal as refusal:
        if refusal.status != 400:
            raise
        return {"records": [], "count": 0, "isCountExact": True}, problem or refusal.message


def _render(request: PageRequest, model: JsonObject, grid: Grid, listed: JsonObject | None, shared: dict[str, Any]) -> Response:
    """The grid; where nothing is listed yet, a browser asks for the rows with the page."""
    columns = model_pages.columns_of(model)
    by_slug = {column.slug: column for column in columns}
    chosen = [by_slug[slug] for slug in grid.columns if slug in by_slug] or _default(model, columns)
    is_late = listed is None
    listed = listed or {"records": [], "count": 0, "isCountExact": True}
    rows = cast("list[JsonObject]", listed["records"])
    slugs = [column.slug for column in chosen]
    return request.render(
        "storage/records.html",
        block="rows" if request.target == "rows" else "content",
        command=shlex.join(["cargo-ai", *grid.command()]),
        title=f"{model['name']}: records",
        **shared,
        is_late=is_late,
        columns=columns,
        chosen=chosen,
        title_label=by_slug[model["titleColumnSlug"]].label if model["titleColumnSlug"] in by_slug else "Record",
        rows=[(address.record(grid.model, str(row["_id"])), cells.cell(_title(row)), cells.row(row, slugs)) for row in rows],
        count=listed["count"],
        is_exact=listed["isCountExact"],
        next=_next(grid, rows, int(listed["count"]), is_exact=bool(listed["isCountExact"])),
        previous=grid.path(more={"offset": str(grid.offset - ROWS)} if grid.offset > ROWS else None) if grid.offset else "",
        exports=[(format, grid.path("export", {"format": format})) for format in FORMATS],
        sorts={column.slug: grid.sorted_by(column.slug) for column in chosen},
        tabs=model_pages.tabs(grid.model, "Records"),
        sort_json=filter_form.write_filter({"sort": grid.sort_keys}),
        may_segment=request.may("segmentation:write"),
        may_write=request.may("storage:write", [grid.model]),
    )


def _default(model: JsonObject, columns: list[model_pages.Column]) -> list[model_pages.Column]:
    """The first columns, without the one that is the title of each row."""
    return [column for column in columns if column.slug != model["titleColumnSlug"]][:SHOWN_COLUMNS]


def _title(row: JsonObject) -> object:
    return row.get("_title") or row["_id"]


def _next(grid: Grid, rows: list[JsonObject], count: int, *, is_exact: bool) -> str:
    """The address of the next page, where there is one."""
    if len(rows) < ROWS:
        return ""
    if grid.is_by_id:
        return grid.path(more={"after": str(rows[-1]["_id"])})
    end = grid.offset + len(rows)
    return "" if is_exact and end >= count else grid.path(more={"offset": str(end)})


async def export(request: PageRequest) -> Response:
    """All records of the grid as a file."""
    uuid = request.path["uuid"]
    try:
        grid = Grid.parse(uuid, request.query)
    except InvalidForm as error:
        raise Refusal(400, "invalidFilter", str(error)) from None
    format = request.query.get("format", "csv")
    fields = {"modelUuid": uuid, "filter": grid.filter, "sort": grid.sort_keys or None, "format": format}
    made = await request.call("segmentation.segment.download", fields)
    return RedirectResponse(str(made["url"]), 303)


PAGES: list[Page] = [
    page("/models/{uuid}/records", records, title="Records", section="Models"),
    page("/models/{uuid}/export", export, title="Export", section="Models"),
]
