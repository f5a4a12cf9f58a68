"""The endpoints: what each checks, does and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.simulators.attio import changes
from tests.simulators.attio.filters import fits
from tests.simulators.attio.values import document
from tests.simulators.attio.workspace import WORKSPACE, Attribute, Collection, Item, Workspace, id_for, refused

Json = Any
MAX_RECORDS = 500


@dataclass(frozen=True)
class Asked:
    """A request: what stands in its path, its query and its body."""

    workspace: Workspace
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json

    @property
    def data(self) -> dict[str, Json]:
        """What the body is about."""
        body: object = self.body
        if isinstance(body, dict):
            data: object = cast("dict[str, object]", body).get("data")
            if isinstance(data, dict):
                return cast("dict[str, Json]", data)
        raise refused(400, "validation_type", "Body payload validation error: data is required.")

    @property
    def object(self) -> Collection:
        """The object of the path."""
        return self.workspace.object(self.path["object"])

    @property
    def list(self) -> Collection:
        """The list of the path."""
        return self.workspace.list(self.path["list"])

    @property
    def target(self) -> Collection:
        """The object or list whose attributes are meant."""
        name = self.path["identifier"]
        return self.workspace.object(name) if self.path["target"] == "objects" else self.workspace.list(name)

    @property
    def attribute(self) -> Attribute:
        """The attribute of the path."""
        found = self.target.attribute(self.path["attribute"])
        if found is None:
            raise refused(404, "not_found", f'Attribute with slug/ID "{self.path["attribute"]}" not found.')
        return found

    @property
    def record(self) -> Item:
        """The record of the path."""
        record = self.object.items.get(self.path["record"])
        if record is None:
            raise refused(404, "not_found", f'Record with ID "{self.path["record"]}" not found.')
        return record

    @property
    def entry(self) -> Item:
        """The entry of the path."""
        entry = self.list.items.get(self.path["entry"])
        if entry is None:
            raise refused(404, "not_found", f'Entry with ID "{self.path["entry"]}" not found.')
        return entry

    def page(self, items: list[Json], most: int) -> list[Json]:
        """The part of a list that limit and offset of the query name."""
        limit, start = int(self.query.get("limit") or most), int(self.query.get("offset") or 0)
        if not 1 <= limit <= 1000 or start < 0:
            raise refused(400, "validation_type", "limit and offset are out of range.")
        return items[start : start + limit]


def _attributes(asked: Asked) -> Json:
    return {"data": asked.page([attribute.document() for attribute in asked.target.attributes.values()], 500)}


def _options(asked: Asked) -> Json:
    attribute = asked.attribute
    kind = "status" if asked.path["options"] == "statuses" else "select"
    titles = attribute.options if attribute.type == kind else []
    ids = {"workspace_id": WORKSPACE, "attribute_id": attribute.id}
    return {
        "data": [{"id": {**ids, "option_id": id_for(attribute.owner, attribute.slug, t)}, "title": t, "is_archived": False} for t in titles]
    }


def _objects(asked: Asked) -> Json:
    objects = asked.workspace.objects.values()
    ids = {"workspace_id": WORKSPACE}
    return {"data": [{"id": {**ids, "object_id": each.id}, "api_slug": each.slug, "plural_noun": each.title} for each in objects]}


def _list(each: Collection) -> Json:
    ids = {"workspace_id": WORKSPACE, "list_id": each.id}
    return {"id": ids, "api_slug": each.slug, "name": each.title, "parent_object": [each.parent]}


def _lists(asked: Asked) -> Json:
    return {"data": [_list(each) for each in asked.workspace.lists.values()]}


def _members(asked: Asked) -> Json:
    return {
        "data": [
            {
                "id": {"workspace_id": WORKSPACE, "workspace_member_id": member.id},
                "first_name": member.first,
                "last_name": member.last,
                "email_address": member.email,
                "access_level": "admin",
            }
            for member in asked.workspace.members
        ]
    }


def _values(collection: Collection, item: Item) -> dict[str, list[Json]]:
    """Of every attribute, also of those without a value."""
    own = {slug: [document(value, item.created_at) for value in item.values.get(slug, [])] for slug in collection.attributes}
    if "record_id" in own:
        own["record_id"] = [document({"value": item.id, "attribute_type": "text"}, item.created_at)]
    return own | {"created_at": [document({"value": item.created_at, "attribute_type": "timestamp"}, item.created_at)]}


def _record(collection: Collection, record: Item) -> Json:
    return {
        "id": {"workspace_id": WORKSPACE, "object_id": collection.id, "record_id": record.id},
        "created_at": record.created_at,
        "web_url": f"https://app.attio.example/acme/{collection.slug}/{record.id}",
        "values": _values(collection, record),
    }


def _entry(collection: Collection, entry: Item) -> Json:
    return {
        "id": {"workspace_id": WORKSPACE, "list_id": collection.id, "entry_id": entry.id},
        "parent_record_id": entry.parent,
        "parent_object": collection.parent,
        "created_at": entry.created_at,
        "entry_values": _values(collection, entry),
    }


def _query(asked: Asked) -> Json:
    collection = asked.object
    body = cast("dict[str, Json]", asked.body or {})
    limit, start = body.get("limit", MAX_RECORDS), body.get("offset", 0)
    if unknown := set(body) - {"filter", "sorts", "limit", "offset"}:
        raise refused(400, "validation_type", f"Body payload validation error: unknown key {min(unknown)}.")
    if not 1 <= limit <= MAX_RECORDS or start < 0:
        raise refused(400, "validation_type", "limit and offset are out of range.")
    # A filter is read as a whole, whatever there is.
    fits(collection, Item(id_for("none"), ""), body.get("filter", {}))
    records = [record for record in collection.items.values() if fits(collection, record, body.get("filter", {}))]
    for sort in reversed(body.get("sorts", [])):
        records.sort(key=lambda record, sort=sort: _sort_key(collection, record, sort), reverse=sort["direction"] == "desc")
    return {"data": [_record(collection, record) for record in records[start : start + limit]]}


def _sort_key(collection: Collection, record: Item, sort: Mapping[str, Json]) -> Json:
    attribute = collection.attribute(str(sort.get("attribute")))
    if attribute is None or sort.get("direction") not in ("asc", "desc"):
        raise refused(400, "filter_error", f'Error in sort. Unknown attribute slug "{sort.get("attribute")}".')
    if attribute.slug == "created_at":
        return record.created_at
    value = next(iter(record.values.get(attribute.slug, [])), dict[str, Json]())
    return str(value.get(sort.get("field") or "value") or value.get("full_name") or "")


def _create(asked: Asked) -> Json:
    values = changes.read_values(asked.workspace, asked.object, asked.data.get("values"))
    return {"data": _record(asked.object, changes.create(asked.workspace, asked.object, values))}


def _assert(asked: Asked) -> Json:
    values = changes.read_values(asked.workspace, asked.object, asked.data.get("values"))
    name = asked.query.get("matching_attribute")
    return {"data": _record(asked.object, changes.assert_record(asked.workspace, asked.object, name, values))}


def _update(how: changes.How) -> Callable[[Asked], Json]:
    def act(asked: Asked) -> Json:
        record, values = asked.record, changes.read_values(asked.workspace, asked.object, asked.data.get("values"))
        return {"data": _record(asked.object, changes.update(asked.object, record, values, dict.fromkeys(values, how)))}

    return act


def _delete(asked: Asked) -> Json:
    changes.delete_record(asked.workspace, asked.object, asked.record.id)
    return {}


def _entries_of_record(asked: Asked) -> Json:
    entries = [
        {"list_id": each.id, "list_api_slug": each.slug, "entry_id": entry.id, "created_at": entry.created_at}
        for each, entry in asked.workspace.entries_of(asked.path["record"])
    ]
    return {"data": asked.page(entries, 100)}


def _assert_entry(asked: Asked) -> Json:
    data, collection = asked.data, asked.list
    if missing := [key for key in ("parent_record_id", "parent_object", "entry_values") if key not in data]:
        raise refused(400, "missing_value", f"Body payload validation error: {missing[0]} is required.")
    parent, record = asked.workspace.object(str(data["parent_object"])), str(data["parent_record_id"])
    if parent.slug != collection.parent or record not in parent.items:
        raise refused(400, "value_not_found", f'Parent record with slug/ID "{record}" not found.')
    values = changes.read_values(asked.workspace, collection, data["entry_values"])
    return {"data": _entry(collection, changes.assert_entry(asked.workspace, collection, record, values))}


def _delete_entry(asked: Asked) -> Json:
    del asked.list.items[asked.entry.id]
    return {}


_READ, _WRITE = ("record_permission:read", "object_configuration:read"), ("record_permission:read-write", "object_configuration:read")
_ENTRY, _CHANGE_ENTRY = ("list_entry:read", "list_configuration:read"), ("list_entry:read-write", "list_configuration:read")
_RECORD = "/objects/{object}/records/{record}"

ENDPOINTS: list[tuple[str, str, tuple[str, ...], Callable[[Asked], Json]]] = [
    ("GET", "/objects", ("object_configuration:read",), _objects),
    ("GET", "/{target}/{identifier}/attributes", ("object_configuration:read",), _attributes),
    ("GET", "/{target}/{identifier}/attributes/{attribute}/{options}", ("object_configuration:read",), _options),
    ("POST", "/objects/{object}/records/query", _READ, _query),
    ("POST", "/objects/{object}/records", _WRITE, _create),
    ("PUT", "/objects/{object}/records", _WRITE, _assert),
    ("GET", f"{_RECORD}/entries", (*_READ, "list_entry:read"), _entries_of_record),
    ("GET", _RECORD, _READ, lambda asked: {"data": _record(asked.object, asked.record)}),
    ("PATCH", _RECORD, _WRITE, _update("append")),
    ("PUT", _RECORD, _WRITE, _update("overwrite")),
    ("DELETE", _RECORD, _WRITE, _delete),
    ("GET", "/lists", ("list_configuration:read",), _lists),
    ("GET", "/lists/{list}", ("list_configuration:read",), lambda asked: {"data": _list(asked.list)}),
    ("PUT", "/lists/{list}/entries", _CHANGE_ENTRY, _assert_entry),
    ("GET", "/lists/{list}/entries/{entry}", _ENTRY, lambda asked: {"data": _entry(asked.list, asked.entry)}),
    ("DELETE", "/lists/{list}/entries/{entry}", _CHANGE_ENTRY, _delete_entry),
    ("GET", "/workspace_members", ("user_management:read",), _members),
]
"""Method, path, the scopes that it takes, what it does."""
