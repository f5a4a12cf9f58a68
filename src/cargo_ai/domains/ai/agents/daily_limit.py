"""How many tokens and credits an agent may use in a day (UTC): steps reserve what they may take at most, so that many do not exceed it.

A step is let through when it fits beside what others have reserved, or when there are no others: so the limit is exceeded by what one step
takes, at most. Reservations of a worker that has died end with its lease.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.tables import Agent, AgentReservation, AgentUsage
from cargo_ai.kernel import clock
from cargo_ai.ledger import reservations
from cargo_ai.llm.step import MAX_TOKENS, Question
from cargo_ai.store.driver import Connection

SLOTS = 8
"""Rows of one agent and day, so that its answers do not wait for each other to count."""


class LimitReached(Exception):
    """The agent has used what it may use today; the message is for people."""


class Taken(NamedTuple):
    """What steps take, or may take at most."""

    tokens: int = 0
    credits: float = 0.0


class Wanted(NamedTuple):
    """What a step of an answer may take at most."""

    workspace: uuid.UUID
    agent: uuid.UUID
    message: uuid.UUID
    most: Taken


TURN = "select pg_advisory_xact_lock(hashtextextended('agent usage ' || agent, 0)) from unnest(%s::uuid[]) as agent"
# What the answers of the group have reserved is what their former steps may have taken, which are at an end.
DAYS = """
select a.uuid, a.max_tokens_per_day, a.max_credits_per_day, coalesce(u.tokens, 0), coalesce(u.credits, 0), coalesce(h.tokens, 0),
    coalesce(h.credits, 0)
from agents a
cross join lateral (
    select sum(tokens)::bigint as tokens, sum(credits) as credits from agent_usage where agent_uuid = a.uuid and day = %(day)s
) u
cross join lateral (
    select sum(r.tokens)::bigint as tokens, sum(r.credits) as credits
    from agent_reservations r join messages m on m.uuid = r.message_uuid
    where r.agent_uuid = a.uuid and r.message_uuid <> all(%(messages)s) and m.finished_at is null and m.leased_until > %(now)s
) h
where a.uuid = any(%(agents)s) and (a.max_tokens_per_day is not null or a.max_credits_per_day is not null)
"""
# An answer that has ended meanwhile, such as one that was cancelled, must not reserve what no one would give back.
RESERVE = """
with wanted as (
    select * from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[], %s::numeric[]) as w(workspace, agent, message, tokens, credits)
), going_on as materialized (
    select m.uuid from messages m where m.uuid in (select message from wanted) and m.finished_at is null order by m.uuid for share
)
insert into agent_reservations (workspace_uuid, agent_uuid, message_uuid, tokens, credits)
select w.workspace, w.agent, w.message, w.tokens, w.credits from wanted w join going_on g on g.uuid = w.message
on conflict (message_uuid) do update set tokens = excluded.tokens, credits = excluded.credits
"""


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
    return sum(len(text.encode("utf-8", "replace")) for text in texts) + MAX_TOKENS


async def reserve(connection: Connection, wanted: Sequence[Wanted]) -> list[bool | LimitReached]:
    """Reserve what steps may take, in this order, until the caller's transaction has ended and they are counted: for each whether it may
    go ahead; False: not until others have ended. LimitReached where nothing is left of the day."""
    agents = sorted({step.agent for step in wanted})
    # Those who reserve take turns, in one order; those who only count do not wait for them.
    await connection.execute(TURN, (agents,))
    values = {"agents": agents, "messages": [step.message for step in wanted], "now": clock.now(), "day": _today()}
    days = {agent: _Day(*row) for agent, *row in await (await connection.execute(DAYS, values)).fetchall()}
    decided = [days[step.agent].decide(step) if step.agent in days else True for step in wanted]
    kept = [step for step, is_free in zip(wanted, decided, strict=True) if is_free is True and step.agent in days]
    if kept:
        columns = [list(column) for column in zip(*((*step[:3], *step.most) for step in kept), strict=True)]
        await connection.execute(RESERVE, columns)
    return decided


class _Day:
    """The day of one agent: its limits (None: no such limit), what it has used, and what answers that go on have reserved."""

    def __init__(
        self, tokens: int | None, credits: Decimal | None, used: int, used_credits: Decimal, held: int, held_credits: Decimal
    ) -> None:
        self._limits = (tokens, None if credits is None else float(credits))
        self._used, self._held = Taken(used, float(used_credits)), Taken(held, float(held_credits))

    def decide(self, step: Wanted) -> bool | LimitReached:
        """Whether a step may take so much; it has reserved that then."""
        for name, limit, used, held, most in zip(Taken._fields, self._limits, self._used, self._held, step.most, strict=True):
            if limit is not None and used >= limit:
                return LimitReached(_sentence(step.agent, name, used, limit))
            if limit is not None and held and used + held + most > limit:
                return False
        self._held = Taken(self._held.tokens + step.most.tokens, self._held.credits + step.most.credits)
        return True


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
