"""Which values a record shall have, what is done when it exists, and how the result of each row reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from pydantic import Field

from cargo_ai.engine.graph.action import Done, InvalidConfig
from cargo_ai.integrations.kit.forms import Form

Json = Any
MatchPolicy = Literal["upsert", "updateOnly", "createOnly"]
Operation = Literal["created", "updated", "unchanged", "skipped", "deleted"]
MAX_MAPPINGS = 500


class Assignment(Form):
    """One property and the value that it shall have."""

    property_name: str = Field(title="Property", min_length=1)
    value: Json = Field(default=None, title="Value")


Mappings = list[Assignment] | dict[str, Json]
"""`[{propertyName, value}]`, or `{property: value}`."""


def assigned(mappings: Mappings, *, write_nulls: bool) -> dict[str, Json]:
    """The values to write, by property. null and the empty text are left out unless `write_nulls`: they never overwrite a value.

    InvalidConfig where a property is named twice, or too many are named.
    """
    if isinstance(mappings, dict):
        pairs = list(mappings.items())
    else:
        pairs = [(assignment.property_name, assignment.value) for assignment in mappings]
    names = [name for name, _ in pairs]
    if len(names) > MAX_MAPPINGS:
        raise InvalidConfig(f"`mappings` names {len(names)} properties: at most {MAX_MAPPINGS} can be written at once.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidConfig(f"`mappings` names the property {twice} twice.")
    return {name: value for name, value in pairs if write_nulls or not is_null(value)}


def is_null(value: Json) -> bool:
    """Whether a value says nothing: null, or a text without a character."""
    return value is None or value == ""


def key_of(value: Json, name: str = "matchingValue") -> str:
    """The value by which a record is found, as text. InvalidConfig where it is missing: it would match anything or nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value).strip():
        raise InvalidConfig(f"`{name}` is empty or not text: there is nothing to find a record by.")
    return str(value).strip()


def rounds(keys: Sequence[str]) -> list[list[int]]:
    """The positions of a batch in rounds, so that no key is in a round twice: the second row of a key is written after the first."""
    split: list[list[int]] = []
    times: dict[str, int] = {}
    for position, key in enumerate(keys):
        at = times.get(key, 0)
        times[key] = at + 1
        if at == len(split):
            split.append([])
        split[at].append(position)
    return split


def written(
    operation: Operation,
    record_id: str | None,
    *,
    url: str | None = None,
    reason: str | None = None,
    more: Mapping[str, Json] | None = None,
) -> Done:
    """The result of one row: what was done to which record, and why nothing was."""
    output: dict[str, Json] = {"operation": operation, "recordId": record_id, "url": url, "reason": reason, **(more or {})}
    title = f"{operation} {record_id or ''}".strip()
    return Done(output, title if reason is None else f"{title} ({reason})")


def written_records(operation: Operation, ids: Sequence[str], *, url: str | None = None, reason: str | None = None) -> Done:
    """The result of one row that may concern several records; without any, it concerns none."""
    return written(operation, ids[0] if ids else None, url=url, reason=reason, more={"recordIds": [*ids]})


WRITTEN: dict[str, Json] = {
    "type": "object",
    "properties": {
        "operation": {
            "type": "string",
            "enum": ["created", "updated", "unchanged", "skipped", "deleted"],
            "description": "unchanged: the record had these values already. skipped: see reason.",
        },
        "recordId": {"type": ["string", "null"], "description": "The record in the service."},
        "url": {"type": ["string", "null"], "description": "Where people see it."},
        "reason": {"type": ["string", "null"], "description": "Why nothing was written."},
    },
    "required": ["operation", "recordId"],
}
"""The output schema of write-backs."""


def with_output(**properties: Json) -> dict[str, Json]:
    """The output schema of a write-back that says more."""
    return {**WRITTEN, "properties": {**cast("dict[str, Json]", WRITTEN["properties"]), **properties}}


WRITTEN_RECORDS = with_output(recordIds={"type": "array", "items": {"type": "string"}, "description": "All records that the row concerns."})
"""The output schema of write-backs that may concern several records."""
