"""Look up workflows and releases: what new runs of a workflow walk, and the workflow that ad-hoc runs belong to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject

WorkflowKind = Literal["tool", "play", "hidden"]
ReleaseStatus = Literal["draft", "deployed", "archived"]


@dataclass(frozen=True, slots=True)
class Runnable:
    """A living workflow and what new runs of it take; `release_uuid` and `nodes` are None when nothing is deployed."""

    workflow_uuid: uuid.UUID
    kind: WorkflowKind
    tool_uuid: uuid.UUID | None
    play_uuid: uuid.UUID | None
    release_uuid: uuid.UUID | None
    nodes: list[JsonObject] | None


@dataclass(frozen=True, slots=True)
class PinnedRelease:
    """A release that a request names, whatever is deployed now. A draft's nodes still change."""

    uuid: uuid.UUID
    workflow_uuid: uuid.UUID
    status: ReleaseStatus
    nodes: list[JsonObject]


async def runnable(db: AsyncSession, workflow_uuid: uuid.UUID) -> Runnable | None:
    """What runs of the workflow take; None when the session's workspace has no such workflow (any more)."""
    found = (
        await db.execute(
            select(Workflow, Release.uuid, Release.nodes)
            .outerjoin(Release, (Release.workflow_uuid == Workflow.uuid) & (Release.status == "deployed"))
            .where(Workflow.uuid == workflow_uuid, Workflow.deleted_at.is_(None))
        )
    ).one_or_none()
    if found is None:
        return None
    workflow, release_uuid, nodes = found
    kind = cast("WorkflowKind", workflow.kind)
    return Runnable(workflow.uuid, kind, workflow.tool_uuid, workflow.play_uuid, release_uuid, nodes)


async def workflow_exists(db: AsyncSession, workflow_uuid: uuid.UUID) -> bool:
    """Whether the session's workspace has, or has had, this workflow: for looking at runs, which outlive their tool."""
    return await db.scalar(select(Workflow.uuid).where(Workflow.uuid == workflow_uuid)) is not None


async def workflow_or_refuse(db: AsyncSession, operation: Operation[Any, Any, Any], text: str) -> uuid.UUID:
    """The uuid of a workflow that the workspace has or has had; raises Refusal (`workflowNotFound`) when there is none."""
    uid = ids.parse(text)
    if uid is None or not await workflow_exists(db, uid):
        operation.refuse("workflowNotFound", uuid=text)
    return uid


async def pinned_release(db: AsyncSession, release_uuid: uuid.UUID) -> PinnedRelease | None:
    """A release of the session's workspace by its uuid, archived ones and those of removed tools included."""
    row = await db.scalar(select(Release).where(Release.uuid == release_uuid))
    if row is None:
        return None
    return PinnedRelease(row.uuid, row.workflow_uuid, cast("ReleaseStatus", row.status), row.nodes)


async def release_nodes(db: AsyncSession, release_uuid: uuid.UUID) -> list[JsonObject] | None:
    """The nodes of a release; None when there is none."""
    return await db.scalar(select(Release.nodes).where(Release.uuid == release_uuid))


async def hidden_workflow(db: AsyncSession, workspace: uuid.UUID) -> uuid.UUID:
    """The workflow that the workspace's ad-hoc runs belong to; created when it is missing. The caller commits."""
    query = select(Workflow.uuid).where(Workflow.workspace_uuid == workspace, Workflow.kind == "hidden")
    found = await db.scalar(query)
    if found is None:
        # A second transaction waits here for the first one's commit, and then finds its row.
        await db.execute(insert(Workflow).values(workspace_uuid=workspace, kind="hidden").on_conflict_do_nothing())
        found = await db.scalar(query)
    if found is None:
        raise LookupError(f"workspace {workspace} has no hidden workflow right after one was made")
    return found
