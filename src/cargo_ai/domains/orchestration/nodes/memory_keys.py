"""Memory keys: list, remove and clear the values that memory nodes keep."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.nodes import memory as contract
from cargo_ai.domains.orchestration.actions.memory import owner_of
from cargo_ai.domains.orchestration.node_tables import Memory
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import Counted


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListMemories) -> contract.MemoriesReply:
    """What is remembered, in the order of scope, owner and key."""
    where = _where(request)
    count = await ctx.db.scalar(select(func.count()).select_from(Memory).where(*where))
    query = select(Memory).where(*where).order_by(Memory.scope, Memory.owner, Memory.key).limit(request.limit).offset(request.offset)
    return contract.MemoriesReply(memories=[reply(row) for row in await ctx.db.scalars(query)], count=int(count or 0))


def _where(request: contract.ListMemories) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if request.scope is not None:
        where.append(Memory.scope == request.scope)
    if request.key is not None:
        where.append(Memory.key == request.key)
    if request.workflow_uuid is not None:
        workflow = str(ids.parse(request.workflow_uuid) or "none")
        one = owner_of("record", workflow, request.record_id) if request.record_id is not None else None
        # Records follow their workflow after a space, and no uuid begins another one.
        where.append(Memory.owner == one if one is not None else func.split_part(Memory.owner, " ", 1) == workflow)
    elif request.record_id is not None:
        # Behind the workflow's uuid and a space.
        where += [Memory.scope == "record", func.substr(Memory.owner, 38) == request.record_id]
    return where


def reply(row: Memory) -> contract.Memory:
    """One memory on the wire."""
    workflow, _, record = row.owner.partition(" ")
    return contract.Memory(
        scope=contract.scope(row.scope),
        workflow_uuid=workflow or None,
        record_id=record if row.scope == "record" else None,
        key=row.key,
        value=row.value,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


@handles(contract.remove)
async def remove(ctx: Context, request: contract.RemoveMemory) -> Counted:
    """Forget one value."""
    forgotten = await _forget(ctx, request, Memory.key == request.key)
    if not forgotten:
        contract.remove.refuse("memoryNotFound", key=request.key, scope=request.scope, fix="cargo-ai orchestration memory list")
    return Counted(count=forgotten)


@handles(contract.clear)
async def clear(ctx: Context, request: contract.ClearMemories) -> Counted:
    """Forget everything of one workspace, workflow or record."""
    return Counted(count=await _forget(ctx, request))


async def _forget(ctx: Context, request: contract.ClearMemories, *more: ColumnElement[bool]) -> int:
    workflow = str(ids.parse(request.workflow_uuid or "") or "none")
    owner = owner_of(request.scope, workflow, request.record_id)
    statement = delete(Memory).where(Memory.scope == request.scope, Memory.owner == owner, *more).returning(Memory.key)
    memories: list[Any] = list(await ctx.db.scalars(statement))
    return len(memories)
