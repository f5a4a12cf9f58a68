"""Write-backs of many rows into a CRM that takes batches: by a unique property in one call, otherwise look first and write what differs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cargo_ai.engine.graph.action import Failed
from cargo_ai.integrations.kit.errors import ServiceError
from cargo_ai.integrations.kit.rows import Rows, numbered
from cargo_ai.integrations.kit.writes.matches import Matches
from cargo_ai.integrations.kit.writes.values import MatchPolicy, Operation, rounds, written_records

Json = Any
JsonObject = Mapping[str, Json]
Verb = Literal["create", "update", "upsert"]

OF_THE_ACCOUNT = (401, 403)
"""Refusals that no part of a batch would escape."""
MAX_MATCHES = 100
"""How many records one row may change."""

Inputs = Sequence[tuple[int, JsonObject]]
"""Inputs of a batch, each with the position of its row."""
Sent = JsonObject | Failed | None
"""What became of one input: its record, why it failed, or nothing where the service does not say."""
Save = Callable[[Sequence[JsonObject]], Awaitable[Sequence[Sent]]]
"""One call for some inputs; an answer for each."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row wants: values, on the record with this key."""

    key: str
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Target:
    """What the rows of a batch have in common. `several`: a row may change every record that matches, not just one. `compares`: what there
    is is read before an upsert, too."""

    object_type: str
    match_by: str
    policy: MatchPolicy
    several: bool = False
    compares: bool = False


async def send(rows: Rows[Any], inputs: Inputs, save: Save, done: Callable[[int, JsonObject], None], *, most: int) -> None:
    """Send inputs, at most `most` in a call; `done` gets the row's position and the record. Rows that the service refuses have failed.

    What fails before anything was changed is raised, so that the caller may halve the batch; later on it concerns only these rows.
    """
    failures: dict[int, Failed] = {}
    for part in numbered(range(len(inputs)), most):
        await _send_part(rows, [inputs[number] for number in part], save, done, failures)
    # Last, for a row that changes several records fails with one of them.
    for position, failed in failures.items():
        rows.settle(position, failed)


async def _send_part(
    rows: Rows[Any], inputs: Inputs, save: Save, done: Callable[[int, JsonObject], None], failures: dict[int, Failed]
) -> None:
    changed = rows.service.changed
    try:
        answers = await save([given for _, given in inputs])
    except ServiceError as error:
        if not changed:
            raise
        if error.rejects and error.status not in OF_THE_ACCOUNT and len(inputs) > 1:
            middle = len(inputs) // 2
            await _send_part(rows, inputs[:middle], save, done, failures)
            await _send_part(rows, inputs[middle:], save, done, failures)
        else:
            failures |= {position: error.to_outcome() for position, _ in inputs}
        return
    for (position, _), answer in zip(inputs, answers, strict=True):
        if isinstance(answer, Failed):
            failures[position] = answer
        elif answer is not None:
            done(position, answer)


