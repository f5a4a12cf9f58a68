"""Segments: the list, one segment with its records and changes, and making, changing, comparing and removing one."""

from __future__ import annotations

import shlex
from typing import cast

from starlette.responses import Response

from cargo_ai.console.page import Page, PageRequest, action, page
from cargo_ai.console.views.segmentation import builder, filter_form
from cargo_ai.console.views.segmentation.condition_form import InvalidForm
from cargo_ai.console.views.storage import address, cells, model_pages
from cargo_ai.console.views.storage.grid import Grid
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

PAGE = 50
CHANGES = 20
COUNTED = 1_000
"""How many records of a segment are counted at most."""
KINDS = ("added", "removed", "updated")
RECORDS = 50


async def segments(request: PageRequest) -> Response:
    """The segments of the workspace, but for those that plays own."""
    return await _list(request, None)


async def of_model(request: PageRequest) -> Response:
    """The segments of one model."""
    return await _list(request, await model_pages.get_model(request, request.path["uuid"]))


async def _list(request: PageRequest, model: JsonObject | None) -> Response:
    uuid = str(model["uuid"]) if model else None
    listed = cast(
        "list[JsonObject]",
        (await request.call("segmentation.segment.all", {"modelUuid": uuid, "fromPlay": False, "countUpTo": COUNTED}))["segments"],
    )
    names = {uuid: str(model["name"])} if model else await _model_names(request)
    start = _offset(request)
    path = address.model(uuid, "segments") if uuid else "/console/segments"
    return request.render(
        "segmentation/segments.html",
        command="cargo-ai segmentation segment list" + (f" --model-uuid {uuid}" if uuid else ""),
        title=f"{model['name']}: segments" if model else "Segments",
        model=model,
        tabs=model_pages.tabs(uuid, "Segments") if uuid else [],
        segments=listed[start : start + PAGE],
        names=names,
        count=len(listed),
        previous=address.with_query(path, {"offset": str(max(start - PAGE, 0))}) if start else "",
        next=address.with_query(path, {"offset": str(start + PAGE)}) if start + PAGE < len(listed) else "",
    )


async def _model_names(request: PageRequest) -> dict[str, str]:
    """The names of models; none for a person who may not see them."""
    try:
        listed = cast("list[JsonObject]", (await request.call("storage.model.all"))["models"])
    except Refusal as refusal:
        if refusal.status == 403:
            return {}
        raise
    return {str(model["uuid"]): str(model["name"]) for model in listed}


def _offset(request: PageRequest) -> int:
    text = request.query.get("offset", "")
    return min(int(text), 1_000_000_000) if text.isascii() and text.isdigit() else 0


async def segment(request: PageRequest) -> Response:
    """One segment: its filter, its changes."""
    uuid = request.path["uuid"]
    found = cast("JsonObject", (await request.call("segmentation.segment.get", {"uuid": uuid, "countUpTo": COUNTED}))["segment"])
    start = _offset(request)
    fields = {"segmentUuid": uuid, "limit": CHANGES + 1, "offset": start}
    changes = cast("list[JsonObject]", (await request.call("segmentation.change.list", fields))["changes"])
    model = await model_pages.get_model(request, str(found["modelUuid"]))
    choices = await builder.load(request, model, is_used=True)
    form, problem = filter_form.of_filter(cast("JsonObject", found["filter"]), choices.types), ""
    filter = None
    try:
        form, filter = builder.submitted(request, form, choices)
    except InvalidForm as error:
        problem = str(error)
    await builder.load_things(request, choices, form, str(model["uuid"]))
    may_write = request.may("segmentation:write", [uuid]) and not found["fromPlay"]
    grid = _grid(found)
    flags = ["--model-uuid", grid.model, "--filter", filter_form.write_filter(grid.filter)]
    path = address.segment(uuid)
    return request.render(
        "segmentation/segment.html",
        block="builder" if "act" in request.query else "content",
        command=[f"cargo-ai segmentation segment get {uuid}", shlex.join(["cargo-ai", "segmentation", "segment", "fetch", *flags])],
        title=str(found["name"]),
        segment=found,
        model=model,
        form=form,
        choices=choices,
        path=path,
        hidden=[],
        problem=problem,
        filter_json=filter_form.write_filter(filter if filter is not None else grid.filter),
        proposed=filter_form.write_filter(filter) if filter is not None and filter != grid.filter else "",
        records_path=grid.path(),
        is_builder_open=bool(problem or filter is not None or "act" in request.query),
        changes=changes[:CHANGES],
        may_write=may_write,
        previous=address.with_query(path, {"offset": str(max(start - CHANGES, 0))}) if start else "",
        next=address.with_query(path, {"offset": str(start + CHANGES)}) if len(changes) > CHANGES else "",
    )


def _grid(segment: JsonObject) -> Grid:
    """The records grid with the filter and the first key of the order of a segment."""
    keys = cast("list[JsonObject]", segment["sort"] or [])
    columns = cast("list[str]", segment["columnSlugs"] or [])
    grid = Grid(str(segment["modelUuid"]), cast("JsonObject", segment["filter"]), columns=tuple(columns))
    if not keys:
        return grid
    return Grid(grid.model, grid.filter, str(keys[0]["columnSlug"]), str(keys[0]["kind"]), grid.columns)


