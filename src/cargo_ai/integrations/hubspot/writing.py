"""Write-backs into HubSpot: by a unique property in one call, otherwise look first and write what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cargo_ai.integrations.hubspot.fields import FIELDS
from cargo_ai.integrations.hubspot.matching import is_unique, matching, same
from cargo_ai.integrations.hubspot.records import MAX_BYTES, MAX_INPUTS, RECORD_ID, property_text, write_batch
from cargo_ai.integrations.hubspot.rows import failure_of, values_of
from cargo_ai.integrations.kit import InvalidConfig, Later, Service
from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.integrations.kit.writes import written_records
from cargo_ai.integrations.kit.writes.actions import BatchWrites
from cargo_ai.integrations.kit.writes.batches import CrmBatch, Row, Sent, Target, Verb, send
from cargo_ai.integrations.kit.writes.matches import Matches

Json = Any
JsonObject = Mapping[str, Json]

CLOCKS_DIFFER = timedelta(seconds=5)
SEARCH_SETTLES_SECONDS = 15.0
"""After so long the search knows a record that may have been created by an attempt that got no answer. HubSpot says "a few moments"."""


def texts(values: Mapping[str, Json]) -> dict[str, str]:
    """The values to write, as HubSpot takes them. InvalidConfig names a property whose value it cannot hold."""
    taken: dict[str, str] = {}
    for name, value in values.items():
        try:
            taken[name] = property_text(value)
        except InvalidConfig as error:
            raise InvalidConfig(f"`mappings`: {name}: {error}") from None
    return taken


async def write(rows: Rows[Any], wanted: Mapping[int, Row], target: Target) -> None:
    """Write the rows. What fails before anything was written is raised."""
    unique = await is_unique(rows.requests[next(iter(wanted))], target.object_type, target.match_by)
    batch = _Batch(rows, wanted, target, unique)
    if unique and target.policy == "upsert" and target.match_by != RECORD_ID:
        await batch.upsert()
    else:
        await batch.look_and_write()


async def insert(rows: Rows[Any], object_type: str, wanted: Mapping[int, Mapping[str, Json]]) -> None:
    """Create a record for each row."""

    async def save(inputs: Sequence[JsonObject]) -> Sequence[Sent]:
        return await _save(rows.service, object_type, "create", inputs)

    def created(position: int, record: JsonObject) -> None:
        rows.settle(position, written_records("created", [str(record["id"])], url=_url(record)))

    await send(rows, [(position, {"properties": values}) for position, values in wanted.items()], save, created, most=MAX_INPUTS)


async def _save(service: Service, object_type: str, verb: Verb, inputs: Sequence[JsonObject]) -> list[Sent]:
    answer = await write_batch(service, object_type, verb, inputs)
    rest = failure_of(answer.rest[0]) if answer.rest else None
    sent: list[Sent] = []
    for number in range(len(inputs)):
        if (record := answer.records.get(number)) is not None:
            sent.append({**record, "created": record.get("new") is True, "unchanged": is_before(record.get("updatedAt"), answer.started)})
        else:
            error = answer.errors.get(number)
            sent.append(rest if error is None else failure_of(error))
    return sent


def is_before(changed: Json, started: Json) -> bool:
    """Whether a record was last changed well before a call began, both by HubSpot's clocks: the call has not changed it."""
    try:
        return datetime.fromisoformat(str(changed)) < datetime.fromisoformat(str(started)) - CLOCKS_DIFFER
    except (TypeError, ValueError):
        return False


def _url(record: JsonObject) -> str | None:
    url = record.get("url")
    return None if url is None else str(url)


class _Batch(CrmBatch):
    most_inputs = MAX_INPUTS
    record_id = RECORD_ID
    advice = "Match by a property that is unique."

    def __init__(self, rows: Rows[Any], wanted: Mapping[int, Row], target: Target, unique: bool) -> None:
        self.unique = unique
        super().__init__(rows, wanted, target)

    def same(self, key: Json) -> str:
        return same(self.target.match_by, self.unique, key)

    async def look(self, keys: Sequence[str], names: Sequence[str]) -> Matches:
        request = self.rows.requests[next(iter(self.wanted))]
        return await matching(request, self.target.object_type, self.target.match_by, keys, names)

    async def save(self, verb: Verb, inputs: Sequence[JsonObject]) -> Sequence[Sent]:
        return await _save(self.rows.service, self.target.object_type, verb, inputs)

    def upserting(self, row: Row) -> JsonObject:
        # The key is among the properties, too: HubSpot takes no upsert by e-mail address that leaves the address out.
        return {"id": row.key, "idProperty": self.name, **self.creating(row)}

    def creating(self, row: Row) -> JsonObject:
        return {"properties": {self.name: row.key, **row.values}}

    def changing(self, row: Row, record: JsonObject) -> JsonObject:
        return {"id": record["id"], "properties": dict(row.values)}

    def differs(self, record: JsonObject, values: Mapping[str, Json]) -> bool:
        # As HubSpot keeps them: numbers and times may be spelled otherwise, and then are written.
        present = values_of(record)
        return any(present.get(name, "") != value for name, value in values.items())

    def url(self, record: JsonObject) -> str | None:
        return _url(record)

    def postponed(self, position: int) -> bool:
        """An earlier attempt may have created the row's record, and the search does not know it yet."""
        call = self.rows.requests[position].call
        repeated = call.repeated or call.attempt > 1
        if self.unique or self.target.policy == "updateOnly" or not repeated or call.meta is not None:
            return False
        self.rows.settle(position, Later(SEARCH_SETTLES_SECONDS, {"settled": True}, "HubSpot's search lags behind"))
        return True


WRITES = BatchWrites(fields=FIELDS, values_of=texts, write=write, insert=insert, most_inputs=MAX_INPUTS, most_bytes=MAX_BYTES)
