"""Fetch records: persons, organizations, deals or activities; all of them by id, then those that changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.kit import Extractor, ExtractRequest, Record, SourceColumn, SourceShape, Stretch, Windows, service_time
from cargo_ai.integrations.pipedrive.custom_fields import CustomField, read_custom_fields
from cargo_ai.integrations.pipedrive.fields import OfObject
from cargo_ai.integrations.pipedrive.objects import RECORD_ID, object_of
from cargo_ai.integrations.pipedrive.records import listed

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 500
_TYPES: Mapping[str, ColumnType] = {
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "date": "date",
    "list": "array",
    "contacts": "array",
    "address": "object",
    "object": "object",
}
_CUSTOM: Mapping[str, ColumnType] = {
    "double": "number",
    "int": "number",
    "enum": "number",
    "date": "date",
    "set": "array",
    "monetary": "object",
    "address": "object",
    "time": "object",
    "daterange": "object",
    "timerange": "object",
}


async def _shape(request: ExtractRequest) -> SourceShape:
    of = object_of(request.form(OfObject).object_type)
    own = {**of.values, **of.read}
    columns = [SourceColumn(RECORD_ID, "string", "Record ID")]
    columns += [SourceColumn(name, _TYPES.get(kind, "string"), name.replace("_", " ").capitalize()) for name, kind in own.items()]
    columns += [_column(field) for field in await read_custom_fields(request.service, of)]
    return SourceShape(tuple(columns), RECORD_ID, of.title, "add_time", frozenset({"update_time"}))


def _column(field: CustomField) -> SourceColumn:
    return SourceColumn(field.code, _CUSTOM.get(field.type, "string"), field.name, field.description or None)


def _record(record: JsonObject, names: tuple[str, ...]) -> Record:
    custom = cast("JsonObject", record.get("custom_fields") or {})
    values = {**custom, **{name: value for name, value in record.items() if name not in ("id", "custom_fields")}}
    return {RECORD_ID: str(record["id"]), **{name: values.get(name) for name in names if name != RECORD_ID}}


async def _read(request: ExtractRequest, after: str | None, query: JsonObject) -> Stretch:
    of = object_of(request.form(OfObject).object_type)
    names = request.columns or tuple(column.name for column in (await _shape(request)).columns)
    page = await anext(listed(request.service, of, query, after, PAGE))
    records = [_record(record, names) for record in page.items if not record.get("is_deleted")]
    return Stretch(records, page.meta, at=service_time(page.answer))


async def _everything(request: ExtractRequest, after: str | None) -> Stretch:
    return await _read(request, after, {})


async def _changes(request: ExtractRequest, since: datetime, after: str | None) -> Stretch:
    return await _read(request, after, {"updated_since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})


FETCH_RECORDS = Extractor(
    slug="fetchRecords",
    name="Records",
    description="Persons, organizations, deals or activities, with the custom fields of the account.",
    pages=Windows(_everything, _changes).pages,
    shape=_shape,
    form=OfObject,
)
