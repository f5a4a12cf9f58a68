"""Memories, for people: list them by scope, correct and remove them."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.ai import memory as contract
from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.memories import remembering
from cargo_ai.domains.ai.memories.remembering import Owner
from cargo_ai.domains.ai.tables import AgentMemory
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import Removed


def _to_response(row: AgentMemory) -> contract.Memory:
    return contract.Memory(
        mem0_id=str(row.uuid),
        scope=cast("contract.Scope", row.scope),
        content=row.content,
        workspace_uuid=str(row.workspace_uuid),
        agent_uuid=str(row.owner) if row.scope == "agent" else None,
        user_uuid=str(row.owner) if row.scope == "user" else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _owner(ctx: Context, scope: contract.Scope, agent: str | None) -> Owner | None:
    """Whose memories a request means: of users, only the caller's own; None for an agent that cannot be there. 400 without one."""
    if scope == "user":
        return Owner("user", ctx.who.user_uuid)
    if scope == "workspace":
        return Owner("workspace", ctx.workspace)
    if agent is None:
        raise invalid_input([{"path": "agentUuid", "message": "is missing: the scope agent needs it"}])
    uid = ids.parse(agent)
    return None if uid is None else Owner("agent", uid)


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListMemories) -> contract.MemoriesReply:
    """The memories of one owner, those that were changed last first."""
    scope = request.scope or ("user" if request.agent_uuid is None else "agent")
    owner = _owner(ctx, scope, request.agent_uuid)
    if owner is None or scope == "agent":
        agent = await lookup.agent_or_refuse(ctx, contract.list_, str(request.agent_uuid))
        owner = Owner("agent", agent.uuid)
    query = select(AgentMemory).where(AgentMemory.scope == owner.scope, AgentMemory.owner == owner.uuid)
    rows = await ctx.db.scalars(
        query.order_by(AgentMemory.updated_at.desc(), AgentMemory.uuid.desc()).limit(request.limit).offset(request.offset)
    )
    return contract.MemoriesReply(memories=[_to_response(row) for row in rows])


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateMemory) -> contract.MemoryReply:
    """Correct a memory."""
    row = await _memory_or_refuse(ctx, contract.update, request)
    row.content, row.updated_at = request.content, clock.now()
    await ctx.db.flush()
    return contract.MemoryReply(memory=_to_response(row))


@handles(contract.remove)
async def remove(ctx: Context, request: contract.RemoveMemory) -> Removed:
    """Remove a memory."""
    row = await _memory_or_refuse(ctx, contract.remove, request)
    await ctx.db.delete(row)
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))


async def _memory_or_refuse(
    ctx: Context, operation: Operation[Any, Any, Any], request: contract.UpdateMemory | contract.RemoveMemory
) -> AgentMemory:
    owner = _owner(ctx, request.scope, request.agent_uuid)
    row = None if owner is None else await remembering.find(ctx.db, owner, ids.parse(request.mem0_id))
    return found_or_refuse(operation, row, "memoryNotFound", uuid=request.mem0_id, scope=request.scope, fix=_list_command(owner))


def _list_command(owner: Owner | None) -> str:
    """What shows the memories of that owner, or the agents without one."""
    if owner is None:
        return lookup.LIST
    agent = f" --agent-uuid {owner.uuid}" if owner.scope == "agent" else ""
    return f"cargo-ai ai memory list --scope {owner.scope}{agent}"
