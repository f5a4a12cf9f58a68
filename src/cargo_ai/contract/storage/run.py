"""Storage runs: durable refreshes of a model from its extractor."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.columns import RunStatus
from cargo_ai.contract.storage.model import LastRun, ModelReply
from cargo_ai.kernel.operation import Cli, Operation, RefusalSpec, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, Removed, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
FINAL = frozenset({"success", "error", "cancelled"})
UNTIL = Until("storage.run.get", key="run.uuid", field="run.status", final=FINAL)


class RunCounts(Wire):
    """The numbers of records that a refresh changed; `unified`: how many belong to an account or contact now."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    unified: int = 0


class Run(LastRun):
    """A refresh, a fill of computed columns, or the undo of a change set (`kind`). `warnings`: problems that did not make it fail.

    `records_done` of `records_total`: of a fill, how many records have their values; of a sync, how many were read; of a refresh from a
    file, how many of its rows were merged; of an undo, how many records were taken back. `waiting_for`: what a sync waits for,
    in words. `change_set_uuid`: the change set that an undo undoes; `is_force`: all but records that were changed since.
    """

    workspace_uuid: Uuid
    model_uuid: Uuid
    temporal_workflow_id: str
    s3_filenames: list[str]
    is_reset: bool
    is_force: bool
    counts: RunCounts
    warnings: list[str]
    updated_at: Timestamp
    kind: Literal["refresh", "fill", "undo"]
    column_slugs: list[str]
    records_done: int | None
    records_total: int | None
    waiting_for: str | None
    change_set_uuid: Uuid | None


class RunReply(Wire):
    """One refresh, fill or undo."""

    run: Run


class RunsReply(Wire):
    """Refreshes, fills and undos, newest first."""

    runs: list[Run]


class CreateRun(Wire):
    """A refresh to start."""

    model_uuid: Uuid = Field(description="The model.")
    is_reset: bool = Field(default=False, description="Read everything again, and remove the records that no longer exist at the source.")
    is_force: bool = Field(default=False, description="Refresh even if nothing has changed since the last refresh, or the model is paused.")


class ListRuns(Wire):
    """Which refreshes to list."""

    model_uuid: Uuid | None = Field(default=None, description="Only refreshes of this model.")
    statuses: list[RunStatus] | None = Field(default=None, description="Only refreshes with one of these statuses.")
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many at most, 1 to 1,000.")] = 100
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to skip.")] = 0


NOT_FOUND = refusal(404, "There is no model {uuid} in this workspace.")
NO_DATASET = refusal(404, "The model's dataset is gone.")
NO_CONNECTOR = refusal(404, "The model's connector is gone.")
NO_INTEGRATION = refusal(404, "The model's integration is not on this server.")
_NO_RUN = refusal(404, "There is no run {uuid} of storage in this workspace.")

CreateReason = Literal[
    "modelNotFound",
    "datasetNotFound",
    "integrationNotFound",
    "connectorNotFound",
    "modelNotCompatible",
    "alreadyRunning",
    "modelIsPaused",
    "upToDate",
    "notEnoughCredits",
]

_refusals: dict[CreateReason, RefusalSpec] = {
    "modelNotFound": NOT_FOUND,
    "datasetNotFound": NO_DATASET,
    "integrationNotFound": NO_INTEGRATION,
    "connectorNotFound": NO_CONNECTOR,
    "modelNotCompatible": refusal(400, "{problem}"),
    "alreadyRunning": refusal(409, "The model is being refreshed already, by run {run}."),
    "modelIsPaused": refusal(400, "The model is paused: unpause it, or force the run."),
    "upToDate": refusal(400, "Nothing has changed at the source since the last run: force the run to read it anyway."),
    "notEnoughCredits": refusal(402, "There are not enough credits for this."),
}

create: Operation[CreateRun, RunReply, CreateReason] = operations.add(
    Operation(
        "storage.run.create",
        "POST",
        "/storage/runs",
        request=CreateRun,
        response=RunReply,
        summary="Refresh a model from its file or its connector, and apply a changed unification.",
        permission="storage:write",
        refusals=_refusals,
        until=UNTIL,
        cli=Cli(
            examples=(
                f"cargo-ai storage run create --model-uuid {_EXAMPLE} --wait-until-finished",
                f"cargo-ai storage run create --model-uuid {_EXAMPLE} --is-force --is-reset",
            )
        ),
    )
)

GetReason = Literal["runNotFound"]

get: Operation[ByUuid, RunReply, GetReason] = operations.add(
    Operation(
        "storage.run.get",
        "GET",
        "/storage/runs/{uuid}",
        request=ByUuid,
        response=RunReply,
        summary="Show a refresh, a fill of columns or an undo: its status, counts and error.",
        permission="storage:read",
        refusals={"runNotFound": _NO_RUN},
        waits=Waits(key="run.uuid", field="run.status", final=FINAL),
        cli=Cli(examples=(f"cargo-ai storage run get {_EXAMPLE}",)),
    )
)

ListReason = Literal["modelNotFound"]

get_all: Operation[ListRuns, RunsReply, ListReason] = operations.add(
    Operation(
        "storage.run.list",
        "GET",
        "/storage/runs/list",
        request=ListRuns,
        response=RunsReply,
        summary="List the refreshes, the fills of computed columns and the undos of change sets, newest first.",
        permission="storage:read",
        refusals={"modelNotFound": NOT_FOUND},
        cli=Cli(
            examples=(
                f"cargo-ai storage run list --model-uuid {_EXAMPLE}",
                "cargo-ai storage run list --statuses error,running",
            )
        ),
    )
)

CancelReason = Literal["runNotFound", "runAlreadyFinished"]

cancel: Operation[ByUuid, Removed, CancelReason] = operations.add(
    Operation(
        "storage.run.cancel",
        "POST",
        "/storage/runs/{uuid}/cancel",
        request=ByUuid,
        response=Removed,
        summary="Cancel a refresh: from a file it leaves nothing, from a connector what it has read; the next one goes on there.",
        permission="storage:write",
        refusals={"runNotFound": _NO_RUN, "runAlreadyFinished": refusal(409, "The run has ended already: {status}.")},
        cli=Cli(examples=(f"cargo-ai storage run cancel {_EXAMPLE}",)),
    )
)


class RefreshedModel(ModelReply):
    """The model, whether a refresh of it is under way, and that refresh."""

    is_refreshing: bool
    run: Run


RefreshReason = Literal[
    "modelNotFound",
    "datasetNotFound",
    "connectorNotFound",
    "integrationNotFound",
    "alreadySyncing",
    "failedToSyncFromClient",
    "modelNotCompatible",
]

refresh: Operation[ByUuid, RefreshedModel, RefreshReason] = operations.add(
    Operation(
        "storage.model.refresh",
        "POST",
        "/storage/models/{uuid}/refresh",
        request=ByUuid,
        response=RefreshedModel,
        summary="Start a refresh of a model from its source, whether or not the source has changed.",
        permission="storage:write",
        refusals={
            "modelNotFound": NOT_FOUND,
            "datasetNotFound": NO_DATASET,
            "connectorNotFound": NO_CONNECTOR,
            "integrationNotFound": NO_INTEGRATION,
            "alreadySyncing": refusal(409, "The model is being refreshed already, by run {run}."),
            "failedToSyncFromClient": refusal(502, "The source could not be read."),
            "modelNotCompatible": refusal(400, "{problem}"),
        },
        until=UNTIL,
        cli=Cli(
            examples=(f"cargo-ai storage model refresh {_EXAMPLE}", f"cargo-ai storage model refresh {_EXAMPLE} --wait-until-finished")
        ),
    )
)
