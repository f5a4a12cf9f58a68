"""Objects: persons, organizations, deals and activities, with what Pipedrive itself keeps of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cargo_ai.integrations.kit import InvalidConfig

Json = Any
Kind = Literal["text", "number", "integer", "boolean", "date", "list", "contacts", "address", "object"]
RECORD_ID = "id"


@dataclass(frozen=True, slots=True)
class Object:
    """One type of records. kind: as searches name it. title: the field that names a record. page: where people see one, "": nowhere of its
    own. searched: the fields that its own search knows, as that names them. values: what can be written. read: what is only given."""

    path: str
    kind: str
    fields_path: str
    title: str
    page: str
    searched: Mapping[str, str]
    values: Mapping[str, Kind]
    read: Mapping[str, Kind]

    def url(self, record_id: Json) -> str | None:
        """Where people see a record."""
        return f"https://app.pipedrive.com/{self.page}/{record_id}" if self.page else None


_TIMES: Mapping[str, Kind] = {"add_time": "date", "update_time": "date"}
_COMMON: Mapping[str, Kind] = {"owner_id": "integer", "visible_to": "integer", "label_ids": "list"}
OBJECTS: Mapping[str, Object] = {
    "persons": Object(
        "persons",
        "person",
        "personFields",
        "name",
        "person",
        {"name": "name", "emails": "email", "phones": "phone"},
        {"name": "text", "emails": "contacts", "phones": "contacts", "org_id": "integer", "marketing_status": "text", **_COMMON},
        {"first_name": "text", "last_name": "text", **_TIMES},
    ),
    "organizations": Object(
        "organizations",
        "organization",
        "organizationFields",
        "name",
        "organization",
        {"name": "name", "address": "address"},
        {"name": "text", "address": "address", **_COMMON},
        _TIMES,
    ),
    "deals": Object(
        "deals",
        "deal",
        "dealFields",
        "title",
        "deal",
        {"title": "title"},
        {
            "title": "text",
            "person_id": "integer",
            "org_id": "integer",
            "pipeline_id": "integer",
            "stage_id": "integer",
            "value": "number",
            "currency": "text",
            "status": "text",
            "probability": "number",
            "lost_reason": "text",
            "expected_close_date": "text",
            "close_time": "text",
            "won_time": "text",
            "lost_time": "text",
            "is_archived": "boolean",
            **_COMMON,
        },
        {"creator_user_id": "integer", "stage_change_time": "date", **_TIMES},
    ),
    "activities": Object(
        "activities",
        "activity",
        "activityFields",
        "subject",
        "",
        {},
        {
            "subject": "text",
            "type": "text",
            "owner_id": "integer",
            "deal_id": "integer",
            "lead_id": "text",
            "person_id": "integer",
            "org_id": "integer",
            "project_id": "integer",
            "due_date": "text",
            "due_time": "text",
            "duration": "text",
            "busy": "boolean",
            "done": "boolean",
            "location": "address",
            "participants": "list",
            "attendees": "list",
            "public_description": "text",
            "priority": "integer",
            "note": "text",
        },
        {"creator_user_id": "integer", "marked_as_done_time": "date", **_TIMES},
    ),
}
_ALSO = {
    "email": "emails",
    "phone": "phones",
    "person": "persons",
    "organization": "organizations",
    "deal": "deals",
    "activity": "activities",
}


def object_of(name: str) -> Object:
    """A type of records by its name. InvalidConfig for one that there is not."""
    found = OBJECTS.get(_ALSO.get(name, name))
    if found is None:
        raise InvalidConfig(f"`objectType` is {name!r}, but has to be one of {', '.join(OBJECTS)}.")
    return found


def spelled(name: str) -> str:
    """A field as the interface calls it: `email` is `emails` there."""
    return _ALSO.get(name, name)
