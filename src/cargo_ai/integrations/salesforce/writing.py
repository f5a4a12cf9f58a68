"""Write-backs of many rows: by an external id in one call, otherwise look first and write what differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cargo_ai.integrations.kit import Failed, InvalidConfig, ServiceError
from cargo_ai.integrations.kit.rows import Rows, numbered
from cargo_ai.integrations.kit.writes import Mappings, MatchPolicy, Operation, assigned, rounds, written
from cargo_ai.integrations.salesforce.describe import RECORD_ID, Described, described
from cargo_ai.integrations.salesforce.matching import Matches, matching, searchable
from cargo_ai.integrations.salesforce.records import MOST_INPUTS, Method, Saved, save, url_of
from cargo_ai.integrations.salesforce.values import checked_name, of_type, same, writable

Json = Any
JsonObject = Mapping[str, Json]

OF_THE_ACCOUNT = (401, 403)
"""Refusals that no part of a batch would escape."""
MOST_MATCHES = 100
"""How many records one row may change."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row wants: values, on the record with this key."""

    key: str
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Target:
    """What the rows of a batch have in common. `several`: a row may change every record that matches, not just one."""

    object_type: str
    match_by: str
    policy: MatchPolicy
    several: bool = False


def values_of(mappings: Mappings, *, write_nulls: bool) -> dict[str, Json]:
    """The values to write, as Salesforce takes them. InvalidConfig names a field whose value it cannot hold."""
    values: dict[str, Json] = {}
    for name, value in assigned(mappings, write_nulls=write_nulls).items():
        if name.lower() in ("id", "attributes"):
            raise InvalidConfig(f"`mappings`: {name} cannot be written: Salesforce gives ids itself.")
        try:
            values[checked_name(name)] = writable(value)
        except InvalidConfig as error:
            raise InvalidConfig(f"`mappings`: {name[:100]}: {error}") from None
    return values


async def write(rows: Rows[Any], wanted: Mapping[int, Row], target: Target) -> None:
    """Write the rows. What fails before anything was written is raised."""
    if not wanted:
        return
    checked_name(target.object_type, "object")
    known = await described(rows.requests[next(iter(wanted))], target.object_type, target.match_by)
    fitting = searchable(rows, known, target.match_by, {position: row.key for position, row in wanted.items()})
    work = _Work(rows, {position: wanted[position] for position in fitting}, target, known)
    if not fitting:
        return
    if known.wanted(target.match_by).get("externalId") and target.policy == "upsert":
        await work.upsert()
    else:
        await work.look_and_write()


Inputs = Sequence[tuple[int, JsonObject]]
"""Records of a collection, each with the position of its row."""


async def send(
    rows: Rows[Any], method: Method, object_type: str, inputs: Inputs, done: Callable[[int, Saved], None], *, by: str = ""
) -> None:
    """Save records in collections; `done` gets the row's position and what was saved. Rows that Salesforce refuses have failed.

    What fails before anything was changed is raised, so that the caller may halve the batch; later on it concerns only these rows.
    """
    for part in numbered(range(len(inputs)), MOST_INPUTS):
        await _send_part(rows, method, object_type, [inputs[number] for number in part], done, by)


async def _send_part(
    rows: Rows[Any], method: Method, object_type: str, inputs: Inputs, done: Callable[[int, Saved], None], by: str
) -> None:
    changed = rows.service.changed
    try:
        results = await save(rows.service, method, object_type, [record for _, record in inputs], by=by)
    except ServiceError as error:
        if not changed:
            raise
        if error.rejects and error.status not in OF_THE_ACCOUNT and len(inputs) > 1:
            middle = len(inputs) // 2
            await _send_part(rows, method, object_type, inputs[:middle], done, by)
            await _send_part(rows, method, object_type, inputs[middle:], done, by)
            return
        for position, _ in inputs:
            rows.settle(position, error.to_outcome())
        return
    settled = [(position, saved) for (position, _), saved in zip(inputs, results, strict=True)]
    for position, saved in settled:
        if not saved.errors:
            done(position, saved)
    # Last, for a row that changes several records fails with one of them.
    for position, saved in settled:
        if saved.errors:
            rows.settle(position, Failed(saved.message, transient=saved.transient, reason=saved.reason))


