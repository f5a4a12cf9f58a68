"""Write-backs of a call: the values that it has changed on records of the service."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from cargo_ai.context.write_backs import WriteBack
from cargo_ai.engine.graph.action import Done, Outcome
from cargo_ai.integrations.kit import ActionRequest

Json = Any


def written_back(connector: uuid.UUID, rows: Iterable[tuple[ActionRequest, Outcome]]) -> list[WriteBack]:
    """The records that these calls have changed, for runs of batches. One that was created is not an echo of what was there before."""
    return [write for request, outcome in rows for write in _of_row(connector, request, outcome)]


def _of_row(connector: uuid.UUID, request: ActionRequest, outcome: Outcome) -> Iterator[WriteBack]:
    batch = request.call.batch
    output: object = outcome.output if isinstance(outcome, Done) else None
    if batch is None or not isinstance(output, Mapping):
        return
    result = cast("Mapping[str, Json]", output)
    values = _values(request.config.get("mappings"))
    if result.get("operation") != "updated" or not values:
        return
    object_type = str(request.config.get("objectType") or "")
    for uid in cast("list[Json]", result.get("recordIds") or [result.get("recordId")]):
        if uid is not None:
            yield WriteBack(connector, batch, object_type, str(uid), values)


def _values(mappings: Json) -> dict[str, Json]:
    """`[{propertyName, value}]` or `{property: value}`, without what says nothing."""
    if isinstance(mappings, Mapping):
        pairs = list(cast("Mapping[str, Json]", mappings).items())
    elif isinstance(mappings, list):
        entries = [cast("Mapping[str, Json]", entry) for entry in cast("list[Json]", mappings) if isinstance(entry, Mapping)]
        pairs = [(str(entry.get("propertyName")), entry.get("value")) for entry in entries]
    else:
        pairs = []
    return {name: value for name, value in pairs if value is not None and value != ""}
