"""Write-backs into Salesforce: by an external id in one call, otherwise look first and write what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import InvalidConfig, Service
from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.integrations.kit.writes import written_records
from cargo_ai.integrations.kit.writes.actions import BatchWrites
from cargo_ai.integrations.kit.writes.batches import CrmBatch, Row, Sent, Target, Verb, send
from cargo_ai.integrations.kit.writes.matches import Matches
from cargo_ai.integrations.salesforce.describe import RECORD_ID, Described, described
from cargo_ai.integrations.salesforce.fields import FIELDS
from cargo_ai.integrations.salesforce.matching import matching, searchable
from cargo_ai.integrations.salesforce.records import MAX_BYTES, MAX_INPUTS, Method, failure_of, save, url_of
from cargo_ai.integrations.salesforce.values import canonical, checked_name, of_type, same, writable

Json = Any
JsonObject = Mapping[str, Json]


def taken(values: Mapping[str, Json]) -> dict[str, Json]:
    """The values to write, as Salesforce takes them. InvalidConfig names a field whose value it cannot hold."""
    given: dict[str, Json] = {}
    for name, value in values.items():
        if name.lower() in ("id", "attributes"):
            raise InvalidConfig(f"`mappings`: {name} cannot be written: Salesforce gives ids itself.")
        try:
            given[checked_name(name)] = writable(value)
        except InvalidConfig as error:
            raise InvalidConfig(f"`mappings`: {name[:100]}: {error}") from None
    return given


async def write(rows: Rows[Any], wanted: Mapping[int, Row], target: Target) -> None:
    """Write the rows. What fails before anything was written is raised."""
    checked_name(target.object_type, "object")
    known = await described(rows.requests[next(iter(wanted))], target.object_type, target.match_by)
    fitting = searchable(rows, known, target.match_by, {position: row.key for position, row in wanted.items()})
    if not fitting:
        return
    batch = _Batch(rows, {position: wanted[position] for position in fitting}, target, known)
    if known.wanted(target.match_by).get("externalId") and target.policy == "upsert":
        await batch.upsert()
    else:
        await batch.look_and_write()


async def insert(rows: Rows[Any], object_type: str, wanted: Mapping[int, Mapping[str, Json]]) -> None:
    """Create a record for each row."""
    checked_name(object_type, "object")

    async def save(inputs: Sequence[JsonObject]) -> Sequence[Sent]:
        return await _save(rows.service, "POST", object_type, inputs)

    def created(position: int, record: JsonObject) -> None:
        record_id = str(record["Id"])
        rows.settle(position, written_records("created", [record_id], url=url_of(rows.service, record_id)))

    await send(rows, [*wanted.items()], save, created, most=MAX_INPUTS)


async def _save(service: Service, method: Method, object_type: str, inputs: Sequence[JsonObject], by: str = "") -> list[Sent]:
    results = await save(service, method, object_type, inputs, by=by)
    return [
        failure_of(saved) if saved.errors else {**given, "Id": saved.id, "created": saved.created}
        for given, saved in zip(inputs, results, strict=True)
    ]


class _Batch(CrmBatch):
    most_inputs = MAX_INPUTS
    record_id = RECORD_ID
    id_name = "Id"
    advice = "Match by an external id."

    def __init__(self, rows: Rows[Any], wanted: Mapping[int, Row], target: Target, known: Described) -> None:
        self.known, self.definition = known, known.wanted(target.match_by)
        super().__init__(rows, wanted, target)

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    def same(self, key: Json) -> str:
        return canonical(self.definition, key)

    async def look(self, keys: Sequence[str], names: Sequence[str]) -> Matches:
        # A field that the org does not have is named by Salesforce when it is written. What a parent is named by is not read.
        parents = {name for row in self.wanted.values() for name, value in row.values.items() if isinstance(value, dict)}
        readable = [str(definition["name"]) for name in names if name not in parents and (definition := self.known.field(name))]
        return await matching(self.rows.service, self.known, self.target.match_by, keys, readable)

    async def save(self, verb: Verb, inputs: Sequence[JsonObject]) -> Sequence[Sent]:
        by = self.name if verb == "upsert" else ""
        return await _save(self.rows.service, "POST" if verb == "create" else "PATCH", self.target.object_type, inputs, by)

    def upserting(self, row: Row) -> JsonObject:
        return self.creating(row)

    def creating(self, row: Row) -> JsonObject:
        # With the key, whatever the row's own value of that field is.
        values = {name: value for name, value in row.values.items() if name.lower() != self.name.lower()}
        return {**values, self.name: of_type(self.definition, row.key)}

    def changing(self, row: Row, record: JsonObject) -> JsonObject:
        return {"id": record["Id"], **row.values}

    def differs(self, record: JsonObject, values: Mapping[str, Json]) -> bool:
        present = {name.lower(): value for name, value in record.items()}
        return any(not same(self.known.field(name) or {}, present.get(name.lower()), value) for name, value in values.items())

    def url(self, record: JsonObject) -> str | None:
        return url_of(self.rows.service, str(record["Id"]))


WRITES = BatchWrites(fields=FIELDS, values_of=taken, write=write, insert=insert, most_inputs=MAX_INPUTS, most_bytes=MAX_BYTES)
