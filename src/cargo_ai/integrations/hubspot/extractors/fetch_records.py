"""Fetch records: contacts, companies, deals, tickets or custom objects; all of them by id, then those that changed, then the archived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from pydantic import Field

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.hubspot.choices import properties_of
from cargo_ai.integrations.hubspot.fields import FIELDS, OfObject
from cargo_ai.integrations.hubspot.records import (
    MAX_INPUTS,
    MAX_PROPERTY_CHARACTERS,
    RECORD_ID,
    SEARCH_PAGE,
    document_of,
    read_batch,
    results_of,
)
from cargo_ai.integrations.hubspot.versions import OBJECTS, SCHEMAS
from cargo_ai.integrations.kit import (
    Answer,
    Extractor,
    ExtractRequest,
    InvalidConfig,
    Record,
    Service,
    SourceColumn,
    SourceShape,
    Stretch,
    Windows,
    segment,
    service_time,
)

Json = Any
JsonObject = Mapping[str, Json]

_STANDARD = (("contacts", "0-1", "email"), ("companies", "0-2", "name"), ("deals", "0-3", "dealname"), ("tickets", "0-5", "subject"))
_TITLES: Mapping[str, str] = {key: title for name, number, title in _STANDARD for key in (name, number)}
_CREATED = ("createdate", "hs_createdate")
_MODIFIED = ("lastmodifieddate", "hs_lastmodifieddate")
"""Contacts have the first, all other types the second."""
_BOOKKEEPING = frozenset({*_MODIFIED, "hs_updated_by_user_id"})
_TYPES: Mapping[str, ColumnType] = {"number": "number", "bool": "boolean", "date": "date", "datetime": "date"}
_MAX_URL_CHARACTERS = 6_000


class FetchRecords(OfObject):
    """Which records, and which of their properties."""

    column_selection_mode: Literal["all", "selected"] = FIELDS.columns_of()
    properties: list[str] = FIELDS.selected_columns()
    keep_archived: bool = Field(
        default=False,
        title="Keep archived records",
        description="Leave records in the model that are archived in HubSpot; saves the calls that look for them.",
    )


async def _shape(request: ExtractRequest) -> SourceShape:
    form = request.form(FetchRecords)
    definitions = {str(one["name"]): one for one in await properties_of(request.service, form.object_type)}
    names = list(definitions)
    if form.column_selection_mode == "selected":
        unknown = [name for name in form.properties if name not in definitions and name != RECORD_ID]
        if unknown:
            raise InvalidConfig(f"`properties` names {', '.join(unknown[:5])}, which {form.object_type} do not have.")
        names = form.properties
    system = [name for name in (*_CREATED, *_MODIFIED) if name in definitions]
    title = await _title(request.service, form.object_type, definitions)
    ordered: list[str] = [RECORD_ID, *([title] if title else []), *names, *system]
    columns = tuple(_column(name, definitions.get(name, {})) for name in dict.fromkeys(ordered))
    return SourceShape(columns, RECORD_ID, title, next((name for name in _CREATED if name in definitions), None), _BOOKKEEPING)


async def _title(service: Service, object_type: str, definitions: Mapping[str, JsonObject]) -> str | None:
    """The property that names a record to people."""
    title = _TITLES.get(object_type)
    if title is None:
        schema = document_of(await service.get(f"{SCHEMAS}/{segment(object_type)}"))
        title = str(schema.get("primaryDisplayProperty") or "")
    return title if title in definitions else None


def _column(name: str, definition: JsonObject) -> SourceColumn:
    if name == RECORD_ID:
        # Ids are texts: that of a record in a filter or a join never has to be made a number first.
        return SourceColumn(name, "string", "Record ID")
    kind = _TYPES.get(str(definition.get("type")), "string")
    return SourceColumn(name, kind, str(definition.get("label") or name), str(definition.get("description") or "") or None)


async def _names(request: ExtractRequest) -> list[str]:
    """The properties to ask for: those that the model has."""
    names = request.columns or tuple(column.name for column in (await _shape(request)).columns)
    return [name for name in names if name != RECORD_ID]


def _record(record: JsonObject, names: Sequence[str]) -> Record:
    values = cast("JsonObject", record.get("properties") or {})
    return {RECORD_ID: str(record["id"]), **{name: values.get(name) for name in names}}


async def _with_values(service: Service, object_type: str, page: Sequence[JsonObject], names: Sequence[str]) -> list[Record]:
    """Records with values that were left out of their list, because their names are too long for it."""
    whole = await read_batch(service, object_type, RECORD_ID, [str(record["id"]) for record in page], names)
    # One that is gone by now is named by a later sync.
    return [_record(whole[str(record["id"])], names) for record in page if str(record["id"]) in whole]


async def _everything(request: ExtractRequest, after: str | None) -> Stretch:
    form, names = request.form(FetchRecords), await _names(request)
    apart = sum(len(name) + 1 for name in names) > _MAX_URL_CHARACTERS
    query = {"limit": MAX_INPUTS, "after": after, "properties": RECORD_ID if apart else ",".join(names)}
    answer = await request.service.get(f"{OBJECTS}/{segment(form.object_type)}", query=query)
    page = results_of(answer)
    if apart:
        return Stretch(await _with_values(request.service, form.object_type, page, names), _next(answer), at=service_time(answer))
    return Stretch([_record(record, names) for record in page], _next(answer), at=service_time(answer))


async def _changes(request: ExtractRequest, since: datetime, after: str | None) -> Stretch:
    """Those that changed, by id: each call asks for the first page of greater ids, so that the 10,000 of a search are never reached."""
    form, names = request.form(FetchRecords), await _names(request)
    modified = _MODIFIED[0] if form.object_type in ("contacts", "0-1") else _MODIFIED[1]
    filters: list[JsonObject] = [{"propertyName": modified, "operator": "GTE", "value": str(int(since.timestamp() * 1000))}]
    if after is not None:
        filters.append({"propertyName": RECORD_ID, "operator": "GT", "value": after})
    apart = sum(len(name) + 3 for name in names) > MAX_PROPERTY_CHARACTERS
    body: JsonObject = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": RECORD_ID, "direction": "ASCENDING"}],
        "properties": [RECORD_ID] if apart else names,
        "limit": SEARCH_PAGE,
    }
    answer = await request.service.post(f"{OBJECTS}/{segment(form.object_type)}/search", json=body, reads=True)
    page = results_of(answer)
    following = str(page[-1]["id"]) if page and _next(answer) is not None else None
    records = await _with_values(request.service, form.object_type, page, names) if apart else [_record(one, names) for one in page]
    return Stretch(records, following, at=service_time(answer))


async def _removals(request: ExtractRequest, since: datetime, after: str | None) -> Stretch:
    """The archived ones: HubSpot lists all of them, by id, and says when each was archived."""
    form = request.form(FetchRecords)
    if form.keep_archived:
        return Stretch()
    query = {"limit": MAX_INPUTS, "after": after, "properties": RECORD_ID, "archived": True}
    answer = await request.service.get(f"{OBJECTS}/{segment(form.object_type)}", query=query)
    gone = [str(record["id"]) for record in results_of(answer) if _archived_at(record) >= since]
    return Stretch(removed=gone, after=_next(answer), at=service_time(answer))


def _archived_at(record: JsonObject) -> datetime:
    text = record.get("archivedAt") or record.get("updatedAt")
    return datetime.fromisoformat(str(text))


def _next(answer: Answer) -> str | None:
    following = cast("JsonObject", cast("JsonObject", document_of(answer).get("paging") or {}).get("next") or {}).get("after")
    return str(following) if following else None


async def _count(request: ExtractRequest) -> int:
    form = request.form(FetchRecords)
    body: JsonObject = {"limit": 1, "properties": [RECORD_ID]}
    answer = await request.service.post(f"{OBJECTS}/{segment(form.object_type)}/search", json=body, reads=True)
    return int(document_of(answer).get("total") or 0)


FETCH_RECORDS = Extractor(
    slug="fetchRecords",
    name="Records",
    description="Fills a model with contacts, companies, deals, tickets or records of a custom object.",
    form=FetchRecords,
    shape=_shape,
    pages=Windows(_everything, _changes, _removals).pages,
    count=_count,
    tells_removals=True,
)
