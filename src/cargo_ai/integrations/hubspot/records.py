"""Records of HubSpot over HTTP: read, search, write and associate them in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.hubspot.client import words
from cargo_ai.integrations.hubspot.versions import ASSOCIATIONS, OBJECTS
from cargo_ai.integrations.kit import Answer, InvalidConfig, Service, ServiceError, segment

Json = Any
JsonObject = Mapping[str, Json]

MAX_INPUTS = 100
MAX_BYTES = 4_000_000
"""How large the configs of one batch are together: a body that is sent may have 10 MB."""
SEARCH_PAGE, SEARCH_RESULTS = 200, 10_000
MAX_FILTERS, MAX_FILTERS_IN_ALL = 6, 18
MAX_PROPERTY_CHARACTERS = 600
RECORD_ID = "hs_object_id"


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one input of a batch failed, in HubSpot's words."""

    message: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer to a batch by input: the record, or why there is not one. `rest`: errors that name no input. `started`: when
    HubSpot began."""

    records: Mapping[int, JsonObject]
    errors: Mapping[int, RowError]
    rest: tuple[RowError, ...] = ()
    started: Json = None


def property_text(value: Json) -> str:
    """A value as HubSpot takes it: texts, several choices with `;` between them. InvalidConfig for what no property can hold."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        choices = cast("list[Json]", value)
        if all(isinstance(choice, (str, int, float)) for choice in choices):
            return ";".join(property_text(choice) for choice in choices)
    raise InvalidConfig("a property of HubSpot holds a text, a number, true or false, or a list of these; not an object.")


def folded(id_property: str, key: str) -> str:
    """The key as HubSpot compares it: e-mail addresses without regard to case."""
    return key.lower() if id_property == "email" else key


async def read_batch(
    service: Service, object_type: str, id_property: str, keys: Sequence[str], properties: Sequence[str]
) -> dict[str, JsonObject]:
    """The records with these ids, or these values of a unique property; those that do not exist are left out."""
    found: dict[str, JsonObject] = {}
    distinct = list(dict.fromkeys(folded(id_property, key) for key in keys))
    names = list(dict.fromkeys([*properties, *([id_property] if id_property != RECORD_ID else [])]))
    for start in range(0, len(distinct), MAX_INPUTS):
        body: dict[str, Json] = {"inputs": [{"id": key} for key in distinct[start : start + MAX_INPUTS]], "properties": names}
        if id_property != RECORD_ID:
            body["idProperty"] = id_property
        answer = await service.post(f"{OBJECTS}/{segment(object_type)}/batch/read", json=body, reads=True)
        for record in results_of(answer):
            found[folded(id_property, str(_value(record, id_property)))] = record
    return found


async def write_batch(service: Service, object_type: str, verb: str, inputs: Sequence[JsonObject]) -> BatchAnswer:
    """Create, update or upsert up to 100 records. Every input carries its number as trace id, so that HubSpot does what it can and names
    the inputs that failed; where it refuses all of them for one, ServiceError."""
    traced = [{**each, "objectWriteTraceId": str(number)} for number, each in enumerate(inputs)]
    answer = await service.post(f"{OBJECTS}/{segment(object_type)}/batch/{verb}", json={"inputs": traced})
    return _by_input(answer, inputs)


async def archive_batch(service: Service, object_type: str, ids: Sequence[str]) -> None:
    """Move up to 100 records to the recycling bin; those that are not there are no error."""
    await service.post(f"{OBJECTS}/{segment(object_type)}/batch/archive", json={"inputs": [{"id": key} for key in dict.fromkeys(ids)]})


async def associate_batch(
    service: Service, from_type: str, to_type: str, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], RowError]:
    """Give up to 100 pairs of records the default association. Returns the pairs that failed."""
    inputs = [{"from": {"id": one}, "to": {"id": other}} for one, other in dict.fromkeys(pairs)]
    path = f"{ASSOCIATIONS}/{segment(from_type)}/{segment(to_type)}/batch/associate/default"
    answer = await service.post(path, json={"inputs": inputs})
    done = {(_id(entry, "from"), _id(entry, "to")) for entry in results_of(answer)}
    errors = _errors_of(answer)
    failed: dict[tuple[str, str], RowError] = {}
    for pair in pairs:
        if pair not in done:
            named = [
                error
                for error, context in errors
                if pair[0] in context.get("fromObjectId", ()) and pair[1] in context.get("toObjectId", ())
            ]
            failed[pair] = named[0] if named else errors[0][0] if errors else RowError("HubSpot did not say what became of it.")
    return failed