@dataclass(slots=True)
class _Work:
    rows: Rows[Any]
    wanted: Mapping[int, Row]
    target: Target
    known: Described
    matches: Matches = field(init=False)
    changed: dict[int, list[str]] = field(default_factory=dict[int, list[str]])

    def __post_init__(self) -> None:
        self.matches = Matches(self.definition)

    @property
    def definition(self) -> JsonObject:
        """The field by which records are named."""
        return self.known.wanted(self.target.match_by)

    @property
    def name(self) -> str:
        """Its name, as Salesforce spells it."""
        return str(self.definition["name"])

    async def upsert(self) -> None:
        """One call for all; rows of one key one after another, as Salesforce takes none twice."""

        async def act(positions: Sequence[int]) -> None:
            inputs = [(at, self._keyed(self.wanted[at])) for at in positions]
            await send(self.rows, "PATCH", self.target.object_type, inputs, self._upserted, by=self.name)

        await self._in_rounds(act)

    async def look_and_write(self) -> None:
        """Read what there is, then change and create what is left to do."""
        names = sorted({name for row in self.wanted.values() for name, value in row.values.items() if not isinstance(value, dict)})
        # A field that the org does not have is named by Salesforce when it is written.
        readable = [str(one["name"]) for name in names if (one := self.known.field(name)) is not None]
        keys = [row.key for row in self.wanted.values()]
        self.matches = await matching(self.rows.service, self.known, self.target.match_by, keys, readable)
        await self._in_rounds(self._update_or_create)

    async def _in_rounds(self, act: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        positions = [*self.wanted]
        for numbers in rounds([self.matches.same(row.key) for row in self.wanted.values()]):
            await act([positions[number] for number in numbers])

    def _keyed(self, row: Row) -> JsonObject:
        """The values with the key among them, whatever the row's own value of that field is."""
        values = {name: value for name, value in row.values.items() if name.lower() != self.name.lower()}
        return {**values, self.name: of_type(self.definition, row.key)}

    def _upserted(self, position: int, saved: Saved) -> None:
        self._done(position, "created" if saved.created else "updated", [saved.id])

    async def _update_or_create(self, positions: Sequence[int]) -> None:
        updates: list[tuple[int, JsonObject]] = []
        creates: list[tuple[int, JsonObject]] = []
        for position in positions:
            row, records = self.wanted[position], self.matches.of(self.wanted[position].key)
            if not records and self._may_create(position, row):
                creates.append((position, self._keyed(row)))
            elif records and self._may_update(position, row, records):
                different = [record for record in records if self._differs(record, row.values)]
                if not different:
                    self._done(position, "unchanged", [str(record["Id"]) for record in records])
                updates += [(position, {"id": record["Id"], **row.values}) for record in different]
        await send(self.rows, "PATCH", self.target.object_type, updates, self._updated)
        await send(self.rows, "POST", self.target.object_type, creates, self._created)

    def _may_create(self, position: int, row: Row) -> bool:
        if self.target.policy != "updateOnly" and self.name != RECORD_ID:
            return True
        text = f"There is no such record of {self.target.object_type}: {self.name} is {row.key}."
        self.rows.settle(position, written("skipped", None, reason=text, more={"recordIds": []}))
        return False

    def _may_update(self, position: int, row: Row, records: Sequence[JsonObject]) -> bool:
        if self.target.policy == "createOnly":
            self._done(position, "skipped", [str(record["Id"]) for record in records], "The record exists.")
            return False
        if len(records) <= (MOST_MATCHES if self.target.several else 1):
            return True
        which = f"{len(records)} records of {self.target.object_type} have {self.name} {row.key}"
        self.rows.settle(position, Failed(f"{which}: it is not clear which to change. Match by an external id.", reason="ambiguous"))
        return False

    def _updated(self, position: int, saved: Saved) -> None:
        row = self.wanted[position]
        former: JsonObject = next((record for record in self.matches.of(row.key) if record["Id"] == saved.id), dict[str, Json]())
        self.matches.add(row.key, {**former, **row.values, "Id": saved.id})
        self.changed.setdefault(position, []).append(saved.id)
        self._done(position, "updated", self.changed[position])

    def _created(self, position: int, saved: Saved) -> None:
        row = self.wanted[position]
        self.matches.add(row.key, {**row.values, "Id": saved.id})
        self._done(position, "created", [saved.id])

    def _differs(self, record: JsonObject, values: Mapping[str, Json]) -> bool:
        """Whether a record lacks one of the values."""
        present = {name.lower(): value for name, value in record.items()}
        return any(not same(self.known.field(name) or {}, present.get(name.lower()), value) for name, value in values.items())

    def _done(self, position: int, operation: Operation, ids: Sequence[str], reason: str | None = None) -> None:
        url = url_of(self.rows.service, ids[0])
        self.rows.settle(position, written(operation, ids[0], url=url, reason=reason, more={"recordIds": [*ids]}))
