"""Look up workflows and releases: what new runs of a workflow walk, and the workflow that ad-hoc runs belong to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.engine.dispatch.admission import Rule
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.quotas import Used
from cargo_ai.store.session import workspace_of

WorkflowKind = Literal["tool", "play", "hidden"]
ReleaseStatus = Literal["draft", "deployed", "archived"]


@dataclass(frozen=True, slots=True)
class OwningPlay:
    """The play of a workflow, as new batches need it: its model, and the rule by which records enter."""

    model_uuid: uuid.UUID
    run_creation_rule: Rule


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a workspace may begin more, as it was when it was read: what happens where no credits are left, and how many
    bytes of outputs it keeps."""

    overage: str | None
    outputs: Used


@dataclass(frozen=True, slots=True)
class Runnable:
    """A workflow and what new runs of it take. `release_uuid` and `nodes` are None when nothing is deployed, `play` for a tool.
    `standing`: of the workspace, where it was read with the workflow."""

    workflow_uuid: uuid.UUID
    kind: WorkflowKind
    tool_uuid: uuid.UUID | None
    play_uuid: uuid.UUID | None
    release_uuid: uuid.UUID | None
    nodes: list[JsonObject] | None
    play: OwningPlay | None = None
    is_removed: bool = False
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class PinnedRelease:
    """A release that a request names, whatever is deployed now. A draft's nodes still change."""

    uuid: uuid.UUID
    workflow_uuid: uuid.UUID
    status: ReleaseStatus
    nodes: list[JsonObject]


_RUNNABLE = """
select w.kind, w.tool_uuid, w.play_uuid, w.deleted_at is not null, r.uuid, r.nodes, p.model_uuid, p.run_creation_rule,
    (select b.overage from ledger_budgets b where b.workspace_uuid = w.workspace_uuid), q.used, q.changes
from workflows w
cross join lateral (
    select coalesce((
        select sum(t.used) from quota_totals t where t.workspace_uuid = w.workspace_uuid and t.kind = 'outputBytes'
    ), 0) + coalesce(sum(c.amount), 0) as used, count(*) as changes
    from quota_changes c where c.workspace_uuid = w.workspace_uuid and c.kind = 'outputBytes'
) q
left join releases r on r.workflow_uuid = w.uuid and r.workspace_uuid = w.workspace_uuid and r.status = 'deployed'
left join plays p on p.workflow_uuid = w.uuid and p.workspace_uuid = w.workspace_uuid
where w.uuid = %s and w.workspace_uuid = %s and (%s or w.deleted_at is null)
"""


async def runnable(db: AsyncSession, workflow_uuid: uuid.UUID, *, removed: bool = False) -> Runnable | None:
    """What runs of the workflow take, in one statement; None when the session's workspace has no such workflow.

    `removed`: also find one that has been removed, for runs of it that are repeated.
    """
    # By the driver: every run begins with this, and the mapper takes three times as long.
    await db.flush()
    cursor = await (await driver_connection(db)).execute(_RUNNABLE, (workflow_uuid, workspace_of(db), removed))
    row = await cursor.fetchone()
    if row is None:
        return None
    kind, tool_uuid, play_uuid, is_removed, release_uuid, nodes, model_uuid, rule, overage, used, changes = row
    play = OwningPlay(model_uuid, rule) if play_uuid is not None else None
    return Runnable(
        workflow_uuid, kind, tool_uuid, play_uuid, release_uuid, nodes, play, is_removed, Standing(overage, Used(int(used), int(changes)))
    )


async def workflow_exists(db: AsyncSession, workflow_uuid: uuid.UUID) -> bool:
    """Whether the session's workspace has, or has had, this workflow: for looking at runs, which outlive their tool."""
    return await db.scalar(select(Workflow.uuid).where(Workflow.uuid == workflow_uuid)) is not None


async def workflow_or_refuse(db: AsyncSession, operation: Operation[Any, Any, Any], text: str) -> uuid.UUID:
    """The uuid of a workflow that the workspace has or has had. Raises Refusal (`workflowNotFound`)."""
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
    """The nodes of a release; None without such a release."""
    return await db.scalar(select(Release.nodes).where(Release.uuid == release_uuid))


async def hidden_workflow(db: AsyncSession, workspace: uuid.UUID) -> uuid.UUID:
    """The workflow that the workspace's ad-hoc runs belong to; created when it is missing. The caller commits."""
    query = select(Workflow.uuid).where(Workflow.workspace_uuid == workspace, Workflow.kind == "hidden")
    workflow = await db.scalar(query)
    if workflow is None:
        # A second transaction waits here for the first one's commit, and then finds its row.
        await db.execute(insert(Workflow).values(workspace_uuid=workspace, kind="hidden").on_conflict_do_nothing())
        workflow = await db.scalar(query)
    if workflow is None:
        raise LookupError(f"workspace {workspace} has no hidden workflow right after one was created")
    return workflow
