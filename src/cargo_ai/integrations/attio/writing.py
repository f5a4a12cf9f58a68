"""Write-backs: look at what there is, then write what differs; by a unique attribute so that nothing is created twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.attio.attributes import RECORD_ID, Attributes, attributes_of
from cargo_ai.integrations.attio.fields import FIELDS, Update, Upsert
from cargo_ai.integrations.attio.matching import matching
from cargo_ai.integrations.attio.records import assert_record, change, create, id_of, url_of
from cargo_ai.integrations.attio.values import attio_values, comparable, differs, plain_values
from cargo_ai.integrations.kit import ActionRequest, Done, Failed, Later, Outcome, Service, Throttled
from cargo_ai.integrations.kit.writes import Operation, written_records
from cargo_ai.integrations.kit.writes.actions import SingleWrites
from cargo_ai.integrations.kit.writes.batches import MAX_MATCHES, Row, Target

Json = Any
JsonObject = Mapping[str, Json]
EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Values, on the records whose attribute `by` is `key`. `add`: lists are added to, not replaced."""

    object_type: str
    by: str
    key: str
    values: Mapping[str, Json]
    add: bool = False

    @classmethod
    def of(cls, form: Upsert | Update, row: Row, target: Target) -> Wanted:
        """What a form wants."""
        return cls(target.object_type, target.match_by, row.key, row.values, add=form.multi_select == "add")

    @property
    def missing(self) -> Done:
        """The result where there is no such record."""
        reason = f"There is no such record in {self.object_type}: {self.by} is {self.key}."
        return written_records("skipped", [], reason=reason)


async def update(request: ActionRequest, form: Update, row: Row, target: Target) -> Outcome:
    """Change every record that matches; those that are as wanted are left alone."""
    service, wanted = request.service, Wanted.of(form, row, target)
    matches = await matching(service, wanted.object_type, wanted.by, wanted.key, names=[*wanted.values], most=MAX_MATCHES)
    if not matches.records:
        return wanted.missing
    if matches.more:
        return _ambiguous(wanted, f"More than {MAX_MATCHES}")
    values = attio_values(matches.attributes, wanted.values)
    changed = 0
    for record in matches.records:
        if _differs(matches.attributes, record, wanted.values, add=wanted.add):
            await change(service, wanted.object_type, id_of(record), values, add=wanted.add)
            changed += 1
    return of_records("updated" if changed else "unchanged", matches.records)


async def upsert(request: ActionRequest, form: Upsert, row: Row, target: Target) -> Outcome:
    """Create the record, or change the one that matches, as the policy allows."""
    service, wanted, policy = request.service, Wanted.of(form, row, target), target.policy
    # What is left of an attempt that had to wait.
    meta: Json = request.call.meta
    if isinstance(meta, Mapping) and EXISTS in meta:
        attributes = await attributes_of(service, wanted.object_type, [wanted.by, *wanted.values])
        outcome = await _Upsert(service, wanted, attributes).assert_as("updated" if meta[EXISTS] else "created")
        if outcome is not None:
            return outcome
    matches = await matching(service, wanted.object_type, wanted.by, wanted.key, names=[*wanted.values], most=2)
    work = _Upsert(service, wanted, matches.attributes)
    if not matches.records:
        # Attio gives ids itself: a record with a given one cannot be created.
        return wanted.missing if policy == "updateOnly" or wanted.by == RECORD_ID else await work.create(may_change=policy == "upsert")
    if policy == "createOnly":
        return of_records("skipped", matches.records, "The record exists.")
    if len(matches.records) > 1 or matches.more:
        return _ambiguous(wanted, "Several")
    return await work.change(matches.records[0], may_create=policy == "upsert")


