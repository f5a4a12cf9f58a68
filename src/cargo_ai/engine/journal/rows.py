"""Rows of the engine's tables, with the columns that its statements read and write: types only, at run time they are dictionaries."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, TypeVar, cast

from psycopg.rows import AsyncRowFactory, dict_row

from cargo_ai.engine.graph.action import Json

R = TypeVar("R")


def rows_of(_: type[R]) -> AsyncRowFactory[R]:
    """psycopg's `dict_row`, for a statement whose columns are those of this type."""
    return cast("AsyncRowFactory[R]", dict_row)


class RunRow(TypedDict):
    """A run that is to be driven."""

    uuid: uuid.UUID
    workspace_uuid: uuid.UUID
    workflow_uuid: uuid.UUID
    batch_uuid: uuid.UUID | None
    graph_uuid: uuid.UUID
    release_uuid: uuid.UUID | None
    trace_uuid: uuid.UUID
    record: Json
    status: str
    position: str | None
    pending: Mapping[str, Any] | None
    created_ms: int
    user_uuid: uuid.UUID | None
    record_id: str
    record_title: str
    parent_batch_uuid: uuid.UUID | None
    fanout_uuid: uuid.UUID | None
    item: int | None
    replay_of: uuid.UUID | None
    replay_root: uuid.UUID | None
    taken: int
    replay_path: str | None


class NewRun(TypedDict):
    """A single run just created: all its columns but `record` and `pending`."""

    uuid: uuid.UUID
    workspace_uuid: uuid.UUID
    workflow_uuid: uuid.UUID
    batch_uuid: uuid.UUID | None
    shard_uuid: uuid.UUID
    graph_uuid: uuid.UUID
    release_uuid: uuid.UUID | None
    user_uuid: uuid.UUID | None
    trace_uuid: uuid.UUID
    record_id: str
    record_title: str
    status: str
    position: str | None
    wake_ms: int | None
    error_message: str | None
    credits: float
    parent_uuid: uuid.UUID | None
    parent_node_uuid: str | None
    parent_batch_uuid: uuid.UUID | None
    parent_agent_uuid: uuid.UUID | None
    parent_chat_uuid: uuid.UUID | None
    parent_message_uuid: uuid.UUID | None
    is_group_parent: bool | None
    created_ms: int
    updated_ms: int
    finished_ms: int | None
    fanout_uuid: uuid.UUID | None
    item: int | None
    inline: bool
    waiting_for: uuid.UUID | None
    replay_of: uuid.UUID | None
    replay_root: uuid.UUID | None
    taken: int
    replay_path: str | None


class DueRun(TypedDict):
    """A parked run whose time has come. `batch_uuid` is that of its root run, `lane` that of its fan-out."""

    uuid: uuid.UUID
    workspace_uuid: uuid.UUID
    workflow_uuid: uuid.UUID
    release_uuid: uuid.UUID | None
    batch_uuid: uuid.UUID | None
    position: str | None
    created_ms: int
    is_child: bool
    lane: str | None


class ChildRow(TypedDict):
    """What became of a run below another one. `here`: its parent has still to drive it. `is_unknown`: some node of it failed that may have
    taken effect."""

    uuid: uuid.UUID
    item: int
    status: str
    error_message: str | None
    credits: float
    graph_uuid: uuid.UUID
    finished_ms: int | None
    here: bool
    is_unknown: bool


class OriginalRow(TypedDict):
    """A run of an earlier fan-out, whose item a replay does again."""

    item: int | None
    uuid: uuid.UUID
    root: uuid.UUID
    record: Json


class OutputRow(TypedDict):
    """The output of an execution, as JSON: in the row, or in a file."""

    output: str | bytes
    output_file: str | None


class ExecutionRow(OutputRow):
    """An execution, as resuming its run needs it."""

    run_uuid: uuid.UUID
    seq: int
    node_uuid: str
    node_slug: str
    visit: int
    status: str
    next_node_uuid: str | None
    error_message: str | None
    reason: str | None
    credits: float


class ContextRow(OutputRow):
    """What a node added to its run's context."""

    node_slug: str


class LastExecutionRow(OutputRow):
    """The last execution of a run."""

    run_uuid: uuid.UUID
    node_uuid: str


class FanoutRow(TypedDict):
    """A fan-out."""

    uuid: uuid.UUID
    workspace_uuid: uuid.UUID
    run_uuid: uuid.UUID
    node_uuid: str
    visit: int
    attempt: int
    seq: int
    kind: str
    lane: str
    depth: int
    root_uuid: uuid.UUID
    top_uuid: uuid.UUID
    size: int
    left_count: int
    fail_fast: bool
    digest: bytes
    first_run: uuid.UUID
    last_run: uuid.UUID
    created_ms: int


class ShardRow(TypedDict):
    """A shard to be created."""

    uuid: uuid.UUID
    workspace_uuid: uuid.UUID
    batch_uuid: uuid.UUID | None
    no: NotRequired[int]
    lane: str
    state: str
    children: bool
    first_run: uuid.UUID
    last_run: uuid.UUID
    touched_ms: int


class BatchRow(TypedDict):
    """A batch, with all its columns."""

    uuid: uuid.UUID
    workspace_uuid: uuid.UUID
    workflow_uuid: uuid.UUID
    user_uuid: uuid.UUID | None
    release_uuid: uuid.UUID | None
    graph_uuid: uuid.UUID
    trace_uuid: uuid.UUID
    data: Mapping[str, Any]
    status: str
    error_message: str | None
    cause: str | None
    enrolment: str | None
    urgent: bool
    shard_size: int
    cursor: int
    enumerated: bool
    epoch: int
    executed_count: int
    failed_count: int
    cancelled_count: int
    skipped_count: int
    credits: float
    created_ms: int
    updated_ms: int
    finished_ms: int | None
    at_end: str | None
    pace: Mapping[str, Any] | None
    stage: int
    stage_end: int | None
    stage_executed: int
    stage_failed: int
    stopped: str | None
