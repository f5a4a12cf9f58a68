"""Write-backs of many rows: by a unique property in one call, otherwise look first and write what differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cargo_ai.integrations.hubspot.matching import Matches, is_unique, matching
from cargo_ai.integrations.hubspot.records import MOST_INPUTS, RECORD_ID, property_text, write_batch
from cargo_ai.integrations.hubspot.rows import refuse, values_of
from cargo_ai.integrations.kit import Failed, InvalidConfig, Later, ServiceError
from cargo_ai.integrations.kit.rows import Rows, numbered
from cargo_ai.integrations.kit.writes import Mappings, MatchPolicy, Operation, assigned, rounds, written

Json = Any
JsonObject = Mapping[str, Json]

SEARCH_SETTLES_SECONDS = 15.0
"""After so long the search knows a record that may have been created by an attempt that got no answer. HubSpot says "a few moments"."""
OF_THE_ACCOUNT = (401, 403)
"""Refusals that no part of a batch would escape."""
MOST_MATCHES = 100
"""How many records one row may change."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row wants: values, on the record with this key."""

    key: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """What the rows of a batch have in common. `several`: a row may change every record that matches, not just one."""

    object_type: str
    id_property: str
    policy: MatchPolicy
    several: bool = False


def texts(mappings: Mappings, *, write_nulls: bool) -> dict[str, str]:
    """The values to write, as HubSpot takes them. InvalidConfig names a property whose value it cannot hold."""
    values: dict[str, str] = {}
    for name, value in assigned(mappings, write_nulls=write_nulls).items():
        try:
            values[name] = property_text(value)
        except InvalidConfig as error:
            raise InvalidConfig(f"`mappings`: {name}: {error}") from None
    return values


async def write(rows: Rows[Any], wanted: Mapping[int, Row], target: Target) -> None:
    """Write the rows. What fails before anything was written is raised."""
    if not wanted:
        return
    unique = await is_unique(rows.requests[next(iter(wanted))], target.object_type, target.id_property)
    work = _Work(rows, wanted, target)
    if unique and target.policy == "upsert" and target.id_property != RECORD_ID:
        await work.upsert()
    else:
        await work.look_and_write(unique)


Inputs = Sequence[tuple[int, JsonObject]]
"""Inputs of a batch, each with the position of its row."""


async def send(rows: Rows[Any], object_type: str, verb: str, inputs: Inputs, done: Callable[[int, JsonObject], None]) -> None:
    """Send inputs in batches; `done` gets the row's position and the record. Rows that HubSpot refuses have failed.

    What fails before anything was changed is raised, so that the caller may halve the batch; later on it concerns only these rows.
    """
    for part in numbered(range(len(inputs)), MOST_INPUTS):
        await _send_part(rows, object_type, verb, [inputs[number] for number in part], done)


async def _send_part(rows: Rows[Any], object_type: str, verb: str, inputs: Inputs, done: Callable[[int, JsonObject], None]) -> None:
    changed = rows.service.changed
    try:
        answer = await write_batch(rows.service, object_type, verb, [given for _, given in inputs])
    except ServiceError as error:
        if not changed:
            raise
        if error.rejects and error.status not in OF_THE_ACCOUNT and len(inputs) > 1:
            middle = len(inputs) // 2
            await _send_part(rows, object_type, verb, inputs[:middle], done)
            await _send_part(rows, object_type, verb, inputs[middle:], done)
            return
        for position, _ in inputs:
            rows.settle(position, error.to_outcome())
        return
    for number, (position, _) in enumerate(inputs):
        if number in answer.records:
            done(position, answer.records[number])
        elif number in answer.errors:
            refuse(rows, position, answer.errors[number])
        elif answer.rest:
            refuse(rows, position, answer.rest[0])


