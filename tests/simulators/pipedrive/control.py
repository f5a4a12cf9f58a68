"""What the imitation of Pipedrive keeps: records, fields, tokens, the calls of two seconds; and what a test may order."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
Record = dict[str, Json]
TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
SOURCE, SIZE, DEAL_SIZE = "5" * 40, "6" * 40, "7" * 40
"""Codes of custom fields: one with choices and one of text, of persons; an amount, of deals."""
OBJECTS = ("persons", "organizations", "deals", "activities")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def refused(status: int, sentence: str, code: str = "") -> Refused:
    """A refusal in the form of Pipedrive."""
    return Refused(status, {"success": False, "error": sentence, "code": code or "ERR_SCHEMA_VALIDATION_FAILED"})


@dataclass(frozen=True)
class Numbers:
    """How many calls go in two seconds, searches among them, and the tokens of a day."""

    burst: int = 80
    searches: int = 10
    tokens: int = 150_000


def _field(name: str, code: str, kind: str, options: tuple[str, ...] = ()) -> Record:
    choices = [{"id": number, "label": label} for number, label in enumerate(options, 11)]
    return {"field_name": name, "field_code": code, "field_type": kind, "options": choices or None, "is_custom_field": len(code) == 40}


class Control(Orders):
    """The company and the orders of a test. `numbers` stay what they are through a reset. lag: how many searches find nothing yet."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.numbers = numbers or Numbers()
        super().__init__()

    def reset(self) -> None:
        """Back to a new company."""
        super().reset()
        self.tokens = {TOKEN}
        self.left = self.numbers.tokens
        self.lag = 0
        self.records: dict[str, dict[int, Record]] = {name: {} for name in OBJECTS}
        self.fields: dict[str, list[Record]] = {
            "persons": [
                _field("Name", "name", "varchar"),
                _field("Lead source", SOURCE, "enum", ("Webinar", "Fair")),
                _field("Shoe size", SIZE, "varchar"),
            ],
            "organizations": [_field("Name", "name", "varchar")],
            "deals": [_field("Title", "title", "varchar"), _field("Yearly value", DEAL_SIZE, "monetary")],
            "activities": [_field("Subject", "subject", "varchar")],
        }
        self.pipelines = [{"id": 1, "name": "Sales"}]
        self.stages = [{"id": 1, "name": "Lead in", "pipeline_id": 1}, {"id": 2, "name": "Won soon", "pipeline_id": 1}]
        self._now = EPOCH
        self._next = 1
        self._calls: deque[float] = deque()
        self._searches: deque[float] = deque()

    def tick(self, past: timedelta | None = None) -> str:
        """The time of a change: later than all former ones, in the real present."""
        return (datetime.now(UTC) - (past or timedelta())).strftime("%Y-%m-%dT%H:%M:%SZ")

    def add(self, kind: str, past: timedelta | None = None, **values: Json) -> Record:
        """One more record; `past`: how long ago."""
        at = self.tick(past)
        number = self._next
        self._next += 1
        lists: Record = {"emails": [], "phones": []} if kind == "persons" else {}
        record: Record = {"id": number, "owner_id": 1, "add_time": at, "update_time": at, "is_deleted": False, "custom_fields": {}, **lists}
        custom: Record = values.pop("custom_fields", None) or {}
        record |= values
        record["custom_fields"] = {**custom}
        self.records[kind][number] = record
        return record

    def change(self, kind: str, record: Record, values: Record) -> Record:
        """New values of a record."""
        custom: Record = values.pop("custom_fields", None) or {}
        record |= values
        record["custom_fields"] = {**record["custom_fields"], **custom}
        record["update_time"] = self.tick()
        return record

    def values(self, kind: str) -> Json:
        """The records of a type, without times and ids."""
        return [
            {name: value for name, value in record.items() if name not in ("id", "add_time", "update_time")}
            for record in self.records[kind].values()
            if not record["is_deleted"]
        ]

    def admit(self, method: str, path: str, cost: int) -> dict[str, str]:
        """Count a call; what the headers say. Refused: it is one too many."""
        now = time.monotonic()
        for calls in (self._calls, self._searches):
            while calls and now - calls[0] >= 2:
                calls.popleft()
        search = path.endswith(("/search", "/itemSearch/field"))
        headers = {
            "x-ratelimit-limit": str(self.numbers.burst),
            "x-ratelimit-remaining": str(max(self.numbers.burst - len(self._calls) - 1, 0)),
            "x-ratelimit-reset": "2",
            "x-daily-ratelimit-token-limit": str(self.numbers.tokens),
            "x-daily-ratelimit-token-remaining": str(max(self.left - cost, 0)),
        }
        if self.left < cost or len(self._calls) >= self.numbers.burst or (search and len(self._searches) >= self.numbers.searches):
            raise Refused(429, {"success": False, "error": "Request over limit", "errorCode": 429}, headers)
        self.left -= cost
        self._calls.append(now)
        if search:
            self._searches.append(now)
        return headers
