"""The records of one object type: create, update, archive and find them, with the rules that HubSpot has for values."""

from __future__ import annotations

import itertools
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.simulators.hubspot.properties import Property, text_of
from tests.simulators.hubspot.refusal import Fault, Refused, values_refused

Json = Any


def timestamp(seconds: float) -> str:
    """As HubSpot writes times: milliseconds, `Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Record:
    """One record. `created` and `updated`: seconds since 1970."""

    id: str
    values: dict[str, str]
    created: float
    updated: float
    archived: bool = False
    archived_at: float = 0.0


@dataclass
class ObjectType:
    """One object type with its records. `names`: what paths may call it. `required`: at least one of each group has to be set."""

    id: str
    names: tuple[str, ...]
    label: str
    properties: dict[str, Property]
    portal: int
    ids: Iterator[int]
    created_name: str = "createdate"
    modified_name: str = "hs_lastmodifieddate"
    shown: tuple[str, ...] = ()
    required: tuple[tuple[str, ...], ...] = ()
    schema: dict[str, Json] = field(default_factory=dict[str, Json])
    touches: bool = True
    identity: str = ""
    """A property that identifies a record although `hasUniqueValue` is false: the e-mail address of contacts."""

    def __post_init__(self) -> None:
        self.records: dict[str, Record] = {}
        self._ordered: list[Record] = []
        self._unique: dict[str, dict[str, str]] = {}

    def add_property(self, definition: Property) -> None:
        """A property that the account adds."""
        self.properties[definition.name] = definition

    def identifies(self, name: str) -> bool:
        """Whether a record may be named by the value of this property."""
        definition = self.properties.get(name)
        return name != "hs_object_id" and (name == self.identity or (definition is not None and definition.unique))

    def get(self, key: str, id_property: str | None = None, *, archived: bool = False) -> Record | None:
        """The record with this id, or with this value of a unique property. Refuses a property that is not unique."""
        if id_property and id_property != "hs_object_id":
            if not self.identifies(id_property):
                raise self.not_unique(id_property)
            key = self._unique.get(id_property, {}).get(self._key(id_property, key), "")
        record = self.records.get(key)
        return record if record is not None and record.archived is archived else None

    def not_unique(self, name: str) -> Refused:
        """The refusal of a property that does not identify records, as recorded."""
        what = f"non-unique {self.id} property {name} in portal ID {self.portal}"
        return Refused(400, f"Unable to perform update/upsert by {what}")

    def create(self, given: Mapping[str, Json]) -> Record:
        """A new record."""
        values = self.checked(given)
        self._require(values)
        self._refuse_conflicts(values, None)
        now = time.time()
        record = Record(str(next(self.ids)), {}, now, now)
        self.records[record.id] = record
        self._set(record, values, now)
        return record

    def update(self, record: Record, given: Mapping[str, Json]) -> Record:
        """Change some values; the empty text clears one."""
        values = self.checked(given)
        if not values:
            raise Refused(400, "No properties found to update, please provide at least one.", context={"properties": ["{}"]})
        self._refuse_conflicts(values, record)
        self._set(record, values, time.time())
        return record

    def archive(self, record: Record) -> None:
        """Move to the recycling bin; its unique values are free again."""
        record.archived, record.archived_at = True, time.time()
        for name, keys in self._unique.items():
            keys.pop(self._key(name, record.values.get(name, "")), None)

    def checked(self, given: Mapping[str, Json]) -> dict[str, str]:
        """The values as text. Refuses all that are wrong at once."""
        values: dict[str, str] = {}
        faults: list[Fault] = []
        for name, value in given.items():
            definition = self.properties.get(name)
            if definition is None:
                faults.append(Fault(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
                continue
            text = text_of(value)
            fault = definition.check(text)
            if fault is not None:
                faults.append(fault)
            values[name] = text.lower() if name == "email" else text
        if faults:
            raise values_refused(faults, self.portal)
        return values

    def show(self, record: Record, names: Sequence[str] | None = None, *, everything: bool = False) -> dict[str, Json]:
        """A record on the wire, with the properties that are asked for; the usual ones by default; all after a write (recorded)."""
        system = {
            "hs_object_id": record.id,
            self.created_name: timestamp(record.created),
            self.modified_name: timestamp(record.updated),
        }
        if everything:
            values: dict[str, Json] = record.values | system
        else:
            # A name that the account does not have is left out; one without a value is null (recorded).
            wanted = [*(names or self.shown), *system]
            values = {name: system.get(name, record.values.get(name)) for name in wanted if name in self.properties}
        return {
            **({"archivedAt": timestamp(record.archived_at)} if record.archived else {}),
            "id": record.id,
            "properties": values,
            "createdAt": timestamp(record.created),
            "updatedAt": timestamp(record.updated),
            "archived": record.archived,
            "url": f"https://app.hubspot.com/contacts/{self.portal}/record/{self.id}/{record.id}",
        }

    def value(self, record: Record, name: str) -> str | None:
        """One value as the search sees it: times are milliseconds."""
        if name == "hs_object_id":
            return record.id
        if name in (self.created_name, "createdate"):
            return str(int(record.created * 1000))
        if name == self.modified_name:
            return str(int(record.updated * 1000))
        return record.values.get(name) or None

    def after(self, key: str | None, *, archived: bool) -> Iterable[Record]:
        """The records in the order of their ids, from the one behind `key` on."""
        if len(self._ordered) != len(self.records):
            # Records are made in the order of their ids, and none is ever taken out.
            self._ordered = list(self.records.values())
        least = int(key) if key is not None and key.isdigit() else 0
        first = bisect_left(self._ordered, least, key=lambda record: int(record.id))
        return (record for record in itertools.islice(self._ordered, first, None) if record.archived is archived)

    def _key(self, name: str, value: str) -> str:
        return value.lower() if name == self.identity else value

    def _set(self, record: Record, values: Mapping[str, str], now: float) -> None:
        # That equal values do not touch the time of the last change is not documented; clients may not rely on it (`touches`).
        if not self.touches and all(record.values.get(name, "") == value for name, value in values.items()):
            return
        for name, value in values.items():
            if self.identifies(name):
                keys = self._unique.setdefault(name, {})
                keys.pop(self._key(name, record.values.get(name, "")), None)
                if value:
                    keys[self._key(name, value)] = record.id
            if value:
                record.values[name] = value
            else:
                record.values.pop(name, None)
        record.updated = now

    def _require(self, values: Mapping[str, str]) -> None:
        missing = [group for group in self.required if not any(values.get(name) for name in group)]
        if missing:
            names = [name for group in missing for name in group]
            message = f"Error creating {self.label}. Some required properties were not set."
            raise Refused(400, message, errors=[{"message": message, "context": {"properties": names}}], context={"properties": names})

    def _refuse_conflicts(self, values: Mapping[str, str], record: Record | None) -> None:
        for name, value in values.items():
            holder = self._unique.get(name, {}).get(self._key(name, value)) if value and self.identifies(name) else None
            if holder is None or (record is not None and holder == record.id):
                continue
            if name == self.identity:
                raise Refused(409, f"{self.label.capitalize()} already exists. Existing ID: {holder}", category="CONFLICT")
            message = f"Cannot set PropertyValueCoordinates{{portalId={self.portal}, propertyName={name}, value={value}}}"
            target = f" on {record.id}" if record is not None else ""
            raise values_refused(
                [Fault(name, "CONFLICTING_UNIQUE_VALUE", f"{message}{target}. {holder} already has that value.")], self.portal
            )
