"""Workflows: the versioned graphs behind tools and plays."""

from __future__ import annotations

from typing import Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import BatchRunsStatus, BatchStatus
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import JsonObject, Nothing, Timestamp, Uuid, Wire


class WorkflowTemplate(Wire):
    """The template made from a workflow."""

    slug: str
    is_available: bool
    scope: Literal["public", "private"]


class LastBatch(Wire):
    """The newest batch of a workflow."""

    uuid: Uuid
    status: BatchStatus
    runs_status: BatchRunsStatus | None
    error_message: str | None
    created_at: Timestamp
    finished_at: Timestamp | None


class DeployedRelease(Wire):
    """The release that new runs use."""

    uuid: Uuid
    user_uuid: Uuid
    description: str | None
    version: str | None
    nodes: list[JsonObject]
    form_fields: list[JsonObject] | None
    template_slug: str | None
    deployed_at: Timestamp | None
    created_at: Timestamp


class Workflow(Wire):
    """A workflow. `nodes`: summaries of the nodes of its deployed release, else of its draft; nodes of a group are nested in it."""

    uuid: Uuid
    workspace_uuid: Uuid
    nodes: list[JsonObject]
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
    play_uuid: Uuid | None
    tool_uuid: Uuid | None
    folder_uuid: Uuid | None
    template: WorkflowTemplate | None
    last_batch: LastBatch | None
    deployed_release: DeployedRelease | None


class WorkflowsReply(Wire):
    """Workflows, newest first."""

    workflows: list[Workflow] = Field(description="All workflows of the workspace.")


all: Operation[Nothing, WorkflowsReply, Never] = operations.add(
    Operation(
        "orchestration.workflow.all",
        "GET",
        "/orchestration/workflows/list",
        request=Nothing,
        response=WorkflowsReply,
        summary="List the workflows of all tools and plays.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration workflow list",)),
    )
)
