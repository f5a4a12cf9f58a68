"""The simulator on a port of the loopback: records of four types, their fields, searches, pipelines and stages."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.pipedrive.control import OBJECTS, TOKEN, Control, Numbers, Record, refused
from tests.simulators.serving import Act, Refused, application

Json = Any
Answer = Callable[[Control, Request, Json], Json]
_COMMON = {"owner_id", "visible_to", "label_ids", "custom_fields"}
_FIELDS = {
    "persons": {"name", "org_id", "emails", "phones", "marketing_status", "add_time", "update_time", *_COMMON},
    "organizations": {"name", "address", "add_time", "update_time", *_COMMON},
    "deals": {"title", "person_id", "org_id", "pipeline_id", "stage_id", "value", "currency", "status", "lost_reason", *_COMMON},
    "activities": {"subject", "type", "owner_id", "deal_id", "person_id", "org_id", "due_date", "due_time", "done", "note", "location"},
}
_NEEDED = {"persons": "name", "organizations": "name", "deals": "title", "activities": "subject"}
_FIELD_PATHS = {"persons": "personFields", "organizations": "organizationFields", "deals": "dealFields", "activities": "activityFields"}
_SEARCHED = {
    "persons": {"name", "email", "phone", "notes", "custom_fields"},
    "organizations": {"name", "address", "notes", "custom_fields"},
    "deals": {"title", "notes", "custom_fields"},
}


def _page(request: Request, items: Sequence[Json]) -> tuple[list[Json], str | None]:
    limit = int(request.query_params.get("limit", "100"))
    if not 1 <= limit <= 500:
        raise refused(400, "limit must be between 1 and 500")
    text = request.query_params.get("cursor")
    try:
        start = int(base64.b64decode(text).decode()) if text else 0
    except ValueError:
        raise refused(400, "Invalid cursor") from None
    end = start + limit
    following = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return list(items[start:end]), following


def _listed(request: Request, items: Sequence[Json]) -> Json:
    page, following = _page(request, items)
    return {"success": True, "data": page, "additional_data": {"next_cursor": following}}


def _record(control: Control, request: Request, kind: str) -> Record:
    number = request.path_params["id"]
    record = control.records[kind].get(int(number)) if number.isdigit() else None
    if record is None:
        raise refused(404, f"{kind[:-1].capitalize()} not found", "ERR_NOT_FOUND")
    if record["is_deleted"]:
        raise refused(410, f"{kind[:-1].capitalize()} is deleted", "ERR_GONE")
    return record


def _checked(control: Control, kind: str, body: Json) -> Record:
    given: Record = body or {}
    if unknown := sorted(set(given) - _FIELDS[kind]):
        raise refused(400, f"Validation failed: {unknown[0]}: unknown key")
    codes = {field["field_code"]: field for field in control.fields[kind] if field["is_custom_field"]}
    custom: Record = given.get("custom_fields") or {}
    for code, value in custom.items():
        if code not in codes:
            raise refused(400, f"Validation failed: custom_fields: {code}: unknown key")
        choices: list[Record] = codes[code]["options"] or []
        options = {option["id"] for option in choices}
        if options and value is not None and value not in options:
            raise refused(400, f"Validation failed: custom_fields: {code}: invalid option")
    for name in ("emails", "phones"):
        entries: list[Json] = given.get(name) or []
        if any(not isinstance(entry, dict) or "value" not in entry for entry in entries):
            raise refused(400, f"Validation failed: {name}: must be objects")
    stage = given.get("stage_id")
    if stage is not None and stage not in {one["id"] for one in control.stages}:
        raise refused(400, f"Validation failed: stage_id: {stage} does not exist")
    return given


def _crud(kind: str) -> list[tuple[str, str, int, Answer]]:
    def listed(control: Control, request: Request, _body: Json) -> Json:
        query = request.query_params
        records = [record for record in control.records[kind].values() if not record["is_deleted"]]
        if ids := query.get("ids"):
            wanted = set(ids.split(","))
            records = [record for record in records if str(record["id"]) in wanted]
        if since := query.get("updated_since"):
            records = [record for record in records if record["update_time"] >= since]
        return _listed(request, records)

    def given(control: Control, request: Request, _body: Json) -> Json:
        return {"success": True, "data": _record(control, request, kind)}

    def made(control: Control, _request: Request, body: Json) -> Json:
        values = _checked(control, kind, body)
        if not values.get(_NEEDED[kind]):
            raise refused(400, f"Validation failed: {_NEEDED[kind]}: is required")
        return {"success": True, "data": control.add(kind, **values)}

    def changed(control: Control, request: Request, body: Json) -> Json:
        record = _record(control, request, kind)
        return {"success": True, "data": control.change(kind, record, _checked(control, kind, body))}

    def removed(control: Control, request: Request, _body: Json) -> Json:
        record = _record(control, request, kind)
        record["is_deleted"] = True
        return {"success": True, "data": {"id": record["id"]}}

    def fields(control: Control, request: Request, _body: Json) -> Json:
        return _listed(request, control.fields[kind])

    return [
        ("GET", f"/{kind}", 10, listed),
        ("POST", f"/{kind}", 5, made),
        ("GET", f"/{kind}/{{id}}", 1, given),
        ("PATCH", f"/{kind}/{{id}}", 5, changed),
        ("DELETE", f"/{kind}/{{id}}", 3, removed),
        ("GET", f"/{_FIELD_PATHS[kind]}", 10, fields),
    ]


def _texts(value: Json) -> list[str]:
    if isinstance(value, list):
        return [text for item in cast("list[Json]", value) for text in _texts(item)]
    if isinstance(value, dict):
        return [str(cast("Record", value).get("value"))]
    return [] if value is None else [str(value)]


def _indexed(control: Control, kind: str) -> list[Record]:
    if control.lag > 0:
        control.lag -= 1
        return []
    return [record for record in control.records[kind].values() if not record["is_deleted"]]


def _search(kind: str) -> Answer:
    def found(control: Control, request: Request, _body: Json) -> Json:
        query = request.query_params
        term, names = query.get("term", ""), set(query.get("fields", "").split(",")) - {""}
        if len(term) < (1 if query.get("exact_match") == "true" else 2):
            raise refused(400, "term: too short")
        if names - _SEARCHED[kind]:
            raise refused(400, f"fields: {sorted(names - _SEARCHED[kind])[0]} is not allowed")
        plain = {"email": "emails", "phone": "phones"}
        fitting = [
            {"result_score": 1.0, "item": {"id": record["id"], "type": kind[:-1], "name": record.get("name")}}
            for record in _indexed(control, kind)
            if any(text.lower() == term.lower() for name in names or _SEARCHED[kind] for text in _texts(record.get(plain.get(name, name))))
        ]
        page, following = _page(request, fitting)
        return {"success": True, "data": {"items": page}, "additional_data": {"next_cursor": following}}

    return found


def _search_field(control: Control, request: Request, _body: Json) -> Json:
    query = request.query_params
    kind = {"person": "persons", "organization": "organizations", "deal": "deals"}.get(query.get("entity_type", ""))
    if kind is None:
        raise refused(400, "entity_type: is not allowed")
    if query.get("field") not in {field["field_code"] for field in control.fields[kind]}:
        raise refused(400, "field: does not exist")
    # It tells capitals and small letters apart.
    fitting = [
        {"id": record["id"], "name": record.get("name")}
        for record in _indexed(control, kind)
        if query.get("term") in _texts(record["custom_fields"].get(query.get("field")))
    ]
    return _listed(request, fitting)


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    def endpoint(method: str, path: str, cost: int, answer: Answer) -> Act:
        def act(request: Request, body: Json) -> tuple[int, Json, dict[str, str]]:
            if request.headers.get("x-api-token") not in control.tokens:
                raise Refused(401, {"success": False, "error": "unauthorized access", "errorCode": 401})
            headers = control.admit(method, path, cost)
            return 201 if method == "POST" else 200, answer(control, request, body), headers

        return act

    endpoints: list[tuple[str, str, int, Answer]] = [
        ("GET", "/pipelines", 10, lambda control, request, _body: _listed(request, control.pipelines)),
        ("GET", "/stages", 10, lambda control, request, _body: _listed(request, control.stages)),
        ("GET", "/itemSearch/field", 20, _search_field),
        *[("GET", f"/{kind}/search", 20, _search(kind)) for kind in _SEARCHED],
        *[one for kind in OBJECTS for one in _crud(kind)],
    ]
    return application(
        control, [(method, f"/api/v2{path}", endpoint(method, path, cost, answer)) for method, path, cost, answer in endpoints]
    )


class Running(running_server.Running):
    """A simulator that answers: `url`, the token that it accepts, and its control."""

    key = TOKEN

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/api/v2"


@contextmanager
def running(numbers: Numbers | None = None) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers))
    try:
        yield simulator
    finally:
        simulator.stop()
