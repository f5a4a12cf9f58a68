"""Fetch records: those of one object by id, then those whose SystemModstamp is later, then those that were deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, cast

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.kit import (
    Answer,
    Extractor,
    ExtractRequest,
    InvalidConfig,
    Record,
    Service,
    ServiceError,
    SourceColumn,
    SourceShape,
    Stretch,
    Windows,
    service_time,
)
from cargo_ai.integrations.salesforce.describe import RECORD_ID, Described, describe
from cargo_ai.integrations.salesforce.fields import FIELDS, OfObject
from cargo_ai.integrations.salesforce.records import MAX_QUERY, length_of
from cargo_ai.integrations.salesforce.soql import select
from cargo_ai.integrations.salesforce.values import NUMBERS, checked_name, quoted
from cargo_ai.integrations.salesforce.versions import DATA, QUERY

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 2_000
QUERY_ALL = f"{DATA}/queryAll"
MODIFIED = "SystemModstamp"
_BOOKKEEPING = frozenset({MODIFIED, "LastModifiedDate", "LastModifiedById", "LastViewedDate", "LastReferencedDate"})
# A query with such a field gives one record at a time, or none.
_LEFT_OUT = frozenset({"base64", "anyType", "complexvalue"})
_TYPES: Mapping[str, ColumnType] = {
    **dict.fromkeys(NUMBERS, "number"),
    "boolean": "boolean",
    "date": "date",
    "datetime": "date",
    "address": "object",
    "location": "object",
}


class FetchRecords(OfObject):
    """Which records, and which of their fields."""

    column_selection_mode: Literal["all", "selected"] = FIELDS.columns_of()
    properties: list[str] = FIELDS.selected_columns(800)


async def _shape(request: ExtractRequest) -> SourceShape:
    form = request.form(FetchRecords)
    known = await describe(request.service, checked_name(form.object_type, "object"))
    for name in (RECORD_ID, MODIFIED):
        if known.field(name) is None:
            raise InvalidConfig(f"{known.name} has no {name}: its records cannot be kept up with.")
    names = [str(one["name"]) for one in known.fields.values() if str(one.get("type")) not in _LEFT_OUT]
    if form.column_selection_mode == "selected":
        names = [str(known.wanted(checked_name(name))["name"]) for name in form.properties]
    title = next((str(one["name"]) for one in known.fields.values() if one.get("nameField")), None)
    system = [name for name in ("CreatedDate", MODIFIED) if known.field(name) is not None]
    ordered: list[str] = [RECORD_ID, *([title] if title else []), *names, *system]
    columns = tuple(_column(known, name) for name in dict.fromkeys(ordered))
    return SourceShape(columns, RECORD_ID, title, "CreatedDate" if "CreatedDate" in system else None, _BOOKKEEPING)


def _column(known: Described, name: str) -> SourceColumn:
    definition = known.wanted(name)
    kind = _TYPES.get(str(definition.get("type")), "string")
    return SourceColumn(name, kind, str(definition.get("label") or name), str(definition.get("inlineHelpText") or "") or None)


async def _names(request: ExtractRequest) -> list[str]:
    """The fields to ask for: those that the model has."""
    return list(request.columns or [column.name for column in (await _shape(request)).columns])


def _parts(names: Sequence[str], object_type: str, condition: str) -> Iterator[list[str]]:
    """The fields in parts that fit into an address each."""
    part: list[str] = []
    for name in names:
        if part and length_of(select([*part, name], object_type, condition, RECORD_ID, PAGE)) > MAX_QUERY:
            yield part
            part = []
        part.append(name)
    yield part


async def _page(request: ExtractRequest, conditions: Sequence[str], after: str | None) -> Stretch:
    """The next records by id that fit: each query begins after the last id, so that no place in a list can be lost."""
    object_type = checked_name(request.form(FetchRecords).object_type, "object")
    behind = [] if after is None else [f"{RECORD_ID} > {quoted(after)}"]
    condition = " AND ".join([*conditions, *behind])
    names = await _names(request)
    first, *others = _parts(names, object_type, condition)
    answer = await _query(request.service, select(first, object_type, condition, RECORD_ID, PAGE))
    records = {str(record[RECORD_ID]): record for record in _records(answer)}
    is_full = len(records) == PAGE or cast("JsonObject", answer.body).get("done") is False
    last = next(reversed(records), None)
    for part in others if last is not None else ():
        within = " AND ".join([*([condition] if condition else []), f"{RECORD_ID} <= {quoted(str(last))}"])
        rest = await _query(request.service, select(part, object_type, within, RECORD_ID, PAGE))
        for record in _records(rest):
            if str(record[RECORD_ID]) in records:
                records[str(record[RECORD_ID])] |= record
    rows: list[Record] = [{name: record.get(name) for name in names} for record in records.values()]
    return Stretch(rows, last if is_full else None, at=service_time(answer))


async def _query(service: Service, soql: str, path: str = QUERY) -> Answer:
    return await service.get(path, query={"q": soql})


def _records(answer: Answer) -> list[dict[str, Json]]:
    body: object = answer.body
    records = cast("JsonObject", body).get("records") if isinstance(body, Mapping) else None
    if not isinstance(records, list):
        raise ServiceError("Salesforce answered without records.", status=answer.status, body=answer.body, reason="unexpectedAnswer")
    return cast("list[dict[str, Json]]", records)


def _since(since: datetime) -> str:
    return f"{MODIFIED} >= {since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


async def _everything(request: ExtractRequest, after: str | None) -> Stretch:
    return await _page(request, [], after)


async def _changes(request: ExtractRequest, since: datetime, after: str | None) -> Stretch:
    return await _page(request, [_since(since)], after)


async def _removals(request: ExtractRequest, since: datetime, after: str | None) -> Stretch:
    """Those in the recycle bin, where they stay for 15 days."""
    object_type = checked_name(request.form(FetchRecords).object_type, "object")
    behind = [] if after is None else [f"{RECORD_ID} > {quoted(after)}"]
    condition = " AND ".join(["IsDeleted = true", _since(since), *behind])
    answer = await _query(request.service, select([], object_type, condition, RECORD_ID, PAGE), QUERY_ALL)
    gone = [str(record[RECORD_ID]) for record in _records(answer)]
    is_full = len(gone) == PAGE or cast("JsonObject", answer.body).get("done") is False
    return Stretch(removed=gone, after=gone[-1] if gone and is_full else None, at=service_time(answer))


async def _count(request: ExtractRequest) -> int:
    object_type = checked_name(request.form(FetchRecords).object_type, "object")
    answer = await _query(request.service, f"SELECT COUNT() FROM {object_type}")  # noqa: S608 - a checked name
    return int(cast("JsonObject", answer.body).get("totalSize") or 0)


FETCH_RECORDS = Extractor(
    slug="fetchRecords",
    name="Records",
    description="Fills a model with the records of an object: accounts, contacts, leads, opportunities or a custom one.",
    form=FetchRecords,
    shape=_shape,
    pages=Windows(_everything, _changes, _removals).pages,
    count=_count,
    tells_removals=True,
)
