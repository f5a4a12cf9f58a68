"""Releases of agents: list and show them, save the draft, deploy it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.ai import release as contract
from cargo_ai.domains.ai import capabilities
from cargo_ai.domains.ai.agents import language_model, lookup, parts
from cargo_ai.domains.ai.agents.reconcile import InvalidConnector, NotReconciled, reconcile
from cargo_ai.domains.ai.tables import Agent, AgentRelease
from cargo_ai.kernel import clock, ids, versions
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid, JsonObject


def to_response(row: AgentRelease) -> contract.AgentRelease:
    """The release on the wire."""
    return contract.AgentRelease.model_validate(
        parts.shown(row.parts)
        | {
            "uuid": str(row.uuid),
            "parentUuid": str(row.parent_uuid) if row.parent_uuid else None,
            "workspaceUuid": str(row.workspace_uuid),
            "userUuid": str(row.user_uuid),
            "agentUuid": str(row.agent_uuid),
            "description": row.description,
            "templateSlug": row.template_slug,
            "version": row.version,
            "status": row.status,
            "deployedAt": row.deployed_at,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
        }
    )


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ReleaseReply:
    """One release."""
    row = await ctx.db.scalar(select(AgentRelease).where(AgentRelease.uuid == ids.parse(request.uuid)))
    row = found_or_refuse(contract.get, row, "releaseNotFound", uuid=request.uuid, fix="cargo-ai ai release list")
    return contract.ReleaseReply(release=to_response(row))


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListReleases) -> contract.ReleasesReply:
    """Releases of the workspace, the newest first; those of removed agents are left out."""
    query = select(AgentRelease).join(Agent, Agent.uuid == AgentRelease.agent_uuid).where(Agent.deleted_at.is_(None))
    if request.agent_uuid is not None:
        query = query.where(AgentRelease.agent_uuid == ids.parse(request.agent_uuid))
    if request.user_uuid is not None:
        query = query.where(AgentRelease.user_uuid == ids.parse(request.user_uuid))
    if request.statuses is not None:
        query = query.where(AgentRelease.status.in_(request.statuses))
    rows = await ctx.db.scalars(query.order_by(AgentRelease.uuid.desc()).limit(request.limit).offset(request.offset))
    return contract.ReleasesReply(releases=[to_response(row) for row in rows])


@handles(contract.get_draft)
async def get_draft(ctx: Context, request: contract.OfAgent) -> contract.ReleaseReply:
    """The draft of an agent."""
    agent = await lookup.agent_or_refuse(ctx, contract.get_draft, request.agent_uuid)
    row = await lookup.release_of(ctx.db, agent.uuid, "draft")
    row = found_or_refuse(contract.get_draft, row, "agentNotFound", uuid=request.agent_uuid, fix=lookup.LIST)
    return contract.ReleaseReply(release=to_response(row))


@handles(contract.get_deployed)
async def get_deployed(ctx: Context, request: contract.OfAgent) -> contract.ReleaseReply:
    """The release that answers messages."""
    agent = await lookup.agent_or_refuse(ctx, contract.get_deployed, request.agent_uuid)
    row = await lookup.release_of(ctx.db, agent.uuid, "deployed")
    fix = f"cargo-ai ai release deploy-draft --agent-uuid {agent.uuid}"
    row = found_or_refuse(contract.get_deployed, row, "releaseNotFound", uuid=request.agent_uuid, fix=fix)
    return contract.ReleaseReply(release=to_response(row))


@handles(contract.update_draft)
async def update_draft(ctx: Context, request: contract.UpdateDraft) -> contract.ReleaseReply:
    """Save the given parts; of a parent, all of its parts first."""
    agent, draft = await _lock(ctx, contract.update_draft, request.agent_uuid)
    base: JsonObject = draft.parts
    if request.parent_uuid is not None:
        parent = await ctx.db.scalar(
            select(AgentRelease).where(
                AgentRelease.uuid == ids.parse(request.parent_uuid), AgentRelease.agent_uuid == agent.uuid, AgentRelease.status != "draft"
            )
        )
        fix = f"cargo-ai ai release list --agent-uuid {agent.uuid}"
        parent = found_or_refuse(contract.update_draft, parent, "invalidParent", uuid=request.parent_uuid, fix=fix)
        draft.parent_uuid, base = parent.uuid, parent.parts
    draft.parts = await _resolved(ctx, contract.update_draft, request, base, agent.uuid)
    draft.user_uuid = ctx.who.user_uuid
    await ctx.db.flush()
    return contract.ReleaseReply(release=to_response(draft))


@handles(contract.deploy_draft)
async def deploy_draft(ctx: Context, request: contract.DeployDraft) -> contract.ReleaseReply:
    """Freeze and number the draft, archive the release before it, and go on with a copy as the new draft."""
    agent, draft = await _lock(ctx, contract.deploy_draft, request.agent_uuid)
    resolved = await _resolved(ctx, contract.deploy_draft, request, draft.parts, agent.uuid)
    version = await _next_version(ctx, agent, request.version)
    former = await lookup.release_of(ctx.db, agent.uuid, "deployed")
    if former is not None:
        former.status = "archived"
        await ctx.db.flush()
    draft.parts, draft.version, draft.status, draft.deployed_at = resolved, version, "deployed", clock.now()
    draft.user_uuid, draft.description = ctx.who.user_uuid, request.description
    await ctx.db.flush()
    ctx.db.add(new_draft(ctx, agent.uuid, resolved, parent=draft.uuid))
    await ctx.db.flush()
    return contract.ReleaseReply(release=to_response(draft))


def new_draft(
    ctx: Context, agent: uuid.UUID, draft_parts: JsonObject, *, parent: uuid.UUID | None = None, template_slug: str | None = None
) -> AgentRelease:
    """A draft with these parts."""
    return AgentRelease(
        workspace_uuid=ctx.workspace,
        agent_uuid=agent,
        user_uuid=ctx.who.user_uuid,
        parent_uuid=parent,
        status="draft",
        template_slug=template_slug,
        parts=draft_parts,
    )


async def _lock(ctx: Context, operation: Operation[Any, Any, Any], text: str) -> tuple[Agent, AgentRelease]:
    """An agent and its draft. The agent is locked, so that those who save and deploy take turns."""
    agent = await lookup.agent_or_refuse(ctx, operation, text, locked=True)
    draft = await lookup.release_of(ctx.db, agent.uuid, "draft")
    return agent, found_or_refuse(operation, draft, "draftReleaseNotFound", uuid=text)


async def _resolved(
    ctx: Context, operation: Operation[Any, Any, Any], request: contract.ReleaseParts, base: JsonObject, agent: uuid.UUID
) -> JsonObject:
    """The base with what the request gives; what it names has to be there."""
    merged = base | await language_model.agreeing(ctx.db, parts.given(request, ctx.secrets, base), base)
    try:
        merged = await reconcile(ctx, merged, request.options, own=agent)
    except InvalidConnector as error:
        operation.refuse("invalidConnector", uuid=error.connector, cause=error, fix="cargo-ai connection connector list")
    except NotReconciled as error:
        operation.refuse("failedToReconciliateAgentAiTools", cause=error)
    _warn(ctx, merged)
    return merged


def _warn(ctx: Context, merged: JsonObject) -> None:
    idle = sorted({capability["slug"] for capability in merged["capabilities"]} - capabilities.SLUGS)
    if idle:
        ctx.warn(f"This server has no capability {', '.join(idle)} yet: kept with the release, and not used.")


async def _next_version(ctx: Context, agent: Agent, requested: str | None) -> str:
    texts = await ctx.db.scalars(
        select(AgentRelease.version).where(AgentRelease.agent_uuid == agent.uuid, AgentRelease.version.is_not(None))
    )
    last = versions.latest(text for text in texts if text is not None)
    if requested is None:
        return versions.to_text(versions.following(last))
    number = versions.parse(requested)
    if number is None:
        cause = f"it takes three numbers, such as {versions.to_text(versions.following(last))}."
        contract.deploy_draft.refuse("invalidReleaseVersion", version=requested, cause=cause)
    if last is not None and number <= last:
        cause = f"it must be above {versions.to_text(last)}, the last one."
        contract.deploy_draft.refuse("invalidReleaseVersion", version=requested, cause=cause)
    return versions.to_text(number)