async def create(request: PageRequest) -> Response:
    """Save the filter of a grid as a segment."""
    form = request.form
    fields: JsonObject = {"name": form.get("name", ""), "modelUuid": form.get("model", ""), "filter": _filter(form.get("filter", ""))}
    if form.get("sort"):
        fields["sort"] = [{"columnSlug": form["sort"], "kind": form.get("order") or "asc"}]
    if form.get("limit"):
        fields["limit"] = form["limit"]
    made = cast("JsonObject", (await request.call("segmentation.segment.create", fields))["segment"])
    return request.redirect(address.segment(str(made["uuid"])), "The segment was saved.")


def _filter(text: str) -> JsonObject:
    try:
        return filter_form.read_filter(text)
    except InvalidForm as error:
        raise Refusal(400, "invalidFilter", str(error)) from None


async def update(request: PageRequest) -> Response:
    """Change the name or the filter of a segment."""
    uuid, form = request.path["uuid"], request.form
    fields: JsonObject = {"uuid": uuid}
    if form.get("name"):
        fields["name"] = form["name"]
    if form.get("filter"):
        fields["filter"] = _filter(form["filter"])
    await request.call("segmentation.segment.update", fields)
    return request.redirect(address.segment(uuid), "The segment was changed.")


async def remove(request: PageRequest) -> Response:
    """Put a segment into the bin."""
    removed = await request.call("segmentation.segment.remove", {"uuid": request.path["uuid"]})
    return request.redirect(
        "/console/segments", f"The segment is in the bin until {str(removed['restoreUntil'])[:10]}: {removed['restore']}"
    )


async def compare(request: PageRequest) -> Response:
    """Compare a segment with its last snapshot."""
    uuid = request.path["uuid"]
    change = cast("JsonObject", (await request.call("segmentation.change.create", {"segmentUuid": uuid}))["change"])
    if change["status"] != "success":
        return request.redirect(address.segment(uuid), "The segment is large: it is being compared in the background.")
    counts = [f"{change[f'{kind}RecordsCount']:,} {kind}" for kind in KINDS]
    return request.redirect(address.segment(uuid), f"Compared: {', '.join(counts)}.")


async def change(request: PageRequest) -> Response:
    """The records that entered, left or changed in one comparison."""
    uuid, start = request.path["change"], _offset(request)
    found = cast("JsonObject", (await request.call("segmentation.change.get", {"uuid": uuid}))["change"])
    kind = request.query.get("kind", "")
    kind = kind if kind in KINDS else next((one for one in KINDS if found[f"{one}RecordsCount"]), KINDS[0])
    fields = {"uuid": uuid, "kinds": [kind], "limit": RECORDS, "offset": start}
    listed = await request.call("segmentation.change.fetch", fields)
    segment = cast(
        "JsonObject", (await request.call("segmentation.segment.get", {"uuid": found["segmentUuid"], "countUpTo": 0}))["segment"]
    )
    path = address.segment(str(segment["uuid"]), f"changes/{uuid}")
    rows, count = cast("list[JsonObject]", listed["records"]), int(listed["count"])
    columns = [(str(column["slug"]), str(column["label"])) for column in cast("list[JsonObject]", listed["columns"])[:6]]
    model = str(segment["modelUuid"])
    return request.render(
        "segmentation/change.html",
        command=f"cargo-ai segmentation change fetch --uuid {uuid} --kinds {kind} --limit {RECORDS}",
        title=f"Change of {segment['name']}",
        segment=segment,
        change=found,
        tabs=[(f"{_WORDS[one]} {found[f'{one}RecordsCount']:,}", address.with_query(path, {"kind": one}), one == kind) for one in KINDS],
        columns=columns,
        rows=[_row(model, row, [slug for slug, _ in columns]) for row in rows],
        previous=address.with_query(path, {"kind": kind, "offset": str(max(start - RECORDS, 0))}) if start else "",
        next=address.with_query(path, {"kind": kind, "offset": str(start + RECORDS)}) if start + len(rows) < count and rows else "",
    )


_WORDS = {"added": "Entered", "removed": "Left", "updated": "Changed"}


def _row(model: str, row: JsonObject, slugs: list[str]) -> tuple[str, str, list[cells.Cell]]:
    id = str(row["_id"])
    return address.record(model, id), cells.cell(row.get("_title") or id).text, cells.row(row, slugs)


PAGES: list[Page] = [
    page("/segments", segments, title="Segments", section="Segments"),
    page("/models/{uuid}/segments", of_model, title="Segments", section="Models"),
    page("/segments/{uuid}", segment, title="Segment", section="Segments"),
    page("/segments/{uuid}/changes/{change}", change, title="Change", section="Segments"),
    action("/segments", create, title="New segment", section="Segments"),
    action("/segments/{uuid}/update", update, title="Change a segment", section="Segments"),
    action("/segments/{uuid}/remove", remove, title="Remove a segment", section="Segments"),
    action("/segments/{uuid}/compare", compare, title="Compare a segment", section="Segments"),
]
