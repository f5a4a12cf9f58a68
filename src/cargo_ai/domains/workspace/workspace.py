"""Workspace: show and update the workspace of the caller's token, and create others."""

from __future__ import annotations

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace import workspace as contract
from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.members.role import find
from cargo_ai.domains.workspace.tables import Token, Workspace
from cargo_ai.kernel.settings import Settings
from cargo_ai.kernel.wire import Nothing
from cargo_ai.store.session import across_workspaces

_WITHOUT_EFFECT = (
    "allowed_email_domains",
    "logo_base64",
    "open_ai_api_key",
    "syncs",
    "chrome_extension_master_agent_uuid",
    "chrome_extension_available_agent_uuids",
    "allowed_login_providers",
)


def to_response(row: Workspace, settings: Settings) -> contract.Workspace:
    """The workspace on the wire."""
    return contract.Workspace(
        uuid=str(row.uuid),
        name=row.name,
        allowed_email_domains=[],
        syncs=[],
        temporal_namespace="",
        temporal_task_queue_prefix=None,
        max_concurrent_runs=settings.max_concurrent_runs,
        open_ai_vector_store_id=None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        logo_url=None,
        metadata=None if row.details is None else contract.Metadata.model_validate(row.details),
        chrome_extension_master_agent_uuid=None,
        chrome_extension_available_agent_uuids=None,
        default_role_uuid=None if row.default_role_uuid is None else str(row.default_role_uuid),
        allowed_login_providers=None,
        sso_identifier=None,
        quota_buckets={},
    )


async def _current(ctx: Context) -> Workspace:
    return (await ctx.db.scalars(select(Workspace).where(Workspace.uuid == ctx.workspace))).one()


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.WorkspacesReply:
    """The one workspace of the caller's token: a token opens no other."""
    return contract.WorkspacesReply(workspaces=[to_response(await _current(ctx), ctx.settings)])


@handles(contract.get_current)
async def get_current(ctx: Context, request: Nothing) -> contract.WorkspaceReply:
    """The workspace of the caller's token."""
    return contract.WorkspaceReply(workspace=to_response(await _current(ctx), ctx.settings))


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateWorkspace) -> contract.CreatedWorkspace:
    """Create a workspace whose admin is the caller. The token of this request does not open it: each token is bound to one workspace."""
    restricted = (await ctx.db.execute(select(Token.permissions, Token.expires_at).where(Token.uuid == ctx.who.token_uuid))).one()
    if restricted.permissions is not None or restricted.expires_at is not None:
        problem = "by rules of its own" if restricted.permissions is not None else "it expires"
        contract.create.refuse("missingPermissions", fix="cargo-ai workspace token list", problem=problem)
    email = found_or_refuse(contract.create, await public.email_of(ctx.db, ctx.who.user_uuid), "userNotFound")
    most = ctx.settings.max_workspaces
    with across_workspaces(ctx.db):
        count = await ctx.db.scalar(select(func.count()).select_from(Workspace)) or 0
    if most and count >= most:
        contract.create.refuse("tooManyWorkspaces", count=count)
    if request.logo_base64 is not None:
        ctx.warn("logoBase64 has no effect on this platform and was not stored.")
    details = None if request.metadata is None else request.metadata.to_wire()
    created = await public.add_workspace(ctx.db, ctx.services.hooks, name=request.name, email=email, details=details)
    row = (await ctx.db.scalars(select(Workspace).where(Workspace.uuid == created.workspace_uuid))).one()
    return contract.CreatedWorkspace(workspace=to_response(row, ctx.settings), token=created.token)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateWorkspace) -> contract.WorkspaceReply:
    """Change name, metadata and default role; the rest of the contract's fields has no effect here and says so."""
    fields = request.model_fields_set
    row = await ctx.db.scalar(select(Workspace).where(Workspace.uuid == ctx.workspace).with_for_update())
    row = found_or_refuse(contract.update, row, "workspaceNotFound")
    if request.name is not None:
        row.name = request.name
    if "metadata" in fields:
        row.details = None if request.metadata is None else request.metadata.to_wire()
    if "default_role_uuid" in fields:
        row.default_role_uuid = None
        if request.default_role_uuid is not None:
            role = await find(ctx.db, request.default_role_uuid)
            role = found_or_refuse(
                contract.update, role, "roleNotFound", fix="cargo-ai workspace role list", role=request.default_role_uuid
            )
            row.default_role_uuid = role.uuid
    for name in _WITHOUT_EFFECT:
        if name in fields:
            ctx.warn(f"{contract.UpdateWorkspace.model_fields[name].alias} has no effect on this platform and was not stored.")
    await ctx.db.flush()
    return contract.WorkspaceReply(workspace=to_response(row, ctx.settings))
