"""One record: its values as a form, and all that happened to it: who changed what, its runs, the segments that it is in."""

from __future__ import annotations

import shlex
from typing import cast

from starlette.responses import Response

from cargo_ai.console.page import Page, PageRequest, action, page
from cargo_ai.console.views.segmentation.condition_form import InvalidForm
from cargo_ai.console.views.storage import address, cells, model_pages, record_form
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

HISTORY = 50
RUNS = 20
SEGMENTS = 20
"""In how many segments of the model the record is looked for."""
SHOWN_CHANGES = 20


async def record(request: PageRequest) -> Response:
    """The record."""
    uuid, id = request.path["uuid"], _id(request)
    model = await model_pages.get_model(request, uuid)
    found = await _found(request, uuid, id)
    return await _page(request, model, id, found)


def _id(request: PageRequest) -> str:
    return request.path.get("id") or request.query.get("id", "")


async def _found(request: PageRequest, uuid: str, id: str) -> JsonObject | None:
    """The record as it is now; None where it was removed but has a history."""
    try:
        return cast("JsonObject", (await request.call("storage.record.get", {"modelUuid": uuid, "id": id}))["record"])
    except Refusal as refusal:
        if refusal.reason == "recordNotFound":
            return None
        raise


async def _page(request: PageRequest, model: JsonObject, id: str, found: JsonObject | None, problem: str = "") -> Response:
    uuid = str(model["uuid"])
    events = await _history(request, uuid, id, is_there=found is not None)
    columns = model_pages.columns_of(model)
    computed = [(column, cells.cell((found or {}).get(column.slug))) for column in columns if not column.is_writable]
    runs = await _runs(request, id)
    flags = ["--model-uuid", uuid, "--id", id]
    return request.render(
        "storage/record.html",
        command=[shlex.join(["cargo-ai", "storage", "record", verb, *flags]) for verb in ("get", "history")],
        status=400 if problem else 200,
        title=_title(found, id),
        model=model,
        id=id,
        record=found,
        fields=record_form.fields_of(columns, found or {}),
        computed=computed,
        events=[_event(event) for event in events],
        is_cut=len(events) == HISTORY,
        runs=runs,
        segments_path=address.with_query(address.model(uuid, "membership"), {"id": id}),
        problem=problem,
        may_write=request.may("storage:write", [uuid]),
    )


def _title(found: JsonObject | None, id: str) -> str:
    return cells.cell((found or {}).get("_title") or id).text


async def _history(request: PageRequest, uuid: str, id: str, *, is_there: bool) -> list[JsonObject]:
    try:
        history = await request.call("storage.record.history", {"modelUuid": uuid, "id": id, "limit": HISTORY})
    except Refusal as refusal:
        if refusal.reason == "recordNotFound" and is_there:
            return []
        raise
    return cast("list[JsonObject]", history["changes"])


def _event(event: JsonObject) -> JsonObject:
    """A change with its values as cells."""
    changes = cast("list[JsonObject]", event["changes"])
    shown = [(str(one["columnSlug"]), cells.cell(one["before"]), cells.cell(one["after"])) for one in changes[:SHOWN_CHANGES]]
    return {**event, "shown": shown, "more": max(len(changes) - SHOWN_CHANGES, 0)}


async def _runs(request: PageRequest, id: str) -> list[JsonObject]:
    """The runs of the record, newest first; none for a person who may not see runs."""
    try:
        listed = await request.call("orchestration.run.list", {"recordId": id, "limit": RUNS})
    except Refusal as refusal:
        if refusal.status == 403:
            return []
        raise
    return cast("list[JsonObject]", listed["runs"])


async def membership(request: PageRequest) -> Response:
    """The segments of the model that the record is in; asked for after the page, since each is a query."""
    uuid, id = request.path["uuid"], _id(request)
    asked = {"modelUuid": uuid, "fromPlay": False, "countUpTo": 0}
    listed = cast("list[JsonObject]", (await request.call("segmentation.segment.all", asked))["segments"])
    inside: list[JsonObject] = []
    for segment in listed[:SEGMENTS]:
        conditions = [
            {"kind": "string", "columnSlug": "_id", "operator": "is", "values": [id]},
            {"kind": "segment", "operator": "in", "segmentUuid": segment["uuid"]},
        ]
        filter = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": conditions}]}
        fields = {"modelUuid": uuid, "filter": filter, "fetchingLimit": 1, "countUpTo": 1}
        if (await request.call("segmentation.segment.fetch", fields))["records"]:
            inside.append(segment)
    command = f"cargo-ai segmentation segment list --model-uuid {uuid}"
    return request.render(
        "storage/membership.html", command=command, segments=inside, is_cut=len(listed) > SEGMENTS, looked=SEGMENTS, id=id
    )


async def edit(request: PageRequest) -> Response:
    """Write what was changed in the form."""
    uuid, id = request.path["uuid"], request.form.get("id", "")
    model = await model_pages.get_model(request, uuid)
    try:
        changes = record_form.changes_of(model_pages.columns_of(model), request.form)
    except InvalidForm as error:
        return await _page(request, model, id, await _found(request, uuid, id), str(error))
    if changes:
        await request.call("storage.record.update", {"modelUuid": uuid, "id": id, "data": changes})
    return request.redirect(address.record(uuid, id), f"Written: {', '.join(changes)}." if changes else "Nothing was changed.")


async def remove(request: PageRequest) -> Response:
    """Remove the record; its change set can be undone."""
    uuid, id = request.path["uuid"], request.form.get("id", "")
    await request.call("storage.record.remove", {"modelUuid": uuid, "id": id})
    return request.redirect(
        address.model(uuid, "records"), "The record was removed. To have it back, undo the newest of the model's changes."
    )


async def new(request: PageRequest) -> Response:
    """An empty form, and what it is sent to."""
    uuid = request.path["uuid"]
    model = await model_pages.get_model(request, uuid)
    columns, problem = model_pages.columns_of(model), ""
    if request.http.method == "POST":
        try:
            data = record_form.changes_of(columns, request.form)
        except InvalidForm as error:
            problem = str(error)
        else:
            made = cast("JsonObject", (await request.call("storage.record.create", {"modelUuid": uuid, "data": data}))["record"])
            return request.redirect(address.record(uuid, str(made["_id"])), "The record was added.")
    filled = {column.slug: request.form.get(f"{record_form.PREFIX}{column.slug}") or None for column in columns}
    return request.render(
        "storage/new_record.html",
        command=f'cargo-ai storage record create --model-uuid {uuid} --data \'{{"{model["idColumnSlug"]}":"..."}}\'',
        title=f"{model['name']}: new record",
        status=400 if problem else 200,
        model=model,
        fields=record_form.fields_of(columns, filled),
        problem=problem,
    )


PAGES: list[Page] = [
    page("/models/{uuid}/records/{id:path}", record, title="Record", section="Models"),
    page("/models/{uuid}/record", record, title="Record", section="Models"),
    page("/models/{uuid}/membership", membership, title="Segments of a record", section="Models"),
    page("/models/{uuid}/new", new, title="New record", section="Models", permission="storage:write", methods=("GET", "POST")),
    action("/models/{uuid}/edit", edit, title="Edit a record", section="Models"),
    action("/models/{uuid}/remove-record", remove, title="Remove a record", section="Models"),
]
