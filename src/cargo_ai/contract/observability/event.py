"""Events: what each evaluation of an alert has found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Listed, Offset
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Timestamp, Uuid, Wire

Status = Literal["healthy", "unhealthy", "error"]


class Event(Wire):
    """One evaluation, with the alert as it was then. `value`: null where there was nothing to measure. `error`: it could not be evaluated.
    `runUuids`: the runs of the actions that it has started."""

    uuid: Uuid
    workspace_uuid: Uuid
    alert_uuid: Uuid
    status: Status
    value: float | None
    error_message: str | None
    scope: JsonObject
    threshold: JsonObject
    actions: list[JsonObject]
    run_uuids: list[Uuid]
    window_started_at: Timestamp
    window_ended_at: Timestamp
    created_at: Timestamp


class CountEvents(Wire):
    """Which events to count."""

    alert_uuid: Uuid = Field(description="The alert.")
    statuses: Annotated[list[Status], Listed, Field(max_length=3)] | None = Field(
        default=None, description="Only events with one of these statuses: healthy, unhealthy, error."
    )
    created_after: Timestamp | None = Field(default=None, description="Only events at or after this time, such as 2026-01-31.")
    created_before: Timestamp | None = Field(default=None, description="Only events before this time.")


class ListEvents(CountEvents):
    """Which events to list, and which page of them."""

    limit: Limit = 100
    offset: Offset = 0


class EventsReply(Wire):
    """Events, newest first, and how many there are."""

    events: list[Event]
    count: int


class EventsCount(Wire):
    """How many events there are."""

    count: int


_NOT_FOUND = refusal(404, "There is no alert with uuid {uuid}.")

list_: Operation[ListEvents, EventsReply, Literal["alertNotFound"]] = operations.add(
    Operation(
        "observability.event.list",
        "POST",
        "/observability/events/list",
        request=ListEvents,
        response=EventsReply,
        summary="List the events of an alert, newest first.",
        permission="observability:read",
        reads=True,
        refusals={"alertNotFound": _NOT_FOUND},
        cli=Cli(positionals=("alertUuid",), examples=("cargo-ai observability event list UUID --statuses unhealthy",)),
    )
)

count: Operation[CountEvents, EventsCount, Literal["alertNotFound"]] = operations.add(
    Operation(
        "observability.event.count",
        "POST",
        "/observability/events/count",
        request=CountEvents,
        response=EventsCount,
        summary="Count the events of an alert.",
        permission="observability:read",
        reads=True,
        refusals={"alertNotFound": _NOT_FOUND},
        cli=Cli(positionals=("alertUuid",), examples=("cargo-ai observability event count UUID --statuses unhealthy",)),
    )
)
