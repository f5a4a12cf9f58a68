"""Traces: a run or batch with all its descendants: group items, sub-tools, nodes."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Listed, Number, Offset
from cargo_ai.contract.orchestration.runs.run import CountReply
from cargo_ai.contract.orchestration.runs.run_filter import CountUpTo
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Timestamp, Uuid, Wire

TraceStatus = Literal["pending", "error", "degraded", "success"]


class Trace(Wire):
    """A run or batch with all its descendants. `error`: it failed; `degraded`: it ended in spite of failures below.

    The trace of a batch has no root run.
    """

    uuid: Uuid
    workspace_uuid: Uuid
    workflow_uuid: Uuid
    root_run_uuid: Uuid | None
    root_record_id: str | None
    root_record_title: str | None
    root_user_uuid: Uuid | None
    chat_uuid: Uuid | None
    agent_uuid: Uuid | None
    spans_count: int
    failed_spans_count: int
    pending_spans_count: int
    succeeded_spans_count: int
    credits_used_count: Number
    started_at: Timestamp
    finished_at: Timestamp | None
    updated_at: Timestamp
    status: TraceStatus


class TraceReply(Wire):
    """One trace."""

    trace: Trace


class TracesReply(Wire):
    """Traces, newest first, and how many match. `isCountExact` false: there may be more than `count`."""

    traces: list[Trace]
    count: int
    is_count_exact: bool = True


class CountTraces(CountUpTo):
    """Which traces to count."""

    started_after: Timestamp = Field(
        description="Only traces that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z."
    )
    started_before: Timestamp | None = Field(default=None, description="Only traces that started before this time.")
    workflow_uuid: Uuid | None = Field(default=None, description="Only traces whose root belongs to this workflow.")
    chat_uuid: Uuid | None = Field(default=None, description="Only traces started by this chat.")
    agent_uuid: Uuid | None = Field(default=None, description="Only traces started by this agent.")
    statuses: Annotated[list[TraceStatus], Listed] | None = Field(default=None, description="Only traces with one of these statuses.")


class ListTraces(CountTraces):
    """Which traces to list."""

    limit: Limit = 100
    offset: Offset = 0


list_: Operation[ListTraces, TracesReply, Never] = operations.add(
    Operation(
        "orchestration.trace.list",
        "POST",
        "/orchestration/traces/list",
        request=ListTraces,
        response=TracesReply,
        summary="List the traces of runs and batches, newest first.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration trace list --started-after 2026-01-01 --statuses error,degraded",)),
    )
)

count: Operation[CountTraces, CountReply, Never] = operations.add(
    Operation(
        "orchestration.trace.count",
        "POST",
        "/orchestration/traces/count",
        request=CountTraces,
        response=CountReply,
        summary="Count the traces of runs and batches.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration trace count --started-after 2026-01-01 --statuses error",)),
    )
)

get: Operation[ByUuid, TraceReply, Literal["traceNotFound"]] = operations.add(
    Operation(
        "orchestration.trace.get",
        "GET",
        "/orchestration/traces/{uuid}",
        request=ByUuid,
        response=TraceReply,
        summary="Show a trace: a run or batch with the totals of all its descendants.",
        permission="orchestration:workflow:read",
        refusals={"traceNotFound": refusal(404, "There is no trace with uuid {uuid}.")},
        cli=Cli(examples=("cargo-ai orchestration trace get UUID",)),
    )
)
