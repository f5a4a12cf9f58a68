"""The records of a CRM by the value of a property, as they are read and as writes leave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = Any
JsonObject = Mapping[str, Json]


class Matches:
    """Records by a value. same: a value as the service compares it. id_name: where a record has its id."""

    def __init__(self, same: Callable[[Json], str], id_name: str = "id") -> None:
        self.same = same
        self._id = id_name
        self._records: dict[str, list[JsonObject]] = {}

    def of(self, key: Json) -> list[JsonObject]:
        """The records with this value, the oldest first."""
        return self._records.get(self.same(key), [])

    def add(self, key: Json, record: JsonObject) -> None:
        """One more record with this value. A known one is what it was, with what is said of it now."""
        former = self.of(key)
        known = next((other for other in former if other[self._id] == record[self._id]), None)
        others = [other for other in former if other is not known]
        self._records[self.same(key)] = [*others, record if known is None else {**known, **record}]
