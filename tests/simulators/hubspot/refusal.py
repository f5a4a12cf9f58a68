"""Refusals in HubSpot's error form."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any


@dataclass
class Refused(Exception):
    """HubSpot says no: the status and what goes into the body besides `status` and `correlationId`."""

    status: int
    message: str
    category: str = "VALIDATION_ERROR"
    errors: Sequence[Json] = ()
    context: Mapping[str, Sequence[str]] | None = None
    extra: Mapping[str, Json] = field(default_factory=dict[str, Json])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def body(self) -> dict[str, Json]:
        """The whole body."""
        document: dict[str, Json] = {"status": "error", "message": self.message, "correlationId": str(uuid.uuid4())}
        if self.errors:
            document["errors"] = list(self.errors)
        if self.context:
            document["context"] = self.context
        if self.category:
            document["category"] = self.category
        return document | dict(self.extra)

    def of_row(self, trace: str | None) -> dict[str, Json]:
        """The entry in `errors` of a multi-status answer; it names its input by the trace id."""
        context = dict(self.context or {})
        if trace is not None:
            context["objectWriteTraceId"] = [trace]
        entry: dict[str, Json] = {"status": "error", "category": self.category, "message": self.message, "context": context}
        return entry | ({"errors": list(self.errors)} if self.errors else {})


@dataclass(frozen=True)
class Fault:
    """What is wrong with one property value."""

    name: str
    code: str
    message: str


def values_refused(faults: Sequence[Fault], portal: int) -> Refused:
    """The refusal of a record whose property values are not valid: the list is also inside the message, as JSON (recorded)."""
    listed = [
        {
            "isValid": False,
            "message": fault.message,
            "error": fault.code,
            "name": fault.name,
            "localizedErrorMessage": fault.message,
            "portalId": portal,
        }
        for fault in faults
    ]
    errors = [{"message": fault.message, "code": fault.code, "context": {"propertyName": [fault.name]}} for fault in faults]
    return Refused(400, f"Property values were not valid: {json.dumps(listed, separators=(',', ':'))}", errors=errors)


def not_found(what: str = "resource") -> Refused:
    """404, as recorded: it has no category for records and paths."""
    return Refused(404, f"{what} not found", category="OBJECT_NOT_FOUND" if what != "resource" else "")
