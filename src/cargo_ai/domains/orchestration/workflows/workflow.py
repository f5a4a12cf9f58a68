"""Workflows: list the graphs behind tools and plays."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.workflows import workflow as contract
from cargo_ai.domains.orchestration.batches.batch import last_batches
from cargo_ai.domains.orchestration.tables import Play, Release, Tool, Workflow
from cargo_ai.domains.orchestration.workflows.validation import group_nodes
from cargo_ai.kernel.wire import JsonObject, Nothing

_SHORT = ("uuid", "slug", "kind", "name", "description", "actionSlug", "integrationSlug", "connectorUuid")
_SHORT_USED = ("templateSlug", "toolUuid", "agentUuid", "releaseUuid")


def to_response(
    row: Workflow, folder: uuid.UUID | None, deployed: Release | None, draft: Release | None, last_batch: contract.LastBatch | None
) -> contract.Workflow:
    """The workflow on the wire; its nodes are those of the deployed release, else of the draft."""
    release = deployed or draft
    return contract.Workflow(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        nodes=[short(node) for node in release.nodes] if release else [],
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
        play_uuid=str(row.play_uuid) if row.play_uuid else None,
        tool_uuid=str(row.tool_uuid) if row.tool_uuid else None,
        folder_uuid=str(folder) if folder else None,
        template=None,
        last_batch=last_batch,
        deployed_release=_deployed(deployed) if deployed else None,
    )


def short(node: JsonObject) -> JsonObject:
    """A node without its settings; the nodes of a group are inside it."""
    fields = {key: node[key] for key in (*_SHORT, *_SHORT_USED) if key in node}
    return fields | {"isArchived": False, "nodes": [short(child) for child in group_nodes(node)]}


def _deployed(row: Release) -> contract.DeployedRelease:
    return contract.DeployedRelease(
        uuid=str(row.uuid),
        user_uuid=str(row.user_uuid),
        description=row.description,
        version=row.version,
        nodes=row.nodes,
        form_fields=row.form_fields,
        template_slug=row.template_slug,
        deployed_at=row.deployed_at,
        created_at=row.created_at,
    )


@handles(contract.all)
async def all_(ctx: Context, _request: Nothing) -> contract.WorkflowsReply:
    """All workflows of the workspace, newest first, apart from the one of its ad-hoc runs."""
    workflows = (
        await ctx.db.execute(
            select(Workflow, func.coalesce(Tool.folder_uuid, Play.folder_uuid))
            .outerjoin(Tool, Tool.workflow_uuid == Workflow.uuid)
            .outerjoin(Play, Play.workflow_uuid == Workflow.uuid)
            .where(Workflow.deleted_at.is_(None), Workflow.kind != "hidden")
            .order_by(Workflow.uuid.desc())
        )
    ).all()
    deployed = {row.workflow_uuid: row for row in await ctx.db.scalars(_releases("deployed"))}
    waiting = [row.uuid for row, _ in workflows if row.uuid not in deployed]
    drafts = {row.workflow_uuid: row for row in await ctx.db.scalars(_releases("draft").where(Release.workflow_uuid.in_(waiting)))}
    last = await last_batches(ctx, [row.uuid for row, _ in workflows])
    return contract.WorkflowsReply(
        workflows=[to_response(row, folder, deployed.get(row.uuid), drafts.get(row.uuid), last.get(row.uuid)) for row, folder in workflows]
    )


def _releases(status: str):
    return select(Release).where(Release.status == status, Release.deleted_at.is_(None))
