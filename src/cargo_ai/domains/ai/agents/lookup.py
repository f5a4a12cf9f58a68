"""Look up agents and their releases."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.domains.ai.tables import Agent, AgentRelease
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation

LIST = "cargo-ai ai agent list"


async def find_agent(db: AsyncSession, text: str | uuid.UUID | None, *, locked: bool = False) -> Agent | None:
    """An agent of the session's workspace; None when it is missing."""
    uid = ids.parse(text) if isinstance(text, str) else text
    query = select(Agent).where(Agent.uuid == uid, Agent.deleted_at.is_(None))
    return await db.scalar(query.with_for_update() if locked else query)


async def known_agents(db: AsyncSession, uuids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these agents the session's workspace has."""
    return set(await db.scalars(select(Agent.uuid).where(Agent.uuid.in_(uuids), Agent.deleted_at.is_(None))))


async def agent_or_refuse(ctx: Context, operation: Operation[Any, Any, Any], text: str, *, locked: bool = False) -> Agent:
    """The agent that a request names. Raises Refusal (`agentNotFound`)."""
    return found_or_refuse(operation, await find_agent(ctx.db, text, locked=locked), "agentNotFound", uuid=text, fix=LIST)


async def release_of(db: AsyncSession, agent: uuid.UUID, status: str) -> AgentRelease | None:
    """The draft or deployed release of an agent."""
    return await db.scalar(select(AgentRelease).where(AgentRelease.agent_uuid == agent, AgentRelease.status == status))


async def named_release(db: AsyncSession, agent: uuid.UUID | None, release: uuid.UUID | None) -> AgentRelease | None:
    """The release that answers for an agent that is there: the one that is named, else the deployed one."""
    wanted = AgentRelease.status == "deployed" if release is None else AgentRelease.uuid == release
    query = select(AgentRelease).join(Agent, Agent.uuid == AgentRelease.agent_uuid)
    return await db.scalar(query.where(Agent.uuid == agent, Agent.deleted_at.is_(None), wanted))
