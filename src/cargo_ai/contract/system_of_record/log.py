"""Query logs: the queries that users ran, their outcome and cost."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never, cast

from pydantic import BeforeValidator, Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire

LogStatus = Literal["success", "error"]


def _items(value: Any) -> Any:
    """`a,b` and a lone `a` mean a list, as on the command line."""
    if not isinstance(value, str):
        return cast("object", value)
    return [item.strip() for item in value.split(",") if item.strip()]


class Log(Wire):
    """One query. `processedBytesCount`: the size of its result."""

    uuid: Uuid
    workspace_uuid: Uuid
    system_of_record_uuid: Uuid
    query: str
    status: LogStatus
    processed_bytes_count: int
    error_message: str | None
    started_at: Timestamp
    finished_at: Timestamp
    created_at: Timestamp


class LogsReply(Wire):
    """Queries, the newest first."""

    logs: list[Log]


class ListLogs(Wire):
    """Which queries to list: those that match every filter."""

    statuses: Annotated[list[LogStatus], BeforeValidator(_items)] | None = Field(
        default=None, description="Only queries with these outcomes."
    )
    query: Annotated[str, Field(max_length=1_000)] | None = Field(default=None, description="Only queries that contain this text.")
    limit: Annotated[int, Field(ge=1, le=1_000)] = Field(default=100, description="How many at most, 1 to 1,000.")
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(default=0, description="How many to skip.")


class GetLogMetrics(Wire):
    """The period of the metrics."""

    since: Timestamp = Field(alias="from", description="The start of the period, such as 2026-01-01.")
    until: Timestamp = Field(alias="to", description="The end of the period, exclusive, such as 2026-02-01.")


class Usage(Wire):
    """The totals of the queries of one day."""

    date: Timestamp
    processed_seconds_count: float
    processed_bytes_count: int
    queries_count: int


class MetricsReply(Wire):
    """One entry per day with queries."""

    metrics: list[Usage]


get_all: Operation[ListLogs, LogsReply, Never] = operations.add(
    Operation(
        "systemOfRecordIntegration.log.list",
        "GET",
        "/systemOfRecordIntegration/logs/list",
        request=ListLogs,
        response=LogsReply,
        summary="List the queries of the last 30 days, the newest first.",
        permission="systemOfRecordIntegration:read",
        cli=Cli(csv=frozenset({"statuses"}), examples=("cargo-ai system-of-record log list --statuses error",)),
    )
)

get_metrics: Operation[GetLogMetrics, MetricsReply, Never] = operations.add(
    Operation(
        "systemOfRecordIntegration.log.getMetrics",
        "GET",
        "/systemOfRecordIntegration/logs/metrics",
        request=GetLogMetrics,
        response=MetricsReply,
        summary="Count queries, seconds and bytes processed, per day.",
        permission="systemOfRecordIntegration:read",
        cli=Cli(examples=("cargo-ai system-of-record log get-metrics --from 2026-01-01 --to 2026-02-01",)),
    )
)
