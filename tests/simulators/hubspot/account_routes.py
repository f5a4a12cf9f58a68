"""The endpoints beside records: account, properties, schemas, pipelines, owners, lists."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from tests.simulators.hubspot.account import MemberList
from tests.simulators.hubspot.call import Answer, Asked, Endpoint, object_scope
from tests.simulators.hubspot.properties import property_from
from tests.simulators.hubspot.records import timestamp
from tests.simulators.hubspot.refusal import Refused, not_found

Json = Any
MAX_MEMBERS_PER_REQUEST = 100_000


def account_details(asked: Asked) -> Answer:
    """Which account this is; any key may ask."""
    return 200, {
        "portalId": asked.account.portal,
        "accountType": "STANDARD",
        "timeZone": "US/Eastern",
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": "-04:00",
        "utcOffsetMilliseconds": -14400000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }


def list_properties(asked: Asked) -> Answer:
    """All properties of a type."""
    kind = asked.account.type_named(asked.path["type"])
    asked.require(object_scope(kind, "read"), object_scope(kind, "read").replace("objects", "schemas"))
    return 200, {"results": [definition.to_wire() for definition in kind.properties.values()]}


def read_property(asked: Asked) -> Answer:
    """One property."""
    kind = asked.account.type_named(asked.path["type"])
    asked.require(object_scope(kind, "read"), object_scope(kind, "read").replace("objects", "schemas"))
    if asked.path["name"] not in kind.properties:
        raise not_found()
    return 200, kind.properties[asked.path["name"]].to_wire()


def create_property(asked: Asked) -> Answer:
    """A property of the account's own. At most ten of a type may be unique."""
    kind = asked.account.type_named(asked.path["type"])
    asked.require(object_scope(kind, "write").replace("objects", "schemas"))
    for name in ("name", "label", "type", "fieldType", "groupName"):
        if not asked.document.get(name):
            raise Refused(400, f"Invalid input JSON: some required fields were not set: [{name}]")
    definition = property_from(asked.document)
    if definition.name in kind.properties:
        raise Refused(409, f'Property "{definition.name}" already exists.', category="OBJECT_ALREADY_EXISTS")
    if definition.unique and sum(one.unique and not one.hubspot_defined for one in kind.properties.values()) >= 10:
        raise Refused(400, "The limit of 10 properties with unique values is reached.")
    kind.add_property(definition)
    return 201, definition.to_wire()


def list_schemas(asked: Asked) -> Answer:
    """The custom object types, with their properties."""
    asked.require("crm.schemas.custom.read")
    return 200, {"results": [asked.account.schema_of(kind) for kind in asked.account.custom.values()]}


def read_schema(asked: Asked) -> Answer:
    """One custom object type."""
    asked.require("crm.schemas.custom.read")
    kind = asked.account.type_named(asked.path["type"])
    if kind.id not in asked.account.custom:
        raise not_found()
    return 200, asked.account.schema_of(kind)


def create_schema(asked: Asked) -> Answer:
    """A custom object type."""
    asked.require("crm.schemas.custom.write")
    return 201, asked.account.schema_of(asked.account.add_schema(asked.document))


def list_pipelines(asked: Asked) -> Answer:
    """The pipelines of a type, with their stages."""
    kind = asked.account.type_named(asked.path["type"])
    asked.require(object_scope(kind, "read"))
    return 200, {"results": asked.account.pipelines_of(kind)}


def list_owners(asked: Asked) -> Answer:
    """The people whom records can belong to."""
    asked.require("crm.objects.owners.read")
    limit, email, after = asked.number("limit", 100, 500), asked.query.get("email"), asked.query.get("after")
    owners = [owner for owner in asked.account.owners if email in (None, owner["email"]) and (after is None or owner["id"] >= after)]
    page: dict[str, Json] = {"results": owners[:limit]}
    if len(owners) > limit:
        page["paging"] = {"next": {"after": owners[limit]["id"]}}
    return 200, page


def search_lists(asked: Asked) -> Answer:
    """The lists whose names contain a text."""
    asked.require("crm.lists.read")
    query, offset = str(asked.document.get("query") or "").lower(), int(asked.document.get("offset") or 0)
    count = int(asked.document.get("count") or 20)
    kinds = cast("list[str]", asked.document.get("processingTypes") or [])
    found = [one for one in asked.account.lists.values() if query in one.name.lower() and (not kinds or one.processing in kinds)]
    page = found[offset : offset + count]
    more = offset + count < len(found)
    return 200, {"lists": [one.to_wire() for one in page], "offset": offset + len(page), "hasMore": more, "total": len(found)}


