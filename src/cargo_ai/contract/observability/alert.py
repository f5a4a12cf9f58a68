"""Alerts: create, try, show, change and remove them."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.observability.condition import SCOPE, THRESHOLD, Scope, Threshold
from cargo_ai.contract.observability.event import Event
from cargo_ai.contract.orchestration.fields import Name, Number, Text, Word
from cargo_ai.contract.orchestration.nodes.action import Action
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Nothing, Removed, Timestamp, Uuid, Wire

Actions = Annotated[list[Action], Field(max_length=20)]
MAX_MINUTES = 31 * 24 * 60
_CRON = "When it is evaluated: five cron fields in UTC, such as 0 9 * * 1, or @every 30m. Once a minute at most."
_ACTIONS = (
    'What runs when it is unhealthy, a list: [{"kind":"tool","toolUuid":"..."}]. Each gets the record {"alert":{...}}; its config may name '
    "it, such as {{nodes.start.alert.value}}."
)


class AlertSchedule(Wire):
    """When an alert is evaluated, and when next."""

    type: Literal["cron"]
    cron: str
    temporal_schedule_workflow_id: str
    next_fire_at: Timestamp | None = None


class Alert(Wire):
    """A condition with its schedule. `lastEvent`: what the newest evaluation has found."""

    uuid: Uuid
    workspace_uuid: Uuid
    user_uuid: Uuid
    name: str
    description: str | None
    is_enabled: bool
    schedule: AlertSchedule
    scope: JsonObject
    threshold: JsonObject
    actions: list[JsonObject]
    last_evaluated_at: Timestamp | None
    folder_uuid: Uuid | None
    last_event: Event | None
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class AlertReply(Wire):
    """One alert."""

    alert: Alert


class AlertsReply(Wire):
    """Alerts, newest first."""

    alerts: list[Alert]


class CreateAlert(Wire):
    """A new alert."""

    name: Name = Field(description="The name, 1 to 200 characters.")
    description: Text | None = Field(default=None, description="What it is for.")
    cron: Word = Field(description=_CRON)
    scope: Scope = Field(description=SCOPE)
    threshold: Threshold = Field(description=THRESHOLD)
    actions: Actions = Field(default_factory=list[Action], description=_ACTIONS)
    is_enabled: bool = Field(default=True, description="false: it is not evaluated.")
    disabled: bool = Field(default=False, description="The same as isEnabled false.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder.")


class UpdateAlert(Wire):
    """Changes to an alert; absent fields stay as they are."""

    uuid: Uuid = Field(description="The alert.")
    name: Name | None = Field(default=None, description="The new name.")
    description: Text | None = Field(default=None, description="What it is for; null: nothing.")
    cron: Word | None = Field(default=None, description=_CRON)
    scope: Scope | None = Field(default=None, description=SCOPE)
    threshold: Threshold | None = Field(default=None, description=THRESHOLD)
    actions: Actions | None = Field(default=None, description=_ACTIONS)
    is_enabled: bool | None = Field(default=None, description="Whether it is evaluated.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder; null: none.")


class PreviewAlert(Wire):
    """A condition to try."""

    scope: Scope = Field(description=SCOPE)
    threshold: Threshold = Field(description=THRESHOLD)
    window_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] = Field(
        default=60, description="How many minutes back to look, where what is looked at has a time; 60 by default."
    )


class Preview(Wire):
    """What an evaluation now finds. `empty`: nothing to measure. `notComputed`: it cannot be evaluated, `errorMessage` says why.
    `total` and `failed`: of what was counted."""

    outcome: Literal["computed", "empty", "notComputed"]
    value: Number | None = None
    total: int | None = None
    failed: int | None = None
    is_breached: bool | None = None
    compute_error_message: str | None = None
    error_message: str | None = None


Reason = Literal["forbidden", "invalidCron", "invalidSql", "mismatchedThreshold", "modelNotFound", "folderNotFound", "actionNotFound"]
CreateReason = Literal[Reason, "tooManyAlerts"]
UpdateReason = Literal[Reason, "alertNotFound"]
_FORBIDDEN = refusal(403, "You need the permission {permission} for {what}.")
_CRON_REFUSED = refusal(400, "{cause}")
_SQL_REFUSED = refusal(400, "The query cannot be run: {cause}")
_MISMATCHED = refusal(400, "{cause}")
_NO_MODEL = refusal(404, "There is no model with uuid {uuid}.")
_NO_FOLDER = refusal(404, "There is no folder {uuid} for alerts.")
_NO_ACTION = refusal(400, "Action {number} cannot be executed: {cause}")
_NOT_FOUND = refusal(404, "There is no alert with uuid {uuid}.")
_FOLDER = {"folderUuid": ("--folder-uuid", "--folder")}
_CONDITION = """--scope '{"kind":"runs","workflowUuid":"UUID"}' --threshold '{"metric":"errorRate","operator":"gte","value":10}'"""

create: Operation[CreateAlert, AlertReply, CreateReason] = operations.add(
    Operation(
        "observability.alert.create",
        "POST",
        "/observability/alerts",
        request=CreateAlert,
        response=AlertReply,
        summary="Create an alert: a condition that is evaluated by the clock.",
        permission="observability:write",
        refusals={
            "forbidden": _FORBIDDEN,
            "invalidCron": _CRON_REFUSED,
            "invalidSql": _SQL_REFUSED,
            "mismatchedThreshold": _MISMATCHED,
            "modelNotFound": _NO_MODEL,
            "folderNotFound": _NO_FOLDER,
            "actionNotFound": _NO_ACTION,
            "tooManyAlerts": refusal(409, "There are {most} alerts already: remove some first."),
        },
        cli=Cli(
            flags={**_FOLDER, "isEnabled": ("--is-enabled", "--enabled"), "disabled": ("--disabled",)},
            examples=(f'cargo-ai observability alert create --name Failures --cron "@every 30m" {_CONDITION}',),
        ),
    )
)

get: Operation[ByUuid, AlertReply, Literal["alertNotFound"]] = operations.add(
    Operation(
        "observability.alert.get",
        "GET",
        "/observability/alerts/{uuid}",
        request=ByUuid,
        response=AlertReply,
        summary="Show an alert and what its newest evaluation has found.",
        permission="observability:read",
        refusals={"alertNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai observability alert get UUID",)),
    )
)

list_: Operation[Nothing, AlertsReply, Never] = operations.add(
    Operation(
        "observability.alert.list",
        "GET",
        "/observability/alerts/list",
        request=Nothing,
        response=AlertsReply,
        summary="List the alerts, newest first, each with its newest event.",
        permission="observability:read",
        cli=Cli(
            table=("alerts", ("name", "isEnabled", "schedule.cron", "lastEvent.status", "lastEvent.value", "lastEvaluatedAt", "uuid")),
            examples=("cargo-ai observability alert list",),
        ),
    )
)

update: Operation[UpdateAlert, AlertReply, UpdateReason] = operations.add(
    Operation(
        "observability.alert.update",
        "PUT",
        "/observability/alerts/{uuid}",
        request=UpdateAlert,
        response=AlertReply,
        summary="Change an alert, enable or disable it.",
        permission="observability:write",
        refusals={
            "forbidden": _FORBIDDEN,
            "invalidCron": _CRON_REFUSED,
            "invalidSql": _SQL_REFUSED,
            "mismatchedThreshold": _MISMATCHED,
            "modelNotFound": _NO_MODEL,
            "folderNotFound": _NO_FOLDER,
            "actionNotFound": _NO_ACTION,
            "alertNotFound": _NOT_FOUND,
        },
        cli=Cli(
            flags={**_FOLDER, "isEnabled": ("--is-enabled", "--enabled")},
            examples=("cargo-ai observability alert update --uuid UUID --enabled false",),
        ),
    )
)

preview: Operation[PreviewAlert, Preview, Literal["forbidden"]] = operations.add(
    Operation(
        "observability.alert.preview",
        "POST",
        "/observability/alerts/preview",
        request=PreviewAlert,
        response=Preview,
        summary="Evaluate a condition now, without an alert, an event or an action.",
        permission="observability:read",
        reads=True,
        refusals={"forbidden": _FORBIDDEN},
        cli=Cli(examples=(f"cargo-ai observability alert preview {_CONDITION} --window-minutes 1440",)),
    )
)

remove: Operation[ByUuid, Removed, Literal["alertNotFound"]] = operations.add(
    Operation(
        "observability.alert.remove",
        "DELETE",
        "/observability/alerts/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove an alert with its events.",
        permission="observability:write",
        refusals={"alertNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai observability alert remove UUID",)),
    )
)
