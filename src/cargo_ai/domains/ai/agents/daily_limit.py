"""How many tokens an agent may use in a day (UTC): steps reserve what they may take at most, so that many at once do not go beyond it.

A step is let through when it fits beside what others have reserved, or when there are no others: so the limit is exceeded by what one step
takes, at most. Reservations of a worker that has died end with its lease.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.tables import Agent, AgentReservation, AgentUsage, Message
from cargo_ai.kernel import clock
from cargo_ai.llm.step import MOST_TOKENS, Question
from cargo_ai.store.session import Database

SLOTS = 8
"""Rows of one agent and day, so that its answers do not wait for each other to count."""
PAUSE = 0.25


class LimitReached(Exception):
    """The agent has used what it may use today; the message is for people."""


def most_tokens(question: Question) -> int:
    """The most tokens that a step may take: no text has more of them than bytes."""
    steps = [response for turn in question.turns for response, _ in turn.steps]
    results = [result.content for turn in question.turns for _, given in turn.steps for result in given]
    tools = [[tool.name, tool.description, tool.parameters] for tool in question.tools]
    texts = [question.system, *(turn.text for turn in question.turns), json.dumps([steps, results, tools], default=str)]
    return sum(len(text.encode("utf-8", "replace")) for text in texts) + MOST_TOKENS


async def reserve(database: Database, workspace: uuid.UUID, agent: uuid.UUID, message: uuid.UUID, tokens: int) -> None:
    """Return when a step of an answer may take these tokens; it has reserved them then. LimitReached where there are none left."""
    while True:
        if await _try(database, workspace, agent, message, tokens):
            return
        await asyncio.sleep(PAUSE)


async def _try(database: Database, workspace: uuid.UUID, agent: uuid.UUID, message: uuid.UUID, tokens: int) -> bool:
    async with database.session(workspace) as db:
        most = await db.scalar(select(Agent.max_tokens_per_day).where(Agent.uuid == agent))
        if most is None:
            return True
        # Those who reserve take turns; those who only count do not wait for them.
        await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"agent usage {agent}", 0))))
        used = (await used_today(db, [agent])).get(agent, 0)
        if used >= most:
            again = datetime.combine(_today() + timedelta(days=1), datetime.min.time()).isoformat(timespec="minutes")
            raise LimitReached(
                f"The agent has used {used:,} tokens today, and may use {most:,} (maxTokensPerDay). It answers again from {again}Z on; "
                f"`cargo-ai ai agent update --uuid {agent} --max-tokens-per-day N` changes that."
            )
        held = await db.scalar(
            select(func.coalesce(func.sum(AgentReservation.tokens), 0))
            .join(Message, Message.uuid == AgentReservation.message_uuid)
            .where(
                AgentReservation.agent_uuid == agent,
                AgentReservation.message_uuid != message,
                Message.finished_at.is_(None),
                Message.leased_until > clock.now(),
            )
        )
        if held and used + int(held) + tokens > most:
            return False
        row = insert(AgentReservation).values(message_uuid=message, agent_uuid=agent, workspace_uuid=workspace, tokens=tokens)
        await db.execute(row.on_conflict_do_update(index_elements=["message_uuid"], set_={"tokens": tokens}))
        await db.commit()
        return True


async def count(db: AsyncSession, workspace: uuid.UUID, agent: uuid.UUID, message: uuid.UUID, tokens: int) -> None:
    """Count what a step took, in the transaction that stores it; what was reserved for it is free again."""
    row = insert(AgentUsage).values(agent_uuid=agent, day=_today(), slot=message.int % SLOTS, workspace_uuid=workspace, tokens=tokens)
    added = {"tokens": AgentUsage.tokens + row.excluded.tokens}
    await db.execute(row.on_conflict_do_update(index_elements=["agent_uuid", "day", "slot"], set_=added))
    await release(db, message)


async def release(db: AsyncSession, message: uuid.UUID) -> None:
    """The answer reserves nothing any more."""
    reservation = await db.get(AgentReservation, message)
    if reservation is not None:
        await db.delete(reservation)


async def used_today(db: AsyncSession, agents: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The tokens that agents have used today (UTC)."""
    today: ColumnElement[bool] = AgentUsage.day == _today()
    query = select(AgentUsage.agent_uuid, func.sum(AgentUsage.tokens)).where(AgentUsage.agent_uuid.in_(list(agents)), today)
    return {agent: int(tokens) for agent, tokens in await db.execute(query.group_by(AgentUsage.agent_uuid))}


def _today() -> date:
    return clock.now().date()
