"""Spans: every execution of a node in any run of the workspace."""

from __future__ import annotations

from typing import Annotated, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import ExecutionStatus, Limit, Listed, NodeKind, Number, Offset, Word
from cargo_ai.contract.orchestration.runs.run import CountReply
from cargo_ai.contract.orchestration.runs.run_filter import CountUpTo, RunRecord
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class Span(Wire):
    """One execution of one node. `executionIndex`: its position in the run. The node at which a run waits is a pending span."""

    workspace_uuid: Uuid
    workflow_uuid: Uuid
    user_uuid: Uuid | None
    batch_uuid: Uuid | None
    trace_uuid: Uuid
    record_id: str
    record_title: str
    run_uuid: Uuid
    run_context_s3_filename: str = Field(alias="runContextS3Filename")
    run_computed_configs_s3_filename: str = Field(alias="runComputedConfigsS3Filename")
    parent_run_uuid: Uuid | None
    parent_node_uuid: Uuid | None
    parent_batch_uuid: Uuid | None
    parent_agent_uuid: Uuid | None
    parent_chat_uuid: Uuid | None
    parent_message_uuid: Uuid | None
    is_group_parent: bool | None
    node_uuid: Uuid
    node_kind: NodeKind
    node_slug: str
    node_action_slug: str
    node_connector_uuid: Uuid | None
    node_integration_slug: str | None
    node_tool_uuid: Uuid | None
    node_agent_uuid: Uuid | None
    node_release_uuid: Uuid | None
    node_batch_uuid: Uuid | None
    node_run_uuid: Uuid | None
    node_message_uuid: Uuid | None
    node_child_index: int | None
    node_wait_until_finished: bool
    node_next_uuid: Uuid | None
    execution_index: int
    execution_status: ExecutionStatus
    execution_error_message: str | None
    execution_title: str | None
    execution_icon_url: str | None
    execution_credits_used_count: Number
    execution_started_at: Timestamp
    execution_updated_at: Timestamp
    execution_finished_at: Timestamp | None


class SpansReply(Wire):
    """Spans, those of the newest run first, and how many match. `isCountExact` false: there may be more than `count`."""

    spans: list[Span]
    count: int
    is_count_exact: bool = True


class CountSpans(RunRecord, CountUpTo):
    """Which spans to count."""

    execution_started_after: Timestamp = Field(
        description="Only spans that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z."
    )
    execution_started_before: Timestamp | None = Field(default=None, description="Only spans that started before this time.")
    workflow_uuid: Uuid | None = Field(default=None, description="Only spans of this workflow's runs.")
    user_uuid: Uuid | None = Field(default=None, description="Only spans of runs started by this user.")
    batch_uuid: Uuid | None = Field(default=None, description="Only spans of this batch's runs.")
    trace_uuid: Uuid | None = Field(default=None, description="Only spans of this trace: of a run or batch and all its descendants.")
    run_uuid: Uuid | None = Field(default=None, description="Only spans of this run.")
    parent_run_uuid: Uuid | None = Field(default=None, description="Only spans of child runs of this run.")
    parent_node_uuid: Uuid | None = Field(default=None, description="Only spans of child runs started by this node.")
    parent_agent_uuid: Uuid | None = Field(default=None, description="Only spans of runs started by this agent.")
    node_uuid: Uuid | None = Field(default=None, description="Only spans of the node with this uuid.")
    node_kind: NodeKind | None = Field(default=None, description="Only spans of nodes of this kind.")
    node_slug: Word | None = Field(default=None, description="Only spans of nodes with this slug.")
    node_integration_slug: Word | None = Field(default=None, description="Only spans of nodes of this integration.")
    node_connector_uuid: Uuid | None = Field(
        default=None, description="Only spans of nodes that use this connector, be it as their integration's default one."
    )
    node_action_slug: Word | None = Field(default=None, description="Only spans of nodes with this action.")
    node_tool_uuid: Uuid | None = Field(default=None, description="Only spans of nodes that run this tool.")
    node_agent_uuid: Uuid | None = Field(default=None, description="Only spans of nodes that run this agent.")
    node_release_uuid: Uuid | None = Field(default=None, description="Only spans of nodes that run this release of a tool or agent.")
    execution_title: Word | None = Field(default=None, description="Only spans whose title contains this text.")
    execution_title_or_error_message: Word | None = Field(
        default=None, description="Only spans whose title or error message contains this text."
    )
    execution_statuses: Annotated[list[ExecutionStatus], Listed] | None = Field(
        default=None, description="Only spans with one of these statuses."
    )


class ListSpans(CountSpans):
    """Which spans to list."""

    limit: Limit = 100
    offset: Offset = 0


list_: Operation[ListSpans, SpansReply, Never] = operations.add(
    Operation(
        "orchestration.span.list",
        "POST",
        "/orchestration/spans/list",
        request=ListSpans,
        response=SpansReply,
        summary="List executions of nodes across all runs, by trace, run, batch, node, connector or status.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(
            examples=("cargo-ai orchestration span list --execution-started-after 2026-01-01 --trace-uuid UUID --execution-statuses error",)
        ),
    )
)

count: Operation[CountSpans, CountReply, Never] = operations.add(
    Operation(
        "orchestration.span.count",
        "POST",
        "/orchestration/spans/count",
        request=CountSpans,
        response=CountReply,
        summary="Count executions of nodes across all runs.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration span count --execution-started-after 2026-01-01 --execution-statuses error",)),
    )
)
