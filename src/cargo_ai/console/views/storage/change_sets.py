"""Change sets: what was written into models, the records of one, and undoing it after a look at what that would do."""

from __future__ import annotations

from typing import Any, cast

from starlette.responses import Response

from cargo_ai.console.page import Page, PageRequest, action, page
from cargo_ai.console.views.storage import address, cells, model_pages
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

SETS, RECORDS = 30, 30
SHOWN_COLUMNS = 12


def _offset(request: PageRequest) -> int:
    text = request.query.get("offset", "")
    return min(int(text), 1_000_000_000) if text.isascii() and text.isdigit() else 0


def _pages(path: str, start: int, size: int, *, is_more: bool) -> dict[str, Any]:
    """The addresses of the neighbouring pages."""
    previous = address.with_query(path, {"offset": str(max(start - size, 0))}) if start else ""
    return {"previous": previous, "next": address.with_query(path, {"offset": str(start + size)}) if is_more else ""}


async def of_model(request: PageRequest) -> Response:
    """The change sets of a model, newest first."""
    uuid, start = request.path["uuid"], _offset(request)
    model = await model_pages.get_model(request, uuid)
    fields = {"modelUuid": uuid, "limit": SETS + 1, "offset": start}
    sets = cast("list[JsonObject]", (await request.call("storage.changeSet.list", fields))["changeSets"])
    return request.render(
        "storage/change_sets.html",
        command=f"cargo-ai storage change-set list --model-uuid {uuid} --limit {SETS}",
        title=f"{model['name']}: changes",
        model=model,
        sets=sets[:SETS],
        tabs=model_pages.tabs(uuid, "Changes"),
        **_pages(address.model(uuid, "changes"), start, SETS, is_more=len(sets) > SETS),
    )


async def change_set(request: PageRequest) -> Response:
    """One change set and its records, with their values before and after."""
    uuid, start = request.path["uuid"], _offset(request)
    found = cast("JsonObject", (await request.call("storage.changeSet.get", {"uuid": uuid}))["changeSet"])
    model_uuid = str(found["modelUuid"])
    records, problem = await _records(request, uuid, start)
    model = await _model(request, model_uuid)
    return request.render(
        "storage/change_set.html",
        command=[
            f"cargo-ai storage change-set list-records {uuid} --limit {RECORDS}",
            f"cargo-ai storage change-set undo {uuid} --dry-run",
        ],
        title=f"{found['kind']} of {model['name'] if model else 'a removed model'}",
        set=found,
        model=model,
        records=[_record(model_uuid, one) for one in records[:RECORDS]],
        problem=problem,
        may_undo=model is not None
        and request.may("storage:write", [model_uuid])
        and not found["undoneByUuid"]
        and found["kind"] != "forget",
        **_pages(address.change_set(uuid), start, RECORDS, is_more=len(records) > RECORDS),
    )


async def _model(request: PageRequest, uuid: str) -> JsonObject | None:
    try:
        return await model_pages.get_model(request, uuid)
    except Refusal as refusal:
        if refusal.reason == "modelNotFound":
            return None
        raise


async def _records(request: PageRequest, uuid: str, start: int) -> tuple[list[JsonObject], str]:
    """The records of a page and one more; or why they cannot be shown."""
    try:
        listed = await request.call("storage.changeSet.listRecords", {"uuid": uuid, "limit": RECORDS + 1, "offset": start})
    except Refusal as refusal:
        if refusal.reason != "modelNotFound":
            raise
        return [], refusal.message
    return cast("list[JsonObject]", listed["records"]), ""


def _record(model: str, changed: JsonObject) -> JsonObject:
    changes = cast("list[JsonObject]", changed["changes"])
    shown = [(str(one["columnSlug"]), cells.cell(one["before"]), cells.cell(one["after"])) for one in changes[:SHOWN_COLUMNS]]
    gone = cells.cell(changed["record"]) if changed["record"] else None
    label = cells.cell(changed["id"]).text
    return {
        "href": address.record(model, str(changed["id"])),
        "label": label,
        "change": changed["change"],
        "run": changed["runUuid"],
        "at": changed["changedAt"],
        "shown": shown,
        "more": max(len(changes) - SHOWN_COLUMNS, 0),
        "gone": gone,
    }


async def look_at_undo(request: PageRequest) -> Response:
    """What an undo would do, from a dry run, and the button that does it."""
    uuid = request.path["uuid"]
    skips = request.query.get("skip") == "true"
    found = cast("JsonObject", (await request.call("storage.changeSet.get", {"uuid": uuid}))["changeSet"])
    outcome, problem = await _dry_run(request, uuid)
    conflicts = int(outcome["conflictsCount"]) if outcome else 0
    return request.render(
        "storage/undo.html",
        command=f"cargo-ai storage change-set undo {uuid}{' --skip-conflicts' if conflicts else ''}",
        title="Undo",
        set=found,
        outcome=outcome,
        problem=problem,
        skips=skips,
        conflicts=[_conflict(str(found["modelUuid"]), one) for one in (outcome or {}).get("conflicts", [])],
    )


async def _dry_run(request: PageRequest, uuid: str) -> tuple[JsonObject | None, str]:
    """What would be undone; or why nothing can be."""
    try:
        return await request.call("storage.changeSet.undo", {"uuid": uuid, "dryRun": True, "skipConflicts": True}), ""
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        return None, refusal.message


def _conflict(model: str, conflict: JsonObject) -> JsonObject:
    id = str(conflict["id"])
    return {**conflict, "href": address.record(model, id), "label": cells.cell(id).text}


async def undo(request: PageRequest) -> Response:
    """Undo it, and show the change set that this is."""
    uuid = request.path["uuid"]
    done = await request.call("storage.changeSet.undo", {"uuid": uuid, "skipConflicts": request.form.get("skip") == "true"})
    counts = ((done["removedCount"], "removed"), (done["revertedCount"], "reverted"), (done["restoredCount"], "restored"))
    notice = "Undone: " + (", ".join(f"{count:,} records {what}" for count, what in counts if count) or "there was nothing to do") + "."
    made = cast("JsonObject | None", done["changeSet"])
    return request.redirect(address.change_set(str(made["uuid"]) if made else uuid), notice)


PAGES: list[Page] = [
    page("/models/{uuid}/changes", of_model, title="Changes", section="Models"),
    page("/change-sets/{uuid}", change_set, title="Change set", section="Models"),
    page("/change-sets/{uuid}/undo", look_at_undo, title="Undo", section="Models", permission="storage:write"),
    action("/change-sets/{uuid}/undo", undo, title="Undo", section="Models", permission="storage:write"),
]
