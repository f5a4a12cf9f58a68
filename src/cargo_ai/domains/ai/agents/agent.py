"""Agents: create, show, change and remove them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.context.removal.named_users import NamedUsers
from cargo_ai.contract.ai import agent as contract
from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.domains.ai.agents import daily_limit, language_model, lookup, parts, release, template, trigger
from cargo_ai.domains.ai.tables import Agent, AgentRelease
from cargo_ai.domains.connection import public as connectors
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.engine.dispatch.timers.schedule import ScheduleState
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid, JsonObject, Nothing, Removed

_DEPLOYED = ("uuid", "userUuid", "description", "templateSlug", "version", "deployedAt", "createdAt", "updatedAt", *parts.NAMES)


async def to_responses(ctx: Context, rows: Sequence[Agent]) -> list[contract.Agent]:
    """Agents on the wire, in the order of the rows: four statements, however many there are."""
    states = await connectors.triggers.trigger_states(ctx.db, ctx.workspace, trigger.KIND, [row.uuid for row in rows if row.triggers])
    deployed = select(AgentRelease).where(AgentRelease.agent_uuid.in_([row.uuid for row in rows]), AgentRelease.status == "deployed")
    releases = {row.agent_uuid: row for row in await ctx.db.scalars(deployed)}
    used = await daily_limit.used_today(ctx.db, [row.uuid for row in rows])
    return [_to_response(row, releases.get(row.uuid), states, used.get(row.uuid, daily_limit.Taken())) for row in rows]


def _to_response(row: Agent, deployed: AgentRelease | None, states: Mapping[str, ScheduleState], used: daily_limit.Taken) -> contract.Agent:
    wire = release.to_response(deployed).to_wire() if deployed is not None else None
    shown = contract.DeployedRelease.model_validate({name: wire[name] for name in _DEPLOYED}) if wire is not None else None
    return contract.Agent(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid) if row.user_uuid else None,
        name=row.name,
        icon=contract.AgentIcon.model_validate(row.icon),
        description=row.description,
        triggers=[trigger.to_response(stored, states) for stored in row.triggers],
        deployed_release=shown,
        folder_uuid=str(row.folder_uuid) if row.folder_uuid else None,
        template=contract.AgentTemplate.model_validate({"slug": str(row.uuid), **row.template}) if row.template else None,
        max_tokens_per_day=row.max_tokens_per_day,
        tokens_used_today=used.tokens,
        max_credits_per_day=None if row.max_credits_per_day is None else _number(row.max_credits_per_day),
        credits_used_today=_number(Decimal(str(used.credits))),
        is_read_only=False,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


def _number(amount: Decimal) -> Number:
    """An amount on the wire: whole where it is."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


async def _reply(ctx: Context, row: Agent) -> contract.AgentReply:
    return contract.AgentReply(agent=(await to_responses(ctx, [row]))[0])


@handles(contract.get_all)
async def get_all(ctx: Context, _request: Nothing) -> contract.AgentsReply:
    """Every agent, the newest first."""
    rows = list(await ctx.db.scalars(select(Agent).where(Agent.deleted_at.is_(None)).order_by(Agent.uuid.desc())))
    return contract.AgentsReply(agents=await to_responses(ctx, rows))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.AgentReply:
    """One agent."""
    return await _reply(ctx, await lookup.agent_or_refuse(ctx, contract.get, request.uuid))


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateAgent) -> contract.AgentReply:
    """Create an agent and its draft, which begins with the workspace's language model."""
    model = await language_model.default(ctx)
    draft: JsonObject = parts.empty(model.integration_slug, request.language_model_slug or model.language_model_slug)
    if request.template_slug is not None:
        taken = await template.find_parts(ctx, request.template_slug)
        draft |= found_or_refuse(contract.create, taken, "templateNotFound", slug=request.template_slug, fix="cargo-ai ai template list")
    if request.temperature is not None:
        draft["temperature"] = request.temperature
    row = Agent(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        name=request.name,
        icon=request.icon.to_wire(),
        description=request.description,
        triggers=[],
        folder_uuid=await _folder(ctx, contract.create, request.folder_uuid),
        template=None,
    )
    ctx.db.add(row)
    await ctx.db.flush()
    ctx.db.add(release.new_draft(ctx, row.uuid, draft, template_slug=request.template_slug))
    if request.triggers:
        await trigger.put(ctx.db, row, request.triggers)
    await ctx.db.flush()
    await _record_usages(ctx, row)
    return await _reply(ctx, row)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateAgent) -> contract.AgentReply:
    """Change what is given; null clears description and folder."""
    row = await lookup.agent_or_refuse(ctx, contract.update, request.uuid, locked=True)
    fields = request.model_fields_set
    if "folder_uuid" in fields:
        row.folder_uuid = await _folder(ctx, contract.update, request.folder_uuid)
    if request.name is not None:
        row.name = request.name
    if request.icon is not None:
        row.icon = row.icon | {name: value for name, value in request.icon.to_wire().items() if value is not None}
    if "description" in fields:
        row.description = request.description
    if "max_tokens_per_day" in fields:
        row.max_tokens_per_day = request.max_tokens_per_day
    if "max_credits_per_day" in fields:
        row.max_credits_per_day = None if request.max_credits_per_day is None else Decimal(str(request.max_credits_per_day))
    if request.triggers is not None:
        await trigger.put(ctx.db, row, request.triggers)
    if request.template is not None:
        row.template = request.template.to_wire()
    await ctx.db.flush()
    await _record_usages(ctx, row)
    return await _reply(ctx, row)


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove an agent and its triggers. Its chats stay, and nothing answers in them any more."""
    row = await lookup.agent_or_refuse(ctx, contract.remove, request.uuid, locked=True)
    others = [(kind, uid) for kind, uid in await usages.used_by(ctx.db, "agent", row.uuid) if uid != row.uuid]
    users = await NamedUsers.of(ctx, others)
    if users.who:
        contract.remove.refuse("agentIsUsed", used=users.sentence, details={"usedBy": users.details}, fix=users.fix)
    await trigger.put(ctx.db, row, [])
    row.deleted_at = clock.now()
    await usages.replace(ctx.db, ctx.workspace, "agent", row.uuid, [])
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))


async def _folder(ctx: Context, operation: Operation[Any, Any, Any], text: str | None) -> Any:
    if text is None:
        return None
    folder = ids.parse(text)
    if folder is None or not await workspace.folder_exists(ctx.db, folder, "agent"):
        operation.refuse("folderNotFound", folder=text, fix="cargo-ai workspace folder list")
    return folder


async def _record_usages(ctx: Context, row: Agent) -> None:
    """Write down what an agent uses: its folder, and the connectors whose events it is sent."""
    targets = [("folder", row.folder_uuid)] if row.folder_uuid else []
    targets += [("connector", connector) for connector in connectors.triggers.connectors_of(row.triggers)]
    await usages.replace(ctx.db, row.workspace_uuid, "agent", row.uuid, targets)
