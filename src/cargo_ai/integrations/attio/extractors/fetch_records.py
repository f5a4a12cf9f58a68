"""Fetch records: all of one object, oldest first; Attio does not say which of them have changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, cast

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.attio.attributes import RECORD_ID, Attribute, Attributes, attributes_of, read_attributes
from cargo_ai.integrations.attio.fields import FIELDS, OfObject
from cargo_ai.integrations.attio.records import OLDEST_FIRST, PAGE, data_of, id_of, path_of
from cargo_ai.integrations.attio.values import plain_values
from cargo_ai.integrations.kit import (
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    InvalidConfig,
    Record,
    SourceColumn,
    SourceShape,
)

Json = Any
JsonObject = Mapping[str, Json]

CREATED = "created_at"
_TYPES: Mapping[str, ColumnType] = {
    "number": "number",
    "currency": "number",
    "rating": "number",
    "checkbox": "boolean",
    "date": "date",
    "timestamp": "date",
    "interaction": "date",
    "location": "object",
}


class FetchRecords(OfObject):
    """Which records, and which of their attributes."""

    column_selection_mode: Literal["all", "selected"] = FIELDS.columns_of()
    properties: list[str] = FIELDS.selected_columns()


async def _shape(request: ExtractRequest) -> SourceShape:
    form = request.form(FetchRecords)
    known = await read_attributes(request.service, form.object_type)
    names = list(known.by_slug)
    if form.column_selection_mode == "selected":
        unknown = [name for name in form.properties if known.get(name) is None]
        if unknown:
            raise InvalidConfig(f"`properties` names {', '.join(unknown[:5])}, which {form.object_type} do not have.")
        names = [known.slug_of(name) for name in form.properties]
    title = "name" if known.get("name") is not None else None
    ordered: list[str] = [RECORD_ID, *([title] if title else []), *names, CREATED]
    columns = tuple(_column(known, name) for name in dict.fromkeys(ordered))
    return SourceShape(columns, RECORD_ID, title, CREATED)


def _column(known: Attributes, name: str) -> SourceColumn:
    attribute = known.get(name)
    if attribute is None:
        return SourceColumn(name, "date" if name == CREATED else "string", name.replace("_", " ").capitalize())
    return SourceColumn(name, _type_of(attribute), attribute.title, attribute.description or None)


def _type_of(attribute: Attribute) -> ColumnType:
    return "array" if attribute.is_multiselect else _TYPES.get(attribute.type, "string")


async def _pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    """Pages from a time of creation on, after those of that very time that came before: what is deleted meanwhile moves none of them."""
    form = request.form(FetchRecords)
    names = request.columns or tuple(column.name for column in (await _shape(request)).columns)
    since, seen = (cursor or {}).get("since"), int((cursor or {}).get("seen", 0))
    while True:
        where: JsonObject = {} if since is None else {CREATED: {"$gte": since}}
        body = {"filter": where, "sorts": list(OLDEST_FIRST), "limit": PAGE, "offset": seen}
        answer = await request.service.post(path_of(form.object_type, "query"), json=body, reads=True)
        records = cast("list[JsonObject]", data_of(answer, list))
        known = await attributes_of(request.service, form.object_type)
        rows = [_record(known, record, names) for record in records]
        if len(records) < PAGE:
            yield ExtractedPage(rows, None, more=False)
            return
        last = str(records[-1].get(CREATED))
        alike = sum(1 for record in records if str(record.get(CREATED)) == last)
        since, seen = last, alike + (seen if last == since else 0)
        yield ExtractedPage(rows, {"since": since, "seen": seen})


def _record(known: Attributes, record: JsonObject, names: Sequence[str]) -> Record:
    values = plain_values(known, cast("JsonObject", record.get("values") or {}))
    return {**{name: values.get(name) for name in names}, RECORD_ID: id_of(record), CREATED: record.get(CREATED)}


FETCH_RECORDS = Extractor(
    slug="fetchRecords",
    name="Records",
    description="Fills a model with the records of an object: people, companies, deals or a custom one.",
    form=FetchRecords,
    shape=_shape,
    pages=_pages,
    is_incremental=False,
    min_interval=300,
)
