"""Lists: add records to one, and take them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.attio.attributes import attributes_of
from cargo_ai.integrations.attio.entries import assert_entry, delete_entry, entries_of, entry_values, object_of
from cargo_ai.integrations.attio.values import attio_values, differs, plain_values
from cargo_ai.integrations.kit import ActionRequest, Done, Form, Service, connector_action, ui, widget
from cargo_ai.integrations.kit.writes import Mappings, assigned, key_of

Json = Any


class ListMember(Form):
    """Which record, and of which list."""

    list_id: Json = Field(title="List", description="The list's slug or id.", json_schema_extra=widget("listLists"))
    record_id: Json = Field(title="Record", description="The record's id in Attio.")
    object_type: str = Field(
        default="",
        title="Object",
        description="What the record is one of; by default what the list holds.",
        max_length=200,
        json_schema_extra=widget("listObjects"),
    )

    @property
    def list_key(self) -> str:
        """The list's slug or id."""
        return key_of(self.list_id, "listId")

    @property
    def record_key(self) -> str:
        """The record's id."""
        return key_of(self.record_id, "recordId")

    async def object_of(self, service: Service) -> str:
        """The object of the record."""
        return self.object_type or await object_of(service, self.list_key)


class NewMember(ListMember):
    """The same, and what the entry shall hold."""

    mappings: Mappings = Field(
        default=[],
        title="Values of the entry",
        description="[{propertyName, value}] or {property: value}, of the list's own attributes, such as a stage.",
        json_schema_extra=ui(options={"items": widget("listListProperties", listId="listId")["ui"]["options"]}),
    )


async def add(request: ActionRequest) -> Done:
    """Put the record into the list once, with these values; one that is there with them already is left alone."""
    form, service = request.form(NewMember), request.service
    list_id, record_id = form.list_key, form.record_key
    wanted = assigned(form.mappings, write_nulls=False)
    object_type = await form.object_of(service)
    attributes = await attributes_of(service, list_id, [*wanted], target="lists")
    values = attio_values(attributes, wanted)
    entries = await entries_of(service, list_id, object_type, record_id)
    if entries and not wanted:
        return _result("unchanged", list_id, record_id, entries[0])
    if len(entries) == 1:
        present = plain_values(attributes, await entry_values(service, list_id, entries[0]))
        by_slug = {attributes.slug_of(name): value for name, value in wanted.items()}
        if not differs(attributes, present, by_slug, add=False):
            return _result("unchanged", list_id, record_id, entries[0])
    entry = await assert_entry(service, list_id, object_type, record_id, values)
    return _result("updated" if entries else "added", list_id, record_id, entry)


async def remove(request: ActionRequest) -> Done:
    """Take every entry of the record out of the list."""
    form, service = request.form(ListMember), request.service
    list_id, record_id = form.list_key, form.record_key
    entries = await entries_of(service, list_id, await form.object_of(service), record_id)
    for entry in entries:
        await delete_entry(service, list_id, entry)
    return _result("removed" if entries else "unchanged", list_id, record_id, entries[0] if entries else None)


def _result(operation: str, list_id: str, record_id: str, entry: str | None) -> Done:
    return Done({"operation": operation, "listId": list_id, "recordId": record_id, "entryId": entry}, operation)


_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "operation": {"type": "string", "enum": ["added", "updated", "removed", "unchanged"]},
        "listId": {"type": "string"},
        "recordId": {"type": "string"},
        "entryId": {"type": ["string", "null"], "description": "The entry that stands for the record in the list."},
    },
    "required": ["operation", "listId", "recordId"],
}

ADD = connector_action(
    NewMember,
    slug="addToList",
    name="Add to list",
    description="Adds a record to a list, with values of the list's own attributes. One that is in it already stays in it once.",
    output_schema=_OUTPUT,
    perform=add,
    idempotency="upsert",
    hint="writes",
)
REMOVE = connector_action(
    ListMember,
    slug="removeFromList",
    name="Remove from list",
    description="Takes a record out of a list; the record itself stays. One that is not in it is left alone.",
    output_schema=_OUTPUT,
    perform=remove,
    idempotency="upsert",
    hint="writes",
)
ACTIONS = [ADD, REMOVE]