def create_list(asked: Asked) -> Answer:
    """A list."""
    asked.require("crm.lists.write")
    kind = asked.account.type_named(str(asked.document.get("objectTypeId") or "0-1"))
    processing = str(asked.document.get("processingType") or "MANUAL")
    return 200, {"list": asked.account.add_list(str(asked.document.get("name") or ""), kind.id, processing).to_wire()}


def read_list(asked: Asked) -> Answer:
    """One list."""
    asked.require("crm.lists.read")
    return 200, {"list": asked.account.list_named(asked.path["id"]).to_wire()}


def members(asked: Asked) -> Answer:
    """The members of a list, in the order of their ids."""
    asked.require("crm.lists.read")
    listed = asked.account.list_named(asked.path["id"])
    limit, after = asked.number("limit", 100, 250), int(asked.query.get("after", "0"))
    keys = sorted((key for key in listed.members if int(key) >= after), key=int)
    page: dict[str, Json] = {"results": [{"recordId": key, "membershipTimestamp": timestamp(time.time())} for key in keys[:limit]]}
    if len(keys) > limit:
        page["paging"] = {"next": {"after": keys[limit]}}
    return 200, page


def add_members(asked: Asked) -> Answer:
    """Add records; those that exist not, or are members already, are left out."""
    return 200, _change(asked, _ids(asked.body), [])


def remove_members(asked: Asked) -> Answer:
    """Take records out."""
    return 200, _change(asked, [], _ids(asked.body))


def change_members(asked: Asked) -> Answer:
    """Add and take out in one request."""
    return 200, _change(asked, _ids(asked.document.get("recordIdsToAdd", [])), _ids(asked.document.get("recordIdsToRemove", [])))


def _ids(given: Json) -> list[str]:
    if not isinstance(given, list):
        raise Refused(400, "Invalid input JSON on line 1, column 1: an array of record ids is expected.")
    ids = [str(key) for key in cast("list[Json]", given)]
    if len(ids) > MAX_MEMBERS_PER_REQUEST:
        raise Refused(400, f"At most {MAX_MEMBERS_PER_REQUEST} records may be given.")
    return ids


def _change(asked: Asked, added: list[str], removed: list[str]) -> Mapping[str, Json]:
    # The page asks for one of several scopes; the live service answers 403 without `crm.lists.read` as well (reported by clients).
    asked.require("crm.lists.write")
    asked.require("crm.lists.read")
    listed: MemberList = asked.account.list_named(asked.path["id"])
    if listed.processing == "DYNAMIC":
        raise Refused(400, f"List {listed.id} has processing type DYNAMIC: its members cannot be changed.")
    kind = asked.account.type_named(listed.object_type)
    missing = [key for key in (*added, *removed) if kind.get(key) is None]
    new = [key for key in dict.fromkeys(added) if key not in missing and key not in listed.members]
    gone = [key for key in dict.fromkeys(removed) if key in listed.members]
    listed.members.update(dict.fromkeys(new))
    for key in gone:
        del listed.members[key]
    # `recordsIdsAdded` is spelled so by the service.
    return {"recordsIdsAdded": new, "recordIdsRemoved": gone, "recordIdsMissing": missing}


_LISTS = "/crm/lists/2026-03"
_SCHEMAS = "/crm-object-schemas/2026-03/schemas"
ROUTES: list[tuple[str, str, Endpoint]] = [
    ("GET", "/account-info/2026-03/details", account_details),
    ("GET", "/crm/properties/2026-03/{type}", list_properties),
    ("POST", "/crm/properties/2026-03/{type}", create_property),
    ("GET", "/crm/properties/2026-03/{type}/{name}", read_property),
    ("GET", _SCHEMAS, list_schemas),
    ("POST", _SCHEMAS, create_schema),
    ("GET", f"{_SCHEMAS}/{{type}}", read_schema),
    ("GET", "/crm/pipelines/2026-03/{type}", list_pipelines),
    ("GET", "/crm/owners/2026-03", list_owners),
    ("POST", f"{_LISTS}/search", search_lists),
    ("POST", _LISTS, create_list),
    ("GET", f"{_LISTS}/{{id}}", read_list),
    ("GET", f"{_LISTS}/{{id}}/memberships", members),
    ("PUT", f"{_LISTS}/{{id}}/memberships/add", add_members),
    ("PUT", f"{_LISTS}/{{id}}/memberships/remove", remove_members),
    ("PUT", f"{_LISTS}/{{id}}/memberships/add-and-remove", change_members),
]