async def search(
    service: Service,
    object_type: str,
    *,
    groups: Sequence[Sequence[JsonObject]] = (),
    query: str = "",
    sorts: Sequence[JsonObject] = (),
    properties: Sequence[str] = (),
    limit: int = SEARCH_RESULTS,
) -> AsyncIterator[tuple[int, list[JsonObject]]]:
    """Pages of the records that match, with how many there are in all.

    HubSpot gives at most 10,000 for one query. Without an order of the caller's own, records come by id, and each further 10,000 are asked
    for as those with a greater id than the last; with one, the search ends there.
    """
    # The body of a search may have 3,000 characters: a long list of properties is read in a second step.
    apart = sum(len(name) + 3 for name in properties) > MAX_PROPERTY_CHARACTERS
    asked = [] if apart else list(properties)
    given = 0
    total: int | None = None
    last_id: str | None = None
    while True:
        within = _within(groups, last_id)
        after = 0
        while after < SEARCH_RESULTS and given < limit:
            size = min(SEARCH_PAGE, limit - given)
            body: dict[str, Json] = {"limit": size, "after": str(after), "properties": asked}
            body["filterGroups"] = [{"filters": list(filters)} for filters in within]
            body["sorts"] = list(sorts) or [{"propertyName": RECORD_ID, "direction": "ASCENDING"}]
            if query:
                body["query"] = query
            answer = await service.post(f"{OBJECTS}/{segment(object_type)}/search", json=body, reads=True)
            page = results_of(answer)
            total = int(document_of(answer).get("total") or 0) if total is None else total
            given += len(page)
            if apart:
                whole = await read_batch(service, object_type, RECORD_ID, [str(record["id"]) for record in page], properties)
                yield total, [whole.get(str(record["id"]), record) for record in page]
            else:
                yield total, page
            if not page or "next" not in (document_of(answer).get("paging") or {}):
                return
            after += len(page)
            last_id = str(page[-1].get("id"))
        if given >= limit or sorts:
            return


def _within(groups: Sequence[Sequence[JsonObject]], last_id: str | None) -> list[list[JsonObject]]:
    """The filter groups, each narrowed to greater ids."""
    if last_id is None:
        return [list(filters) for filters in groups]
    beyond: JsonObject = {"propertyName": RECORD_ID, "operator": "GT", "value": last_id}
    narrowed = [[*filters, beyond] for filters in groups] or [[beyond]]
    if any(len(filters) > MAX_FILTERS for filters in narrowed) or sum(map(len, narrowed)) > MAX_FILTERS_IN_ALL:
        raise InvalidConfig(
            f"more than {SEARCH_RESULTS:,} records match. To go on, each filter group needs a free place "
            f"({MAX_FILTERS} filters at most, {MAX_FILTERS_IN_ALL} in all): use fewer filters, or a smaller `limit`."
        )
    return narrowed


def document_of(answer: Answer) -> JsonObject:
    """The body of an answer, {} where it is not an object."""
    body: object = answer.body
    return cast("JsonObject", body) if isinstance(body, dict) else {}


def results_of(answer: Answer) -> list[JsonObject]:
    """The list of an answer. ServiceError where there is no list."""
    results = document_of(answer).get("results")
    if not isinstance(results, list):
        raise ServiceError("HubSpot answered without a list of results.", status=answer.status, body=answer.body, reason="unexpectedAnswer")
    return cast("list[JsonObject]", results)


def _value(record: JsonObject, name: str) -> Json:
    return record.get("id") if name == RECORD_ID else cast("JsonObject", record.get("properties") or {}).get(name)


def _id(entry: JsonObject, side: str) -> str:
    return str(cast("JsonObject", entry.get(side) or {}).get("id"))


def _errors_of(answer: Answer) -> list[tuple[RowError, Mapping[str, Sequence[str]]]]:
    errors = cast("list[JsonObject]", document_of(answer).get("errors") or [])
    return [(RowError(words(error), str(error.get("category") or "")), error.get("context") or {}) for error in errors]


def _by_input(answer: Answer, inputs: Sequence[JsonObject]) -> BatchAnswer:
    """Which record and which error belongs to which input: by the trace id, else by the key of the input, else by its values."""
    numbers = {_key_of(each): number for number, each in enumerate(inputs) if each.get("id") is not None}
    records: dict[int, JsonObject] = {}
    for record in results_of(answer):
        number = _traced(record.get("objectWriteTraceId"), len(inputs))
        number = _keyed(record, numbers) if number is None else number
        number = (
            next((at for at, each in enumerate(inputs) if at not in records and _holds(record, each)), None) if number is None else number
        )
        if number is not None:
            records[number] = record
    errors: dict[int, RowError] = {}
    rest: list[RowError] = []
    for error, context in _errors_of(answer):
        traces = [_traced(trace, len(inputs)) for trace in context.get("objectWriteTraceId", ())]
        ids = {str(one) for one in context.get("ids", ())}
        by_key = [number for (name, key), number in numbers.items() if key in {folded(name, one) for one in ids}]
        named = [*(number for number in traces if number is not None), *by_key]
        errors |= dict.fromkeys(named, error)
        rest += [] if named else [error]
    return BatchAnswer(records, errors, tuple(rest), document_of(answer).get("startedAt"))


def _keyed(record: JsonObject, numbers: Mapping[tuple[str, str], int]) -> int | None:
    """The input that named this record by its key."""
    for name in {name for name, _ in numbers}:
        number = numbers.get((name, folded(name, str(_value(record, name)))))
        if number is not None:
            return number
    return None


def _holds(record: JsonObject, each: JsonObject) -> bool:
    """Whether a record that was created has the values of an input."""
    present = cast("JsonObject", record.get("properties") or {})
    values = cast("Mapping[str, str]", each["properties"])
    return "id" not in each and all(folded(name, value) == present.get(name, "") for name, value in values.items())


def _key_of(each: JsonObject) -> tuple[str, str]:
    name = str(each.get("idProperty") or RECORD_ID)
    return name, folded(name, str(each["id"]))


def _traced(trace: Json, count: int) -> int | None:
    text = str(trace)
    return int(text) if text.isdigit() and int(text) < count else None
