"""Conditions of alerts: what is looked at (scope), and the value from which on it is unhealthy (threshold)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cargo_ai.contract.orchestration.fields import ExecutionStatus, Listed, NodeKind, Number, RecordStatus, RunStatus, Word
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

Sql = Annotated[str, Field(min_length=1, max_length=20_000)]
Operator = Literal["gte", "lte"]
Metric = Literal["errorRate", "duration", "credits", "count", "query", "recordsCount", "recordsShare", "freshness", "syncDuration"]
AGGREGATIONS = {"duration": ("avg", "p50", "p95", "p99"), "credits": ("sum", "avg", "p95")}
"""The metrics that are of many values, and how these become one."""


class _Scope(Wire):
    def stored(self) -> JsonObject:
        """The scope as it is stored and returned, without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class SpansScope(_Scope):
    """Executions of nodes that ended in the window."""

    kind: Literal["spans"]
    workflow_uuid: Uuid | None = None
    parent_agent_uuid: Uuid | None = None
    node_kind: NodeKind | None = None
    node_integration_slug: Word | None = None
    node_connector_uuid: Uuid | None = None
    node_action_slug: Word | None = None
    node_tool_uuid: Uuid | None = None
    node_agent_uuid: Uuid | None = None
    execution_title_or_error_message: Word | None = None
    execution_statuses: Annotated[list[ExecutionStatus], Listed, Field(max_length=10)] | None = None
    user_uuid: Uuid | None = None


class RunsScope(_Scope):
    """Runs that ended in the window."""

    kind: Literal["runs"]
    workflow_uuid: Uuid | None = None
    statuses: Annotated[list[RunStatus], Listed, Field(max_length=10)] | None = None
    record_title_or_error_message: Word | None = None
    release_uuid: Uuid | None = None
    user_uuid: Uuid | None = None


class RecordsScope(_Scope):
    """Records of workflows, each with its latest run, that ended in the window."""

    kind: Literal["records"]
    workflow_uuid: Uuid | None = None
    statuses: Annotated[list[RecordStatus], Listed, Field(max_length=10)] | None = None
    title_or_error_message: Word | None = None
    release_uuid: Uuid | None = None
    user_uuid: Uuid | None = None


class OrchestrationQueryScope(_Scope):
    """A query over runs, batches, spans and records: the first value of its first row is compared."""

    kind: Literal["orchestrationQuery"]
    query: Sql


class StorageQueryScope(_Scope):
    """A query over models: the first value of its first row is compared."""

    kind: Literal["storageQuery"]
    query: Sql


class ModelScope(_Scope):
    """A model, or those of its records that match a filter."""

    kind: Literal["model"]
    model_uuid: Uuid
    filter: dict[str, Any] | None = None


Scope = Annotated[
    SpansScope | RunsScope | RecordsScope | OrchestrationQueryScope | StorageQueryScope | ModelScope, Field(discriminator="kind")
]


class Threshold(Wire):
    """Unhealthy from this value on. errorRate and recordsShare are percentages, duration and syncDuration seconds, freshness minutes."""

    metric: Metric
    aggregation: Literal["sum", "avg", "p50", "p95", "p99"] | None = None
    operator: Operator
    value: Number

    @model_validator(mode="after")
    def _aggregates(self) -> Threshold:
        allowed = AGGREGATIONS.get(self.metric)
        if allowed is not None and self.aggregation not in allowed:
            raise ValueError(f"metric {self.metric} needs an aggregation: {', '.join(allowed)}")
        if allowed is None and self.aggregation is not None:
            raise ValueError(f"metric {self.metric} has no aggregation")
        return self

    def stored(self) -> JsonObject:
        """The threshold as it is stored and returned, without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


SCOPE = (
    'What is looked at: {"kind":"runs","workflowUuid":"..."}, or kind spans, records, orchestrationQuery or storageQuery (with a query), '
    "model (with modelUuid and perhaps a filter)."
)
THRESHOLD = (
    'The threshold from which it is unhealthy: {"metric":"errorRate","operator":"gte","value":10}. '
    "Of spans, runs and records: errorRate (%), duration (seconds, with aggregation avg, p50, p95, p99), credits (sum, avg, p95), count; "
    "of queries: query; of a model: recordsCount, recordsShare (%), freshness (minutes), syncDuration (seconds). operator: gte or lte."
)