class CrmBatch(ABC):
    """The rows of one batch on their way into a CRM, which says how it names, reads, compares and saves records.

    most_inputs: how many one call may have. record_id: the property that is a record's id, in records under `id_name`: with a given id,
    none can be created. advice: which property to match by instead of one that several records share.
    """

    most_inputs: ClassVar[int]
    record_id: ClassVar[str]
    id_name: ClassVar[str] = "id"
    advice: ClassVar[str]

    def __init__(self, rows: Rows[Any], wanted: Mapping[int, Row], target: Target) -> None:
        self.rows, self.wanted, self.target = rows, wanted, target
        self.matches = Matches(self.same, self.id_name)
        self._changed: dict[int, list[JsonObject]] = {}

    @property
    def name(self) -> str:
        """The property by which records are matched, as the service spells it."""
        return self.target.match_by

    @abstractmethod
    def same(self, key: Json) -> str:
        """A value of that property as it is compared."""

    @abstractmethod
    async def look(self, keys: Sequence[str], names: Sequence[str]) -> Matches:
        """The records with these values of that property, with these properties."""

    @abstractmethod
    async def save(self, verb: Verb, inputs: Sequence[JsonObject]) -> Sequence[Sent]:
        """One call. Records of an upsert that were created have a true `created`; those of which the service says that it has not changed
        them have a true `unchanged`."""

    @abstractmethod
    def upserting(self, row: Row) -> JsonObject:
        """The input of a row that creates a record or changes the one with its key."""

    @abstractmethod
    def creating(self, row: Row) -> JsonObject:
        """The input of a row that creates a record with its key."""

    @abstractmethod
    def changing(self, row: Row, record: JsonObject) -> JsonObject:
        """The input of a row that changes a record."""

    @abstractmethod
    def differs(self, record: JsonObject, values: Mapping[str, Json]) -> bool:
        """Whether a record lacks one of the values."""

    @abstractmethod
    def url(self, record: JsonObject) -> str | None:
        """Where people see a record."""

    def postponed(self, position: int) -> bool:
        """Whether a row has been settled because it has to wait until the service can be asked."""
        return False

    async def upsert(self) -> None:
        """One call for all; rows of one key one after another, as no service takes one twice. What is known to be as wanted, from a look
        or from an earlier row, is not sent."""
        positions = [*self.wanted]
        if self.target.compares:
            self.matches = await self._look(positions)

        async def act(positions: Sequence[int]) -> None:
            different = [at for at in positions if not self._is_as_wanted(at)]
            await self._send("upsert", [(at, self.upserting(self.wanted[at])) for at in different], self._upserted)

        await self._in_rounds(positions, act)

    def _is_as_wanted(self, position: int) -> bool:
        """Whether the row's record is known to have its values; the row is settled then."""
        row = self.wanted[position]
        records = self.matches.of(row.key)
        if len(records) != 1 or self.differs(records[0], row.values):
            return False
        self._done(position, "unchanged", records)
        return True

    async def _look(self, positions: Sequence[int]) -> Matches:
        names = sorted({name for position in positions for name in self.wanted[position].values})
        return await self.look([self.wanted[position].key for position in positions], names)

    async def look_and_write(self) -> None:
        """Read what there is, then change and create what is left to do."""
        positions = [position for position in self.wanted if not self.postponed(position)]
        if positions:
            self.matches = await self._look(positions)
            await self._in_rounds(positions, self._update_or_create)

    async def _in_rounds(self, positions: Sequence[int], act: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        for numbers in rounds([self.same(self.wanted[position].key) for position in positions]):
            await act([positions[number] for number in numbers])

    async def _send(self, verb: Verb, inputs: Inputs, done: Callable[[int, JsonObject], None]) -> None:
        async def save(given: Sequence[JsonObject]) -> Sequence[Sent]:
            return await self.save(verb, given)

        await send(self.rows, inputs, save, done, most=self.most_inputs)

    async def _update_or_create(self, positions: Sequence[int]) -> None:
        updates: list[tuple[int, JsonObject]] = []
        creates: list[tuple[int, JsonObject]] = []
        for position in positions:
            row, records = self.wanted[position], self.matches.of(self.wanted[position].key)
            if not records and self._may_create(position, row):
                creates.append((position, self.creating(row)))
            elif records and self._may_update(position, row, records):
                different = [record for record in records if self.differs(record, row.values)]
                if not different:
                    self._done(position, "unchanged", records)
                updates += [(position, self.changing(row, record)) for record in different]
        await self._send("update", updates, self._updated)
        await self._send("create", creates, self._created)

    def _may_create(self, position: int, row: Row) -> bool:
        if self.target.policy != "updateOnly" and self.name != self.record_id:
            return True
        text = f"There is no such record of {self.target.object_type}: {self.name} is {row.key}."
        self.rows.settle(position, written_records("skipped", [], reason=text))
        return False

    def _may_update(self, position: int, row: Row, records: Sequence[JsonObject]) -> bool:
        if self.target.policy == "createOnly":
            self._done(position, "skipped", records, "The record exists.")
            return False
        if len(records) <= (MAX_MATCHES if self.target.several else 1):
            return True
        which = f"{len(records)} records of {self.target.object_type} have {self.name} {row.key}"
        self.rows.settle(position, Failed(f"{which}: it is unclear which to change. {self.advice}", reason="ambiguous"))
        return False

    def _upserted(self, position: int, record: JsonObject) -> None:
        self.matches.add(self.wanted[position].key, record)
        created, unchanged = record.get("created") is True, record.get("unchanged") is True
        self._done(position, "created" if created else "unchanged" if unchanged else "updated", [record])

    def _updated(self, position: int, record: JsonObject) -> None:
        self.matches.add(self.wanted[position].key, record)
        self._changed.setdefault(position, []).append(record)
        self._done(position, "updated", self._changed[position])

    def _created(self, position: int, record: JsonObject) -> None:
        self.matches.add(self.wanted[position].key, record)
        self._done(position, "created", [record])

    def _done(self, position: int, operation: Operation, records: Sequence[JsonObject], reason: str | None = None) -> None:
        ids = [str(record[self.id_name]) for record in records]
        self.rows.settle(position, written_records(operation, ids, url=self.url(records[0]), reason=reason))
