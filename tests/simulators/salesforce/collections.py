"""Collections: up to 200 records created, changed, upserted or deleted by one request, each with a result of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, cast

from tests.simulators.salesforce.control import Control
from tests.simulators.salesforce.org import JsonObject, ObjectType, RowRefused, refused

Json = Any
MAX = 200
Save = Callable[[ObjectType, JsonObject, JsonObject], JsonObject]
"""(object, record as it came, its values) → the result."""
_ROLLED_BACK = RowRefused("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back").result


def create(control: Control, body: Json) -> list[JsonObject]:
    """Create records."""

    def save(kind: ObjectType, record: JsonObject, values: JsonObject) -> JsonObject:
        if "id" in record:
            raise RowRefused("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
        return {"id": kind.create(values)["Id"], "success": True, "errors": []}

    return _each(control, body, save)


def update(control: Control, body: Json) -> list[JsonObject]:
    """Change records by their ids."""
    seen: set[str] = set()

    def save(kind: ObjectType, record: JsonObject, values: JsonObject) -> JsonObject:
        if not record.get("id"):
            raise RowRefused("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        present = kind.record(str(record["id"]))
        if present["Id"] in seen:
            raise RowRefused("INVALID_ARGUMENT", f"duplicate id in list: {present['Id']}")
        seen.add(present["Id"])
        _lock(control, present["Id"])
        kind.change(present["Id"], values)
        return {"id": present["Id"], "success": True, "errors": []}

    return _each(control, body, save)


def upsert(control: Control, object_type: str, by: str, body: Json) -> list[JsonObject]:
    """Create records, or change those with the same external id."""
    target = control.org.object_named(object_type)
    key = target.field_named(by)
    if key is None or not (key.external_id or key.id_lookup):
        raise refused(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {by}")
    records = _records(body)
    given = [next((value for name, value in record.items() if name.lower() == by.lower()), None) for record in records]
    twice = {str(value).lower() for value in given if [str(one).lower() for one in given].count(str(value).lower()) > 1}

    def save(kind: ObjectType, record: JsonObject, values: JsonObject) -> JsonObject:
        value = values.get(key.name)
        if kind is not target:
            raise RowRefused("INVALID_TYPE", f"The records have to be of the type {target.name}")
        if value is None:
            raise RowRefused("MISSING_ARGUMENT", f"{key.name} not specified", key.name)
        if str(value).lower() in twice or any(str(one).lower() in twice for name, one in record.items() if name.lower() == by.lower()):
            raise RowRefused("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", key.name)
        known = kind.having(key.name, value)
        if len(known) > 1:
            message = f"{key.name}: more than one record found for external id field: [{', '.join(str(one['Id']) for one in known)}]"
            raise RowRefused("DUPLICATE_EXTERNAL_ID", message, key.name)
        if known:
            _lock(control, known[0]["Id"])
            kind.change(known[0]["Id"], values)
            return {"id": known[0]["Id"], "success": True, "errors": [], "created": False}
        return {"id": kind.create(values)["Id"], "success": True, "errors": [], "created": True}

    return _each(control, body, save)


def delete(control: Control, ids: Sequence[str]) -> list[JsonObject]:
    """Move records to the recycle bin."""
    if not ids or len(ids) > MAX:
        raise refused(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MAX} records into this call")
    results: list[JsonObject] = []
    for record_id in ids:
        kind = next((one for one in control.org.objects.values() if record_id.startswith(one.prefix)), None)
        try:
            if kind is None:
                raise RowRefused("MALFORMED_ID", f"malformed id {record_id}")
            known = str(kind.record(record_id)["Id"])
            _lock(control, known)
            kind.delete(known)
            results.append({"id": known, "success": True, "errors": []})
        except RowRefused as refusal:
            results.append({"id": record_id, **refusal.result})
    return results


def _lock(control: Control, record_id: str) -> None:
    """A locked record is free again once it has kept someone waiting."""
    if record_id in control.locked:
        control.locked.discard(record_id)
        raise RowRefused("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {record_id}")


def _records(body: Json) -> list[JsonObject]:
    records: object = cast("JsonObject", body).get("records") if isinstance(body, dict) else None
    if not isinstance(records, list):
        raise refused(400, "JSON_PARSER_ERROR", "The request body has no list of records")
    if len(cast("list[Json]", records)) > MAX:
        raise refused(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MAX} records into this call")
    return cast("list[JsonObject]", records)


def _each(control: Control, body: Json, save: Save) -> list[JsonObject]:
    before = copy.deepcopy(control.org)
    results: list[JsonObject] = []
    for record in _records(body):
        named = str(cast("JsonObject", record.get("attributes") or {}).get("type") or "")
        kind = next((one for one in control.org.objects.values() if one.name.lower() == named.lower()), None)
        if kind is None:
            raise refused(400, "INVALID_TYPE", f"sObject type '{named}' is not supported.")
        try:
            results.append(save(kind, record, control.org.read(kind, record)))
        except RowRefused as refusal:
            if control.strict_columns and refusal.code == "INVALID_FIELD":
                control.org = before
                raise refused(400, "INVALID_FIELD", str(refusal)) from None
            results.append(refusal.result)
    if body.get("allOrNone") is True and not all(result["success"] for result in results):
        control.org = before
        return [_ROLLED_BACK if result["success"] else result for result in results]
    return results
