"""Lists: add records to one, and take them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.hubspot.records import document_of
from cargo_ai.integrations.hubspot.versions import LISTS
from cargo_ai.integrations.kit import Done, Failed, Form, RowBatch, connector_action, segment, widget
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import key_of

Json = Any
MAX_MEMBERS = 500
"""Rows in one call; HubSpot takes 100,000, but a call that fails concerns all of them."""


class ListMember(Form):
    """Which record, and of which list."""

    list_id: Json = Field(
        title="List", description="A list whose members are set by hand, not by filters.", json_schema_extra=widget("listLists")
    )
    record_id: Json = Field(title="Record", description="The record's id in HubSpot.")


async def _change(rows: Rows[ListMember], verb: Literal["add", "remove"]) -> None:
    ids = rows.read(lambda form: (key_of(form.list_id, "listId"), key_of(form.record_id, "recordId")))
    if not ids:
        return
    list_id = next(iter(ids.values()))[0]
    records = list(dict.fromkeys(record for _, record in ids.values()))
    answer = await rows.service.put(f"{LISTS}/{segment(list_id)}/memberships/{verb}", json=records)
    body = document_of(answer)
    # HubSpot spells the one with an s in the middle.
    changed = _texts(body, "recordsIdsAdded", "recordIdsAdded") if verb == "add" else _texts(body, "recordIdsRemoved", "recordsIdsRemoved")
    missing = _texts(body, "recordIdsMissing")
    for position, (_, record) in ids.items():
        if record in missing:
            rows.settle(position, Failed(f"There is no record {record} that the list {list_id} could hold.", reason="notFound"))
        else:
            operation = ("added" if verb == "add" else "removed") if record in changed else "unchanged"
            rows.settle(position, Done({"operation": operation, "listId": list_id, "recordId": record}, operation))


def _texts(body: Mapping[str, Json], *names: str) -> set[str]:
    return {str(value) for name in names for value in body.get(name) or ()}


async def _add(rows: Rows[ListMember]) -> None:
    await _change(rows, "add")


async def _remove(rows: Rows[ListMember]) -> None:
    await _change(rows, "remove")


_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "operation": {"type": "string", "enum": ["added", "removed", "unchanged"]},
        "listId": {"type": "string"},
        "recordId": {"type": "string"},
    },
    "required": ["operation", "listId", "recordId"],
}

ADD = connector_action(
    ListMember,
    slug="addToList",
    name="Add to list",
    description="Adds a record to a static list (HubSpot calls lists segments). One that is a member already stays one.",
    output_schema=_OUTPUT,
    rows=RowBatch(batched(ListMember, _add), max=MAX_MEMBERS, group_by=("listId",)),
    idempotency="upsert",
    hint="writes",
)
REMOVE = connector_action(
    ListMember,
    slug="removeFromList",
    name="Remove from list",
    description="Takes a record out of a static list. One that is not a member is left alone.",
    output_schema=_OUTPUT,
    rows=RowBatch(batched(ListMember, _remove), max=MAX_MEMBERS, group_by=("listId",)),
    idempotency="upsert",
    hint="writes",
)
ACTIONS = [ADD, REMOVE]
