"""Approvals: a person decides on a call of a tool, by a review like those of workflows: a run that does nothing but ask."""

from __future__ import annotations

import uuid
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats.calling.offer import Opening
from cargo_ai.domains.ai.tables import Agent
from cargo_ai.domains.orchestration.public import ARGUMENTS, agent_tools
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel.wire import JsonObject

IN_PLACE_SECONDS = 2.0
"""How long a decision is waited for before the answer is parked."""
REVIEW_SECONDS = 60.0
"""How long at most until the review is there, by whose id people decide: its run takes its turn among others."""


async def ask(opening: Opening, db: AsyncSession, call: JsonObject, purpose: str, parents: agent_tools.Parents) -> uuid.UUID:
    """The run that asks; the person who wrote the message gets an e-mail, where this server sends any."""
    name = await db.scalar(select(Agent.name).where(Agent.uuid == opening.agent)) if opening.agent is not None else None
    title = f"{name or 'A language model'} wants to call {call['name']}"
    asked = await question(db, title, purpose, opening.user)
    asked |= {"fields": [{"name": ARGUMENTS, "type": "object", "value": call["arguments"], "required": False}]}
    return await agent_tools.ask_person(opening.services, db, opening.workspace, opening.user, asked, parents)


async def question(db: AsyncSession, title: str, purpose: str, user: uuid.UUID | None) -> JsonObject:
    """What people are asked before a call, as the config of a `humanReview`. user: who gets an e-mail."""
    email = await workspace.email_of(db, user) if user is not None else None
    return {
        "title": title,
        "instructions": f"What it does: {purpose}\nA language model has written the arguments. It hears of a rejection, with your comment.",
        "assignees": [] if email is None else [email],
    }


async def note_review(db: AsyncSession, call: JsonObject) -> bool:
    """Note which review waits; whether that is new."""
    noted = call["approval"]
    if "review" in noted:
        return False
    review = await agent_tools.review_of(db, uuid.UUID(noted["run"]))
    if review is None:
        return False
    noted["review"] = str(review)
    return True


def decide(call: JsonObject, outcome: agent_tools.RunOutcome) -> None:
    """Note the decision: what is approved has the arguments of the approval, what is not has a result."""
    given: object = outcome.output
    output = cast("JsonObject", given) if isinstance(given, dict) else JsonObject()
    approved = outcome.status == "success" and output.get("decision") == "approved"
    call["approval"] |= {"approved": approved}
    if "reviewUuid" in output:
        call["approval"]["review"] = output["reviewUuid"]
    if approved:
        changed = cast("JsonObject", output.get("values") or {}).get(ARGUMENTS)
        call["arguments"] = changed if isinstance(changed, dict) else call["arguments"]
        return
    reason = output.get("comment") or outcome.error
    if reason:
        call["approval"]["reason"] = reason
    call |= {"result": {"error": denial(reason)}, "failed": True, "ours": True}


def denial(reason: object) -> str:
    """What a language model hears of a call that a person has denied."""
    sentence = "A person has denied this call. Do not make it again."
    return f"{sentence} The reason: {reason}" if reason else sentence
