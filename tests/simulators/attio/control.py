"""What a test may order: faults of single requests, other limits, other tokens; and a look at what the workspace holds."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from tests.simulators.attio.changes import create, read_values
from tests.simulators.attio.workspace import Item, Workspace
from tests.simulators.faults import Orders

Json = Any
TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
SCOPES = frozenset(
    {
        "object_configuration:read",
        "record_permission:read",
        "record_permission:read-write",
        "list_configuration:read",
        "list_entry:read",
        "list_entry:read-write",
        "user_management:read",
    }
)


@dataclass(frozen=True)
class Numbers:
    """How many calls of each kind go within a second."""

    reads: int = 100
    writes: int = 25


class Control(Orders):
    """The workspace and the orders of a test. `numbers` stay what they are through a reset."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.numbers = numbers or Numbers()
        super().__init__()

    def reset(self) -> None:
        """Back to a new workspace."""
        super().reset()
        self.workspace = Workspace()
        self.tokens: dict[str, frozenset[str]] = {TOKEN: SCOPES}
        self._calls: dict[str, deque[float]] = {"reads": deque(), "writes": deque()}

    def admit(self, kind: str) -> float:
        """Count a call; 0, or the time since 1970 at which the next may come."""
        now, times = time.time(), self._calls[kind]
        while times and times[0] <= now - 1.0:
            times.popleft()
        if len(times) >= (self.numbers.reads if kind == "reads" else self.numbers.writes):
            return float(int(now) + 1)
        times.append(now)
        return 0.0

    def add(self, slug: str, **values: Json) -> Item:
        """One more record of an object; values as the interface takes them."""
        collection = self.workspace.objects[slug]
        return create(self.workspace, collection, read_values(self.workspace, collection, values))

    def add_entry(self, slug: str, record_id: str, **values: Json) -> Item:
        """One more entry of a list."""
        collection = self.workspace.lists[slug]
        return create(self.workspace, collection, read_values(self.workspace, collection, values), record_id)

    def values(self, slug: str) -> list[dict[str, list[Json]]]:
        """What each record of an object holds: for every value the part that people see."""
        return [_seen(record) for record in self.workspace.objects[slug].items.values()]

    def entries(self, slug: str) -> list[tuple[str, dict[str, list[Json]]]]:
        """Each entry of a list: its record and what it holds."""
        return [(entry.parent, _seen(entry)) for entry in self.workspace.lists[slug].items.values()]


_PARTS = ("email_address", "domain", "full_name", "phone_number", "currency_value", "target_record_id", "referenced_actor_id", "value")


def _seen(item: Item) -> dict[str, list[Json]]:
    return {slug: [_part(value) for value in values] for slug, values in item.values.items()}


def _part(value: dict[str, Json]) -> Json:
    option = value.get("option") or value.get("status")
    if option:
        return option["title"]
    return next((value[part] for part in _PARTS if part in value), {name: part for name, part in value.items() if part})
