"""Releases: list and show the versions of graphs."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.workflows import release as contract
from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid


def to_response(row: Release) -> contract.Release:
    """The release on the wire."""
    return contract.Release(
        uuid=str(row.uuid),
        parent_uuid=str(row.parent_uuid) if row.parent_uuid else None,
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid),
        workflow_uuid=str(row.workflow_uuid),
        description=row.description,
        version=row.version,
        status=cast("contract.ReleaseStatus", row.status),
        template_slug=row.template_slug,
        nodes=row.nodes,
        form_fields=row.form_fields,
        test_records=row.test_records,
        deployed_at=row.deployed_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListReleases) -> contract.ReleasesReply:
    """Releases of the workspace, newest first; those of removed tools are left out."""
    query = select(Release).where(Release.deleted_at.is_(None))
    if request.workflow_uuid is not None:
        query = query.where(Release.workflow_uuid == ids.parse(request.workflow_uuid))
    if request.user_uuid is not None:
        query = query.where(Release.user_uuid == ids.parse(request.user_uuid))
    if request.statuses is not None:
        query = query.where(Release.status.in_(request.statuses))
    rows = await ctx.db.scalars(query.order_by(Release.uuid.desc()).limit(request.limit).offset(request.offset))
    return contract.ReleasesReply(releases=[to_response(row) for row in rows])


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ReleaseReply:
    """One release; also one that only the history still names."""
    row = await ctx.db.scalar(select(Release).where(Release.uuid == ids.parse(request.uuid)))
    row = found_or_refuse(contract.get, row, "releaseNotFound", uuid=request.uuid, fix="cargo-ai orchestration release list")
    return contract.ReleaseReply(release=to_response(row))


@handles(contract.get_deployed)
async def get_deployed(ctx: Context, request: contract.OfWorkflow) -> contract.ReleaseReply:
    """The release that new runs of the workflow take."""
    row = await ctx.db.scalar(
        select(Release).where(
            Release.workflow_uuid == ids.parse(request.workflow_uuid), Release.status == "deployed", Release.deleted_at.is_(None)
        )
    )
    if row is None:
        living = select(Workflow.uuid).where(Workflow.uuid == ids.parse(request.workflow_uuid), Workflow.deleted_at.is_(None))
        if await ctx.db.scalar(living) is None:
            contract.get_deployed.refuse("workflowNotFound", uuid=request.workflow_uuid, fix="cargo-ai orchestration workflow list")
        fix = f"cargo-ai orchestration draft-release deploy --workflow-uuid {request.workflow_uuid}"
        contract.get_deployed.refuse("releaseNotFound", uuid=request.workflow_uuid, fix=fix)
    return contract.ReleaseReply(release=to_response(row))
