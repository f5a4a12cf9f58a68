"""How many tokens and credits an agent may use in a day (UTC): steps reserve what they may take at most, so that many do not exceed it.

A step is let through when it fits beside what others have reserved, or when there are no others: so the limit is exceeded by what one step
takes, at most. Reservations of a worker that has died end with its lease.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.tables import Agent, AgentReservation, AgentUsage, Message
from cargo_ai.kernel import clock
from cargo_ai.ledger import reservations
from cargo_ai.llm.step import MOST_TOKENS, Question
from cargo_ai.store.session import Database

SLOTS = 8
"""Rows of one agent and day, so that its answers do not wait for each other to count."""
PAUSE = 0.25


class LimitReached(Exception):
    """The agent has used what it may use today; the message is for people."""


class Taken(NamedTuple):
    """What steps take, or may take at most."""

    tokens: int = 0
    credits: float = 0.0


async def is_limited(db: AsyncSession, agent: uuid.UUID | None) -> bool:
    """Whether there is a limit for an agent."""
    limited = or_(Agent.max_tokens_per_day.is_not(None), Agent.max_credits_per_day.is_not(None))
    return agent is not None and await db.scalar(select(Agent.uuid).where(Agent.uuid == agent, limited)) is not None


def most_tokens(question: Question) -> int:
    """The most tokens that a step may take: no text has more of them than bytes."""
    steps = [response for turn in question.turns for response, _ in turn.steps]
    results = [result.content for turn in question.turns for _, given in turn.steps for result in given]
    tools = [[tool.name, tool.description, tool.parameters] for tool in question.tools]
    texts = [question.system, *(turn.text for turn in question.turns), json.dumps([steps, results, tools], default=str)]
    return sum(len(text.encode("utf-8", "replace")) for text in texts) + MOST_TOKENS


async def reserve(database: Database, workspace: uuid.UUID, agent: uuid.UUID, message: uuid.UUID, most: Taken) -> None:
    """Return when a step of an answer may take so much; it has reserved that then. LimitReached where nothing is left."""
    while not await _try(database, workspace, agent, message, most):  # noqa: ASYNC110 - others give back in transactions of theirs
        await asyncio.sleep(PAUSE)


async def _try(database: Database, workspace: uuid.UUID, agent: uuid.UUID, message: uuid.UUID, most: Taken) -> bool:
    async with database.session(workspace) as db:
        row = (await db.execute(select(Agent.max_tokens_per_day, Agent.max_credits_per_day).where(Agent.uuid == agent))).one_or_none()
        if row is None or (row[0] is None and row[1] is None):
            return True
        limits = Taken(row[0] or 0, float(row[1] or 0))
        # Those who reserve take turns; those who only count do not wait for them.
        await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"agent usage {agent}", 0))))
        used = (await used_today(db, [agent])).get(agent, Taken())
        held = await _held_by_others(db, agent, message)
        for name, limit, has, others, more in zip(Taken._fields, limits, used, held, most, strict=True):
            if row[Taken._fields.index(name)] is None:
                continue
            if has >= limit:
                raise LimitReached(_sentence(agent, name, has, limit))
            if others and has + others + more > limit:
                return False
        reservation = insert(AgentReservation).values(
            message_uuid=message, agent_uuid=agent, workspace_uuid=workspace, tokens=most.tokens, credits=Decimal(str(most.credits))
        )
        kept = {"tokens": reservation.excluded.tokens, "credits": reservation.excluded.credits}
        await db.execute(reservation.on_conflict_do_update(index_elements=["message_uuid"], set_=kept))
        await db.commit()
        return True


async def _held_by_others(db: AsyncSession, agent: uuid.UUID, message: uuid.UUID) -> Taken:
    """What other answers of the agent have reserved whose processes are alive."""
    query = (
        select(func.coalesce(func.sum(AgentReservation.tokens), 0), func.coalesce(func.sum(AgentReservation.credits), 0))
        .join(Message, Message.uuid == AgentReservation.message_uuid)
        .where(
            AgentReservation.agent_uuid == agent,
            AgentReservation.message_uuid != message,
            Message.finished_at.is_(None),
            Message.leased_until > clock.now(),
        )
    )
    tokens, credits = (await db.execute(query)).one()
    return Taken(int(tokens), float(credits))


def _sentence(agent: uuid.UUID, name: str, used: float, most: float) -> str:
    again = datetime.combine(_today() + timedelta(days=1), datetime.min.time()).isoformat(timespec="minutes")
    has, may = (reservations.shown(Decimal(str(amount))) for amount in (used, most))
    return (
        f"The agent has used {has} {name} today, and may use {may} (max{name.title()}PerDay). It answers again from {again}Z on; "
        f"`cargo-ai ai agent update --uuid {agent} --max-{name}-per-day N` changes that."
    )


async def count(db: AsyncSession, workspace: uuid.UUID, agent: uuid.UUID, message: uuid.UUID, tokens: int, credits: float) -> None:
    """Count what a step took, in the transaction that stores it; what was reserved for it is free again."""
    row = insert(AgentUsage).values(
        agent_uuid=agent, day=_today(), slot=message.int % SLOTS, workspace_uuid=workspace, tokens=tokens, credits=Decimal(str(credits))
    )
    added = {"tokens": AgentUsage.tokens + row.excluded.tokens, "credits": AgentUsage.credits + row.excluded.credits}
    await db.execute(row.on_conflict_do_update(index_elements=["agent_uuid", "day", "slot"], set_=added))
    await release(db, message)


async def release(db: AsyncSession, message: uuid.UUID) -> None:
    """The answer reserves nothing any more."""
    reservation = await db.get(AgentReservation, message)
    if reservation is not None:
        await db.delete(reservation)


async def used_today(db: AsyncSession, agents: Iterable[uuid.UUID]) -> dict[uuid.UUID, Taken]:
    """What agents have used today (UTC)."""
    today: ColumnElement[bool] = AgentUsage.day == _today()
    sums = select(AgentUsage.agent_uuid, func.sum(AgentUsage.tokens), func.sum(AgentUsage.credits))
    query = sums.where(AgentUsage.agent_uuid.in_(list(agents)), today).group_by(AgentUsage.agent_uuid)
    return {agent: Taken(int(tokens), float(credits)) for agent, tokens, credits in await db.execute(query)}


def _today() -> date:
    return clock.now().date()