@dataclass(slots=True)
class _Work:
    rows: Rows[Any]
    wanted: Mapping[int, Row]
    target: Target
    matches: Matches = field(default_factory=lambda: Matches("", unique=True))
    changed: dict[int, list[JsonObject]] = field(default_factory=dict[int, list[JsonObject]])

    async def upsert(self) -> None:
        """One call for all; rows of one key one after another, as HubSpot takes none twice."""
        name = self.target.id_property
        matches = Matches(name, unique=True)

        async def act(positions: Sequence[int]) -> None:
            # The key is among the properties, too: HubSpot takes no upsert by e-mail address that leaves the address out.
            inputs = [(at, self._upsert_of(self.wanted[at], name)) for at in positions]
            await send(self.rows, self.target.object_type, "upsert", inputs, self._upserted)

        await self._in_rounds([*self.wanted], [matches.same(row.key) for row in self.wanted.values()], act)

    async def look_and_write(self, unique: bool) -> None:
        """Read what there is, then change and create what is left to do."""
        positions = [position for position in self.wanted if not self._postpone(position, unique)]
        if not positions:
            return
        target, keys = self.target, [self.wanted[position].key for position in positions]
        names = sorted({name for position in positions for name in self.wanted[position].values})
        self.matches = await matching(self.rows.requests[positions[0]], target.object_type, target.id_property, keys, names)
        await self._in_rounds(positions, [self.matches.same(key) for key in keys], self._update_or_create)

    async def _in_rounds(self, positions: Sequence[int], keys: Sequence[str], act: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        for numbers in rounds(keys):
            await act([positions[number] for number in numbers])

    def _postpone(self, position: int, unique: bool) -> bool:
        """Whether a row has to wait: an earlier attempt may have created its record, and the search does not know it yet."""
        call = self.rows.requests[position].call
        repeated = call.repeated or call.attempt > 1
        if unique or self.target.policy == "updateOnly" or not repeated or call.meta is not None:
            return False
        self.rows.settle(position, Later(SEARCH_SETTLES_SECONDS, {"settled": True}, "HubSpot's search lags behind"))
        return True

    @staticmethod
    def _upsert_of(row: Row, name: str) -> JsonObject:
        return {"id": row.key, "idProperty": name, "properties": {name: row.key, **row.values}}

    def _upserted(self, position: int, record: JsonObject) -> None:
        self._done(position, "created" if record.get("new") is True else "updated", [record])

    async def _update_or_create(self, positions: Sequence[int]) -> None:
        updates: list[tuple[int, JsonObject]] = []
        creates: list[tuple[int, JsonObject]] = []
        for position in positions:
            row, records = self.wanted[position], self.matches.of(self.wanted[position].key)
            if not records and self._may_create(position, row):
                creates.append((position, {"properties": {self.target.id_property: row.key, **row.values}}))
            elif records and self._may_update(position, row, records):
                different = [record for record in records if _differs(record, row.values)]
                if not different:
                    self._done(position, "unchanged", records)
                updates += [(position, {"id": record["id"], "properties": dict(row.values)}) for record in different]
        await send(self.rows, self.target.object_type, "update", updates, self._updated)
        await send(self.rows, self.target.object_type, "create", creates, self._created)

    def _may_create(self, position: int, row: Row) -> bool:
        # HubSpot gives ids itself: a record with a given one cannot be created.
        if self.target.policy != "updateOnly" and self.target.id_property != RECORD_ID:
            return True
        text = f"There is no such record in {self.target.object_type}: {self.target.id_property} is {row.key}."
        self.rows.settle(position, written("skipped", None, reason=text, more={"recordIds": []}))
        return False

    def _may_update(self, position: int, row: Row, records: Sequence[JsonObject]) -> bool:
        if self.target.policy == "createOnly":
            self._done(position, "skipped", records, "The record exists.")
            return False
        if len(records) <= (MOST_MATCHES if self.target.several else 1):
            return True
        which = f"{len(records)} records of {self.target.object_type} have {self.target.id_property} {row.key}"
        self.rows.settle(
            position, Failed(f"{which}: it is not clear which to change. Match by a property that is unique.", reason="ambiguous")
        )
        return False

    def _updated(self, position: int, record: JsonObject) -> None:
        self.matches.add(self.wanted[position].key, record)
        self.changed.setdefault(position, []).append(record)
        self._done(position, "updated", self.changed[position])

    def _created(self, position: int, record: JsonObject) -> None:
        self.matches.add(self.wanted[position].key, record)
        self._done(position, "created", [record])

    def _done(self, position: int, operation: Operation, records: Sequence[JsonObject], reason: str | None = None) -> None:
        self.rows.settle(position, of_records(operation, records, reason))


def of_records(operation: Operation, records: Sequence[JsonObject], reason: str | None = None) -> Any:
    """The result of a row that concerns these records."""
    ids, url = [str(record["id"]) for record in records], records[0].get("url")
    return written(operation, ids[0], url=None if url is None else str(url), reason=reason, more={"recordIds": ids})


def _differs(record: JsonObject, values: Mapping[str, str]) -> bool:
    """Whether a record lacks one of the values. As HubSpot keeps them: numbers and times may be spelled otherwise, and then are written."""
    present = values_of(record)
    return any(present.get(name, "") != value for name, value in values.items())
