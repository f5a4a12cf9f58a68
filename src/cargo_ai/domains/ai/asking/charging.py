"""Charging: tokens of a shared account cost credits, charged in the transaction that stores what they gave."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.tables import Chat
from cargo_ai.domains.connection import public as connection
from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import balances, charges
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.store.driver import driver_connection

BATCH = text("select batch_uuid from runs where uuid = :run")
SLOT = 0
"""Writers of the engine have slots of their own; what is charged here may share a row with one of them."""


class NoCreditsLeft(Exception):
    """The workspace may spend no more credits; the message is for people."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What tokens are for. charged: what the charges are kept under, the answer or the question; trace: what they belong to."""

    workspace: uuid.UUID
    charged: uuid.UUID
    trace: uuid.UUID
    user: uuid.UUID | None = None
    agent: uuid.UUID | None = None
    workflow: uuid.UUID | None = None
    batch: uuid.UUID | None = None


async def purpose_of(db: AsyncSession, chat: Chat, charged: uuid.UUID, user: uuid.UUID | None) -> Purpose:
    """What tokens for a chat are for: its agent and, where a node of a workflow asks, that workflow and the batch."""
    trigger = chat.trigger if chat.trigger.get("type") == "workflow" else {}
    run, workflow = ids.parse(str(trigger.get("runUuid"))), ids.parse(str(trigger.get("uuid")))
    batch = None if run is None else (await db.execute(BATCH, {"run": run})).scalar()
    return Purpose(chat.workspace_uuid, charged, chat.trace_uuid, user, chat.agent_uuid, workflow, batch)


async def check(db: AsyncSession, workspace: uuid.UUID, service: connection.LanguageModelService) -> None:
    """NoCreditsLeft where a step would cost credits and the workspace may spend none."""
    if not service.costs:
        return
    balance = await balances.balance_of(await driver_connection(db), workspace)
    if balance.overage == "deny" and balance.left <= ZERO:
        raise NoCreditsLeft(
            f"No credits are left for the tokens of {service.name}: `cargo-ai billing budget get` shows the budget. A connector with a key "
            "of your own costs none."
        )


async def charge(db: AsyncSession, purpose: Purpose, service: connection.LanguageModelService, number: int, credits: float) -> None:
    """Charge the step of this number; last in its transaction, for the workspace's accounts stay locked until its end."""
    if credits <= 0:
        return
    slug = f"integration.{service.integration_slug}.action.{connection.TOKENS}"
    label = Label(
        purpose.workspace,
        "billing.credits",
        slug,
        purpose.workflow,
        purpose.batch,
        purpose.user,
        service.connector,
        service.integration_slug,
        agent=purpose.agent,
    )
    cost = Charge(label, clock.now().date(), 1, charges.exact(credits), purpose.trace)
    await charges.write(await driver_connection(db), [cost], purpose.charged, SLOT, clock.now(), number)
