"""The endpoints of records: one by one, in batches, searched, associated."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from tests.simulators.hubspot import batch
from tests.simulators.hubspot.call import Answer, Asked, Endpoint, object_scope
from tests.simulators.hubspot.records import ObjectType, Record
from tests.simulators.hubspot.refusal import Refused, not_found
from tests.simulators.hubspot.search import search

Json = Any
MAX_PER_PAGE = 100


def _kind(asked: Asked, verb: str, name: str = "type") -> ObjectType:
    kind = asked.account.type_named(asked.path[name])
    asked.require(object_scope(kind, verb))
    return kind


def _named(asked: Asked, kind: ObjectType) -> Record:
    archived = asked.flag("archived")
    record = kind.get(asked.path["id"], asked.query.get("idProperty"), archived=archived)
    if record is None:
        raise not_found()
    return record


def _properties(asked: Asked) -> list[str] | None:
    return asked.query["properties"].split(",") if asked.query.get("properties") else None


def _values(asked: Asked) -> Mapping[str, Json]:
    values = asked.document.get("properties")
    if not isinstance(values, Mapping):
        raise Refused(400, "Invalid input JSON: some required fields were not set: [properties]")
    return cast("Mapping[str, Json]", values)


def list_records(asked: Asked) -> Answer:
    """A page in the order of ids; `after` is the id to go on from."""
    kind = _kind(asked, "read")
    limit = asked.number("limit", 10, MAX_PER_PAGE)
    page: list[Record] = []
    for record in kind.after(asked.query.get("after"), archived=asked.flag("archived")):
        if len(page) == limit:
            following = {"after": record.id, "link": f"https://api.hubapi.com{asked.target}?after={record.id}"}
            return 200, {"results": [_shown(asked, kind, one) for one in page], "paging": {"next": following}}
        page.append(record)
    return 200, {"results": [_shown(asked, kind, one) for one in page]}


def _shown(asked: Asked, kind: ObjectType, record: Record) -> Json:
    shown = kind.show(record, _properties(asked))
    for name in filter(None, asked.query.get("associations", "").split(",")):
        other = asked.account.type_named(name)
        results = [
            {"id": one["toObjectId"], "type": f"{kind.label}_to_{other.label}".lower()}
            for one in asked.account.associations_of(kind, record.id, other)
        ]
        if results:
            shown.setdefault("associations", {})[name] = {"results": results}
    return shown


def read_record(asked: Asked) -> Answer:
    """One record by id or by a unique property."""
    kind = _kind(asked, "read")
    return 200, _shown(asked, kind, _named(asked, kind))


def create_record(asked: Asked) -> Answer:
    """A new record. The page says 201; so does the live service for single records, but through a proxy 200 was recorded."""
    kind = _kind(asked, "write")
    record = kind.create(_values(asked))
    for given in asked.document.get("associations") or ():
        for spec in given.get("types", ()):
            other = next(
                (one for one in asked.account.types.values() if one.id != kind.id and one.get(str(given["to"]["id"])) is not None), None
            )
            if other is None:
                raise Refused(400, f"Association {spec} is not valid.")
            asked.account.associate(kind, record.id, other, str(given["to"]["id"]))
    return 201, kind.show(record, everything=True)


def update_record(asked: Asked) -> Answer:
    """Some values of one record."""
    kind = _kind(asked, "write")
    return 200, kind.show(kind.update(_named(asked, kind), _values(asked)), everything=True)


def archive_record(asked: Asked) -> Answer:
    """To the recycling bin. An id that does not exist is not an error (reported by clients)."""
    kind = _kind(asked, "write")
    record = kind.get(asked.path["id"])
    if record is not None:
        kind.archive(record)
    return 204, None


def search_records(asked: Asked) -> Answer:
    """A page of those that match."""
    kind = _kind(asked, "read")
    return 200, search(kind, asked.document, asked.control.search_lag, asked.size)


def _writing(write: Callable[[ObjectType, Json, batch.Reporting], Answer]) -> Endpoint:
    def endpoint(asked: Asked) -> Answer:
        return write(_kind(asked, "write"), asked.document, asked.control)

    return endpoint


def batch_read(asked: Asked) -> Answer:
    """Many records by id or by a unique property."""
    return batch.read(_kind(asked, "read"), asked.document)


def batch_archive(asked: Asked) -> Answer:
    """Many records to the recycling bin."""
    return batch.archive(_kind(asked, "write"), asked.document)


def associate(asked: Asked) -> Answer:
    """The default association of two records."""
    started = time.time()
    kind, other = _kind(asked, "write"), _kind(asked, "write", "to")
    return batch.answer_of(asked.account.associate(kind, asked.path["id"], other, asked.path["to_id"]), [], started)


def associations_of(asked: Asked) -> Answer:
    """What one record is associated with."""
    kind, other = _kind(asked, "read"), _kind(asked, "read", "to")
    if kind.get(asked.path["id"]) is None:
        raise not_found()
    return 200, {"results": asked.account.associations_of(kind, asked.path["id"], other)}


def batch_associate(asked: Asked) -> Answer:
    """Many default associations; those that fail are errors of the answer."""
    started = time.time()
    kind, other = _kind(asked, "write"), _kind(asked, "write", "to")
    results: list[Json] = []
    errors: list[Json] = []
    for given in batch.inputs_of(asked.document):
        try:
            results += asked.account.associate(kind, str(given["from"]["id"]), other, str(given["to"]["id"]))
        except Refused as refusal:
            errors.append(refusal.of_row(None))
    return batch.answer_of(results, errors, started)


def batch_read_associations(asked: Asked) -> Answer:
    """What many records are associated with; those without any are left out, as 207."""
    started = time.time()
    kind, other = _kind(asked, "read"), _kind(asked, "read", "to")
    results: list[Json] = []
    errors: list[Json] = []
    for given in batch.inputs_of(asked.document):
        key = str(given["id"])
        found = asked.account.associations_of(kind, key, other)
        if found:
            results.append({"from": {"id": key}, "to": found})
        else:
            message = f"No {other.label} is associated with {kind.label} {key}."
            missing = Refused(404, message, category="OBJECT_NOT_FOUND", context={"fromObjectId": [key]})
            errors.append(missing.of_row(None) | {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"})
    return batch.answer_of(results, errors, started)


def batch_dissociate(asked: Asked) -> Answer:
    """Take many associations away."""
    kind, other = _kind(asked, "write"), _kind(asked, "write", "to")
    for given in batch.inputs_of(asked.document):
        for one in given["to"]:
            asked.account.dissociate(kind, str(given["from"]["id"]), other, str(one["id"]))
    return 204, None


_OBJECTS = "/crm/objects/2026-03/{type}"
_ASSOCIATIONS = "/crm/associations/2026-03/{type}/{to}/batch"
ROUTES: list[tuple[str, str, Endpoint]] = [
    ("POST", f"{_OBJECTS}/batch/create", _writing(batch.create)),
    ("POST", f"{_OBJECTS}/batch/update", _writing(batch.update)),
    ("POST", f"{_OBJECTS}/batch/upsert", _writing(batch.upsert)),
    ("POST", f"{_OBJECTS}/batch/read", batch_read),
    ("POST", f"{_OBJECTS}/batch/archive", batch_archive),
    ("POST", f"{_OBJECTS}/search", search_records),
    ("GET", _OBJECTS, list_records),
    ("POST", _OBJECTS, create_record),
    ("PUT", f"{_OBJECTS}/{{id}}/associations/default/{{to}}/{{to_id}}", associate),
    ("GET", f"{_OBJECTS}/{{id}}/associations/{{to}}", associations_of),
    ("GET", f"{_OBJECTS}/{{id}}", read_record),
    ("PATCH", f"{_OBJECTS}/{{id}}", update_record),
    ("DELETE", f"{_OBJECTS}/{{id}}", archive_record),
    ("POST", f"{_ASSOCIATIONS}/associate/default", batch_associate),
    ("POST", f"{_ASSOCIATIONS}/read", batch_read_associations),
    ("POST", f"{_ASSOCIATIONS}/archive", batch_dissociate),
]
