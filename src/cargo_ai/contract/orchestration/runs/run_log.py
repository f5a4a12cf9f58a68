"""Logs of runs: what the code of their nodes printed, line by line."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Offset, Word
from cargo_ai.contract.orchestration.runs.run import GetReason
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Wire


class LogLine(Wire):
    """A line that the code of a node printed. `executionIndex`: the position of the execution in the run."""

    execution_index: int
    node_slug: str
    text: str


class LogReply(Wire):
    """Lines in the order in which they were printed, and how many there are."""

    lines: list[LogLine]
    count: int


class GetLog(ByUuid):
    """Which lines of a run's log to show."""

    node_slug: Word | None = Field(default=None, description="Only lines of the node with this slug.")
    execution_index: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = Field(
        default=None, description="Only lines of the execution at this position in the run, the first being 0."
    )
    limit: Limit = 100
    offset: Offset = 0


get_log: Operation[GetLog, LogReply, GetReason] = operations.add(
    Operation(
        "orchestration.run.getLog",
        "GET",
        "/orchestration/runs/{uuid}/log",
        request=GetLog,
        response=LogReply,
        summary="Show what the code of a run's nodes printed, line by line.",
        permission="orchestration:workflow:read",
        refusals={"runNotFound": refusal(404, "There is no run with uuid {uuid}.")},
        cli=Cli(
            examples=(
                "cargo-ai orchestration run get-log UUID",
                "cargo-ai orchestration run get-log UUID --node-slug enrich --limit 1000 --offset 1000",
            )
        ),
    )
)
