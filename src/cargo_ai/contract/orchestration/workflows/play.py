"""Plays: workflows that run when the records of a segment change."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Never

from pydantic import AfterValidator, AliasChoices, Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import ChangeKind, Listed, Name, Number, Text, Word
from cargo_ai.contract.orchestration.nodes.action import Action
from cargo_ai.contract.segmentation.filter import EVERYTHING, FILTER, SORT, Filter, Sort
from cargo_ai.contract.segmentation.segment import Cap, Slugs
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

RunCreationRule = Literal["always", "once", "noConcurrency"]
ScheduleType = Literal["cron", "dbt", "realtime", "dependency", "watch"]


ChangeKindGiven = Literal["added", "updated", "removed", "unchanged", "created"]
"""`created` is another name for `added`."""


def _kinds(given: list[ChangeKindGiven]) -> list[ChangeKindGiven]:
    return list(dict.fromkeys("added" if one == "created" else one for one in given))


ChangeKinds = Annotated[list[ChangeKindGiven], Listed, AfterValidator(_kinds), Field(min_length=1, max_length=5)]


class CronSchedule(Wire):
    """By the clock: five cron fields or `@every 1h`, in a time zone (UTC by default)."""

    accepts_also: ClassVar[frozenset[str]] = frozenset({"temporalScheduleWorkflowId"})

    type: Literal["cron"]
    cron: Word
    time_zone: Word | None = None


class DbtSchedule(Wire):
    """After a job of dbt."""

    type: Literal["dbt"]
    job_id: Word


class RealtimeSchedule(Wire):
    """As soon as a written record enters, changes in or leaves the segment."""

    type: Literal["realtime"]


class DependencySchedule(Wire):
    """After each batch of another play."""

    type: Literal["dependency"]
    play_uuid: Uuid


class WatchSchedule(Wire):
    """The same as realtime: as soon as a record is written."""

    accepts_also: ClassVar[frozenset[str]] = frozenset({"temporalScheduleWorkflowId", "meta"})

    type: Literal["watch"]


PlaySchedule = Annotated[
    CronSchedule | DbtSchedule | RealtimeSchedule | DependencySchedule | WatchSchedule,
    Field(discriminator="type"),
]


class PlayTemplate(Wire):
    """Whether the play is offered as a template."""

    is_available: bool
    scope: Literal["public", "private"]


class Play(Wire):
    """A workflow that runs on the records of a segment. `nextFireAt`, `lastFireAt` and `problem`: the
    state of its cron schedule. `isPreparing`: a worker still looks at the records of its segment, which is large; what was written since
    the play was enabled starts runs after that."""

    uuid: Uuid
    workspace_uuid: Uuid
    workflow_uuid: Uuid
    user_uuid: Uuid
    model_uuid: Uuid
    segment_uuid: Uuid
    change_kinds: list[ChangeKind]
    run_creation_rule: RunCreationRule
    name: str
    description: str | None
    schedule: JsonObject | None
    is_enabled: bool
    health_threshold: Number
    health_alert_actions: list[JsonObject]
    folder_uuid: Uuid | None
    next_fire_at: Timestamp | None
    last_fire_at: Timestamp | None
    problem: str | None
    is_preparing: bool
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class PlayReply(Wire):
    """One play."""

    play: Play


class PlaysReply(Wire):
    """Plays, newest first."""

    plays: list[Play]


_KINDS = "The segment changes that enrol a record, comma-separated (created means added)"
_RULE = "always: every time; once: one run per record, ever; noConcurrency: not while a run of the record is in progress."
_SCHEDULE = (
    'When it runs: {"type":"realtime"}, {"type":"cron","cron":"0 9 * * 1","timeZone":"Europe/Paris"} (UTC by default) or '
    '{"type":"dependency","playUuid":"..."} (after each batch of that play)'
)


class CreatePlay(Wire):
    """A new play with its own segment and workflow. Deploy its graph, then enable it."""

    name: Name = Field(description="The name, 1 to 200 characters.")
    description: Text | None = Field(default=None, description="The description.")
    model_uuid: Uuid = Field(description="The model whose records it runs on.")
    filter: Filter = Field(default=EVERYTHING, description=f"{FILTER} All records by default.")
    sort: Sort | None = Field(default=None, description=SORT)
    limit: Cap | None = Field(default=None, description="At most this many records, the first in the sort order; no limit by default.")
    tracking_column_slugs: Slugs | None = Field(
        default=None, description="The columns whose changes count as updated, comma-separated; all by default."
    )
    change_kinds: ChangeKinds = Field(default_factory=lambda: ["added"], description=f"{_KINDS}; added by default.")
    run_creation_rule: RunCreationRule = Field(default="always", description=_RULE)
    schedule: PlaySchedule | None = Field(default=None, description=f"{_SCHEDULE}. Only by orchestration batch create by default.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder to create it in.")


class UpdatePlay(Wire):
    """Changes to a play; absent fields stay as they are."""

    uuid: Uuid = Field(description="The play.")
    name: Name | None = Field(default=None, description="The new name.")
    description: Text | None = Field(default=None, description="The new description; null clears it.")
    is_enabled: bool | None = Field(
        default=None,
        description="Whether it runs on its schedule. Needs a deployed graph.",
        validation_alias=AliasChoices("isEnabled", "is_enabled", "enabled"),
    )
    filter: Filter | None = Field(default=None, description=FILTER)
    sort: Sort | None = Field(default=None, description=f"{SORT} null: no order.")
    limit: Cap | None = Field(default=None, description="At most this many records; null: no limit.")
    tracking_column_slugs: Slugs | None = Field(
        default=None, description="The columns whose changes count as updated, comma-separated; null: all."
    )
    change_kinds: ChangeKinds | None = Field(default=None, description=f"{_KINDS}.")
    run_creation_rule: RunCreationRule | None = Field(default=None, description=_RULE)
    health_threshold: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None, description="A batch is unhealthy below this share of successful runs: 0 to 1, or a percentage above 1."
    )
    health_alert_actions: Annotated[list[Action], Field(max_length=20)] | None = Field(
        default=None,
        description="Actions to execute when a batch ends unhealthy, at most 20: "
        '[{"kind":"native","actionSlug":"sendEmail","config":{...}}].',
    )
    schedule: PlaySchedule | None = Field(default=None, description=f"{_SCHEDULE}; null: only by orchestration batch create.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder to move it to; null: no folder.")
    template: PlayTemplate | None = Field(default=None, description="Accepted for compatibility; a play cannot be offered as a template.")


class ListPlays(Wire):
    """Which plays to list."""

    is_enabled: bool | None = Field(default=None, description="true: only enabled plays; false: only disabled ones.")
    model_uuid: Uuid | None = Field(default=None, description="Only plays on this model.")
    segment_uuid: Uuid | None = Field(default=None, description="Only the play that owns this segment.")
    schedule_type: ScheduleType | None = Field(default=None, description="Only plays with this type of schedule.")
    folder_uuid: Uuid | None = Field(default=None, description="Only plays in this folder.")


_PLAY_NOT_FOUND = refusal(404, "There is no play with uuid {uuid}.")
_FOLDER_NOT_FOUND = refusal(404, "There is no folder with uuid {uuid}.")
_MODEL_NOT_FOUND = refusal(404, "There is no model with uuid {uuid}.")
_INVALID_FILTER = refusal(400, "The filter cannot be used: {cause}")
_FAILED_TO_SCHEDULE = refusal(400, "The play cannot run on this schedule: {cause}")
_NOT_COMPATIBLE = refusal(400, "The integration {slug} cannot start plays.")
_CONNECTOR_NOT_FOUND = refusal(404, "There is no connector with uuid {uuid}.")
_NO_INTEGRATION = refusal(
    404, "This server has no {slug} integration, so none of its jobs can start a play: use a cron or realtime schedule."
)

CreateReason = Literal[
    "modelNotFound",
    "failedToCreateSegment",
    "folderNotFound",
    "failedToSchedule",
    "invalidFilter",
    "integrationNotCompatible",
    "connectorNotFound",
    "integrationNotFound",
]
UpdateReason = Literal[
    "playNotFound",
    "workflowNotFound",
    "playNotDeployed",
    "failedToUpdateSegment",
    "folderNotFound",
    "failedToSchedule",
    "invalidFilter",
    "integrationNotCompatible",
    "connectorNotFound",
    "integrationNotFound",
    "modelNotFound",
    "segmentNotFound",
    "templatesNotAvailable",
]
RemoveReason = Literal["playNotFound", "failedToRemoveSegment", "playIsUsed"]
GetReason = Literal["playNotFound"]

create: Operation[CreatePlay, PlayReply, CreateReason] = operations.add(
    Operation(
        "orchestration.play.create",
        "POST",
        "/orchestration/plays",
        request=CreatePlay,
        response=PlayReply,
        summary="Create a play with an empty graph, disabled.",
        permission="orchestration:workflow:write",
        evaluates=True,
        refusals={
            "modelNotFound": _MODEL_NOT_FOUND,
            "failedToCreateSegment": refusal(400, "The play's segment cannot be created: {cause}"),
            "folderNotFound": _FOLDER_NOT_FOUND,
            "failedToSchedule": _FAILED_TO_SCHEDULE,
            "invalidFilter": _INVALID_FILTER,
            "integrationNotCompatible": _NOT_COMPATIBLE,
            "connectorNotFound": _CONNECTOR_NOT_FOUND,
            "integrationNotFound": _NO_INTEGRATION,
        },
        cli=Cli(
            csv=frozenset({"changeKinds", "trackingColumnSlugs"}),
            examples=(
                'cargo-ai orchestration play create --name "New companies" --model-uuid UUID --change-kinds added '
                """--schedule '{"type":"realtime"}'""",
            ),
        ),
    )
)

update: Operation[UpdatePlay, PlayReply, UpdateReason] = operations.add(
    Operation(
        "orchestration.play.update",
        "PUT",
        "/orchestration/plays/{uuid}",
        request=UpdatePlay,
        response=PlayReply,
        summary="Change a play's records, schedule, rules, name or folder; enable or disable it.",
        permission="orchestration:workflow:write",
        evaluates=True,
        refusals={
            "playNotFound": _PLAY_NOT_FOUND,
            "workflowNotFound": refusal(404, "The play's workflow no longer exists."),
            "playNotDeployed": refusal(400, 'The play "{name}" has nothing deployed, so it cannot be enabled: deploy its graph first.'),
            "failedToUpdateSegment": refusal(400, "The play's segment cannot be changed: {cause}"),
            "folderNotFound": _FOLDER_NOT_FOUND,
            "failedToSchedule": _FAILED_TO_SCHEDULE,
            "invalidFilter": _INVALID_FILTER,
            "integrationNotCompatible": _NOT_COMPATIBLE,
            "connectorNotFound": _CONNECTOR_NOT_FOUND,
            "integrationNotFound": _NO_INTEGRATION,
            "modelNotFound": _MODEL_NOT_FOUND,
            "segmentNotFound": refusal(404, "The play's segment no longer exists."),
            "templatesNotAvailable": refusal(400, "Plays cannot be offered as templates: leave template out."),
        },
        cli=Cli(
            csv=frozenset({"changeKinds", "trackingColumnSlugs"}),
            flags={"isEnabled": ("--is-enabled", "--enabled")},
            examples=(
                "cargo-ai orchestration play update UUID --is-enabled true",
                """cargo-ai orchestration play update UUID --schedule '{"type":"cron","cron":"0 9 * * 1"}'""",
            ),
        ),
    )
)

remove: Operation[ByUuid, RemovedToBin, RemoveReason] = operations.add(
    Operation(
        "orchestration.play.remove",
        "DELETE",
        "/orchestration/plays/{uuid}",
        request=ByUuid,
        response=RemovedToBin,
        summary="Remove a play and its segment: they go to the bin. Runs in progress finish.",
        permission="orchestration:workflow:write",
        refusals={
            "playNotFound": _PLAY_NOT_FOUND,
            "failedToRemoveSegment": refusal(409, 'The segment of the play "{name}" is used by {users}: change that first.'),
            "playIsUsed": refusal(409, 'The play "{name}" is used by {users}: change that first.'),
        },
        cli=Cli(bin_kind="play", examples=("cargo-ai orchestration play remove UUID",)),
    )
)

get: Operation[ByUuid, PlayReply, GetReason] = operations.add(
    Operation(
        "orchestration.play.get",
        "GET",
        "/orchestration/plays/{uuid}",
        request=ByUuid,
        response=PlayReply,
        summary="Show a play.",
        permission="orchestration:workflow:read",
        refusals={"playNotFound": _PLAY_NOT_FOUND},
        cli=Cli(examples=("cargo-ai orchestration play get UUID",)),
    )
)

list_: Operation[ListPlays, PlaysReply, Never] = operations.add(
    Operation(
        "orchestration.play.list",
        "GET",
        "/orchestration/plays/list",
        request=ListPlays,
        response=PlaysReply,
        summary="List the plays, newest first.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration play list",)),
    )
)
