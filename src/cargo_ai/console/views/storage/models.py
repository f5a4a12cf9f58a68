"""Models: the list, and one model with its columns, where it is read from, and its refreshes."""

from __future__ import annotations

from typing import cast

from starlette.responses import Response

from cargo_ai.console.page import Page, PageRequest, action, page
from cargo_ai.console.views.storage import address, model_pages
from cargo_ai.kernel.wire import JsonObject

PAGE = 50
RUNS = 25


async def models(request: PageRequest) -> Response:
    """All models."""
    listed = cast("list[JsonObject]", (await request.call("storage.model.all"))["models"])
    datasets = cast("list[JsonObject]", (await request.call("storage.dataset.all"))["datasets"])
    start = _offset(request)
    return request.render(
        "storage/models.html",
        command="cargo-ai storage model list",
        models=[{**model, "table": model_pages.table_name(model, datasets)} for model in listed[start : start + PAGE]],
        count=len(listed),
        start=start,
        previous=address.with_query("/console/models", {"offset": str(start - PAGE)}) if start >= PAGE else "",
        next=address.with_query("/console/models", {"offset": str(start + PAGE)}) if start + PAGE < len(listed) else "",
    )


async def model(request: PageRequest) -> Response:
    """One model: its columns, its fill, its source; for htmx only how far the fill is."""
    uuid = request.path["uuid"]
    found = await model_pages.get_model(request, uuid)
    if request.target == "fill":
        return request.render("storage/fill.html", command="", model=found)
    columns = cast("list[JsonObject]", (await request.call("storage.column.list", {"modelUuid": uuid}))["columns"])
    relationships = cast("list[JsonObject]", (await request.call("storage.relationship.all", {"modelUuid": uuid}))["relationships"])
    names = await _model_names(request) if relationships else {}
    datasets = cast("list[JsonObject]", (await request.call("storage.dataset.all"))["datasets"])
    return request.render(
        "storage/model.html",
        command=[f"cargo-ai storage model get {uuid}", f"cargo-ai storage column list --model-uuid {uuid}"],
        title=str(found["name"]),
        model=found,
        table=model_pages.table_name(found, datasets),
        columns=columns,
        relationships=relationships,
        names=names,
        schedule=_schedule(found),
        tabs=model_pages.tabs(uuid, "Columns"),
        may_write=request.may("storage:write", [uuid]),
    )


def _schedule(model: JsonObject) -> str:
    schedule = cast("JsonObject | None", model["schedule"])
    if not schedule:
        return "none"
    return f"{schedule['cron']} {schedule.get('timeZone') or 'UTC'}" if schedule.get("cron") else str(schedule.get("type"))


async def _model_names(request: PageRequest) -> dict[str, str]:
    listed = cast("list[JsonObject]", (await request.call("storage.model.all"))["models"])
    return {str(model["uuid"]): str(model["name"]) for model in listed}


async def refreshes(request: PageRequest) -> Response:
    """The refreshes of a model, and the fills of its computed columns."""
    uuid = request.path["uuid"]
    found = await model_pages.get_model(request, uuid)
    start = _offset(request)
    fields = {"modelUuid": uuid, "limit": RUNS + 1, "offset": start}
    runs = cast("list[JsonObject]", (await request.call("storage.run.list", fields))["runs"])
    path = address.model(uuid, "refreshes")
    return request.render(
        "storage/refreshes.html",
        command=f"cargo-ai storage run list --model-uuid {uuid} --limit {RUNS}",
        title=f"{found['name']}: refreshes",
        model=found,
        runs=runs[:RUNS],
        tabs=model_pages.tabs(uuid, "Refreshes"),
        previous=address.with_query(path, {"offset": str(max(start - RUNS, 0))}) if start else "",
        next=address.with_query(path, {"offset": str(start + RUNS)}) if len(runs) > RUNS else "",
        may_write=request.may("storage:write", [uuid]),
    )


async def refresh(request: PageRequest) -> Response:
    """Start a refresh."""
    uuid = request.path["uuid"]
    await request.call("storage.model.refresh", {"uuid": uuid})
    return request.redirect(address.model(uuid, "refreshes"), "The refresh was started.")


async def cancel(request: PageRequest) -> Response:
    """Cancel a refresh or a fill."""
    await request.call("storage.run.cancel", {"uuid": request.form.get("run", "")})
    return request.redirect(address.model(request.path["uuid"], "refreshes"), "It is being cancelled.")


def _offset(request: PageRequest) -> int:
    text = request.query.get("offset", "")
    return min(int(text), 1_000_000_000) if text.isascii() and text.isdigit() else 0


PAGES: list[Page] = [
    page("/models", models, title="Models", section="Models"),
    page("/models/{uuid}", model, title="Model", section="Models"),
    page("/models/{uuid}/refreshes", refreshes, title="Refreshes", section="Models"),
    action("/models/{uuid}/refresh", refresh, title="Refresh", section="Models"),
    action("/models/{uuid}/cancel", cancel, title="Cancel a refresh", section="Models"),
]