class _Upsert:
    """What is written for one run, once it is known what there is."""

    def __init__(self, service: Service, wanted: Wanted, attributes: Attributes) -> None:
        self._service, self._wanted, self._attributes = service, wanted, attributes
        self._by = attributes.slug_of(wanted.by)
        self._values = attio_values(attributes, wanted.values)

    async def assert_as(self, operation: Operation) -> Outcome | None:
        """The record as Attio itself makes or changes it, None where it cannot be found so.

        Where this write has to wait for its turn, what was seen is kept, so that nothing is read again: Attio looks for itself.
        """
        values = self._asserted
        if values is None:
            return None
        try:
            record = await assert_record(self._service, self._wanted.object_type, self._wanted.by, values)
        except Throttled as throttled:
            return Later(throttled.seconds, {EXISTS: operation == "updated"}, throttled.reason)
        return of_records(operation, [record])

    async def create(self, *, may_change: bool) -> Outcome:
        """A new record; where another run was faster, `may_change` says that its record may be changed."""
        outcome = await self.assert_as("created") if may_change else None
        if outcome is not None:
            return outcome
        return of_records("created", [await create(self._service, self._wanted.object_type, {**self._key, **self._values})])

    async def change(self, record: JsonObject, *, may_create: bool) -> Outcome:
        """The record with the values wanted, if it lacks some; where it is deleted meanwhile, `may_create` says that it is made again."""
        wanted, name = self._wanted, self._by
        others = {name_: value for name_, value in wanted.values.items() if self._attributes.slug_of(name_) != name}
        own = {name_: value for name_, value in wanted.values.items() if name_ not in others}
        # To the attribute by which records are matched, Attio adds; so do we where we match ourselves.
        if not _differs(self._attributes, record, others, add=wanted.add) and not _differs(self._attributes, record, own, add=True):
            return of_records("unchanged", [record])
        outcome = await self.assert_as("updated") if may_create and not wanted.add else None
        if outcome is not None:
            return outcome
        values = self._values if wanted.add else self._joined(record)
        changed = await change(self._service, wanted.object_type, id_of(record), values, add=wanted.add)
        return of_records("updated", [changed])

    @property
    def _key(self) -> dict[str, list[Json]]:
        return attio_values(self._attributes, {self._wanted.by: self._wanted.key})

    @property
    def _asserted(self) -> dict[str, list[Json]] | None:
        """The values with which Attio itself finds the record, or makes it; None where the attribute does not name one."""
        attribute = self._attributes.get(self._wanted.by)
        if attribute is None or not attribute.is_unique:
            return None
        (key,) = self._key.values()
        given = next((items for name, items in self._values.items() if self._attributes.slug_of(name) == self._by), key)
        has_key = any(_same(attribute.type, item, self._wanted.key) for item in given)
        if not has_key and not attribute.is_multiselect:
            # The mappings give the attribute another value than the one by which the record is found.
            return None
        rest = {name: items for name, items in self._values.items() if self._attributes.slug_of(name) != self._by}
        return {self._wanted.by: given if has_key else [*key, *given], **rest}

    def _joined(self, record: JsonObject) -> Mapping[str, Json]:
        """The values, with those that the matching attribute has already where it holds several."""
        attribute = self._attributes.get(self._by)
        if attribute is None or not attribute.is_multiselect or self._by not in self._values:
            return self._values
        present: Json = _plain(self._attributes, record).get(self._by)
        kept = attio_values(self._attributes, {self._by: present})[self._by]
        given = [item for item in self._values[self._by] if item not in kept]
        return {**self._values, self._by: [*kept, *given]}


def _same(kind: str, value: Json, key: str) -> bool:
    return comparable(kind, value) == comparable(kind, key) or str(value) == key


def _plain(attributes: Attributes, record: JsonObject) -> dict[str, Json]:
    return plain_values(attributes, cast("JsonObject", record.get("values") or {}))


def _differs(attributes: Attributes, record: JsonObject, wanted: Mapping[str, Json], *, add: bool) -> bool:
    by_slug = {attributes.slug_of(name): value for name, value in wanted.items()}
    return differs(attributes, _plain(attributes, record), by_slug, add=add)


def _ambiguous(wanted: Wanted, count: str) -> Failed:
    which = f"{count} records of {wanted.object_type} have {wanted.by} {wanted.key}"
    return Failed(f"{which}: it is unclear which to change. Match by an attribute that is unique.", reason="ambiguous")


async def insert(request: ActionRequest, object_type: str, values: Mapping[str, Json]) -> Outcome:
    """Create a record. Attio has no key against doubles, so that a record whose outcome is unknown is not sent again."""
    attributes = await attributes_of(request.service, object_type, [*values])
    return of_records("created", [await create(request.service, object_type, attio_values(attributes, values))])


def of_records(operation: Operation, records: Sequence[JsonObject], reason: str | None = None) -> Done:
    """The result of a run that concerns these records."""
    return written_records(operation, [*map(id_of, records)], url=url_of(records[0]), reason=reason)


WRITES = SingleWrites(fields=FIELDS, values_of=dict, upsert_form=Upsert, update_form=Update, upsert=upsert, update=update, insert=insert)
