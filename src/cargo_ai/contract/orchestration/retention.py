"""Retention: how long a workspace keeps the outputs of nodes, and runs."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Wire

MAX_DAYS = 36_500
Days = Annotated[int, Field(ge=0, le=MAX_DAYS)]


class RetentionRules(Wire):
    """What holds for the workspace: its own rules, else the server's settings. 0 days: forever. `own`: the fields that it says itself."""

    bodies_days: int
    runs_days: int
    is_archiving: bool
    archive_days: int
    own: list[Literal["bodiesDays", "runsDays", "isArchiving", "archiveDays"]]


class RetentionReply(Wire):
    """The rules."""

    retention: RetentionRules


class UpdateRetention(Wire):
    """What to change; what is not given stays, null takes the server's setting again."""

    bodies_days: Days | None = Field(
        default=None, description="How many days after a run's end its outputs, configs and logs are kept, to whole months; 0: forever."
    )
    runs_days: Days | None = Field(
        default=None, description="How many days after its end a run is kept with its executions, to whole months; 0: forever."
    )
    is_archiving: bool | None = Field(default=None, description="Whether outputs, configs and logs are archived as Parquet before they go.")
    archive_days: Days | None = Field(
        default=None, description="How many days after the end of a month the archive of it is kept; 0: forever. Longer than bodiesDays."
    )


get: Operation[Nothing, RetentionReply, Never] = operations.add(
    Operation(
        "orchestration.retention.get",
        "GET",
        "/orchestration/retention",
        request=Nothing,
        response=RetentionReply,
        summary="Show how long the workspace keeps runs and the outputs of their nodes.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration retention get",)),
    )
)

update: Operation[UpdateRetention, RetentionReply, Literal["bodiesOutliveRuns", "archiveTooShort"]] = operations.add(
    Operation(
        "orchestration.retention.update",
        "PUT",
        "/orchestration/retention",
        request=UpdateRetention,
        response=RetentionReply,
        summary="Change how long the workspace keeps runs and the outputs of their nodes.",
        permission="workspaceManagement:write",
        refusals={
            "bodiesOutliveRuns": refusal(
                400, "The outputs of nodes cannot be kept longer ({bodies}) than the runs themselves ({runs}): change both, or one of them."
            ),
            "archiveTooShort": refusal(
                400,
                "The outputs of nodes go into the archive when they are no longer kept ({bodies}), so that the archive must be kept longer "
                "than that, not for {archive}: change both, or one of them.",
            ),
        },
        cli=Cli(
            flags={"isArchiving": ("--archive",)},
            examples=("cargo-ai orchestration retention update --bodies-days 90 --runs-days 730",),
        ),
    )
)
