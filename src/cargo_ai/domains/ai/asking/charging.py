"""Charging: tokens of a shared account cost credits, charged in the transaction that stores what they gave."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.tables import Chat
from cargo_ai.domains.connection import public as connection
from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import balances, charges
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.store.driver import Connection, driver_connection

BATCHES = "select uuid, batch_uuid from runs where uuid = any(%s)"
SLOT = 0
"""Writers of the engine have slots of their own; what is charged here may share a row with one of them."""


class NoCreditsLeft(Exception):
    """The workspace may spend no more credits. service: the name of what costs them."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"No credits are left for the tokens of {service}: `cargo-ai billing budget get` shows the budget. A connector with a key of "
            "your own costs none."
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """The credits of the last step of an answer to a node."""

    chat: Chat
    service: connection.LanguageModelService
    credits: float


@dataclass(frozen=True, slots=True)
class Purpose:
    """What tokens are for. charged: what the charges are kept under: the answer, the question, or what
    answers that end together are charged as; trace: what they belong to."""

    workspace: uuid.UUID
    charged: uuid.UUID
    trace: uuid.UUID
    user: uuid.UUID | None = None
    agent: uuid.UUID | None = None
    workflow: uuid.UUID | None = None
    batch: uuid.UUID | None = None


async def purpose_of(db: AsyncSession, chat: Chat, charged: uuid.UUID, user: uuid.UUID | None) -> Purpose:
    """What tokens for a chat are for: its agent and, where a node of a workflow asks, that workflow and the batch."""
    run, _ = _asked_by(chat)
    driver = await driver_connection(db)
    batches = {} if run is None else dict(await (await driver.execute(BATCHES, ([run],))).fetchall())
    return _purpose(chat, charged, user, batches)


def _asked_by(chat: Chat) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """The run and the workflow whose node asks."""
    trigger = chat.trigger if chat.trigger.get("type") == "workflow" else {}
    return ids.parse(str(trigger.get("runUuid"))), ids.parse(str(trigger.get("uuid")))


def _purpose(chat: Chat, charged: uuid.UUID, user: uuid.UUID | None, batches: Mapping[uuid.UUID, uuid.UUID | None]) -> Purpose:
    run, workflow = _asked_by(chat)
    batch = None if run is None else batches.get(run)
    return Purpose(chat.workspace_uuid, charged, chat.trace_uuid, user, chat.agent_uuid, workflow, batch)


async def check(db: AsyncSession, workspace: uuid.UUID, service: connection.LanguageModelService) -> None:
    """NoCreditsLeft where a step would cost credits and the workspace may spend none."""
    if service.costs and not await may_spend(await driver_connection(db), workspace):
        raise NoCreditsLeft(service.name)


async def may_spend(driver: Connection, workspace: uuid.UUID) -> bool:
    """Whether the workspace has credits, or may use more than it has."""
    balance = await balances.balance_of(driver, workspace)
    return balance.overage != "deny" or balance.left > ZERO


async def charge(db: AsyncSession, purpose: Purpose, service: connection.LanguageModelService, number: int, credits: float) -> None:
    """Charge the step of this number; last in its transaction, for the workspace's accounts stay locked until its end."""
    if credits > 0:
        cost = _charge(purpose, service, credits)
        await charges.write(await driver_connection(db), [cost], purpose.charged, SLOT, clock.now(), number)


async def charge_nodes(driver: Connection, spent: Sequence[Spent]) -> None:
    """Charge last steps of answers to nodes together; last in the transaction that ends those answers, which none does twice."""
    costly = [step for step in spent if step.credits > 0]
    if not costly:
        return
    runs = sorted({run for step in costly if (run := _asked_by(step.chat)[0]) is not None})
    batches = dict(await (await driver.execute(BATCHES, (runs,))).fetchall())
    together = ids.new()
    costs = [_charge(_purpose(step.chat, together, None, batches), step.service, step.credits) for step in costly]
    await charges.write(driver, costs, together, SLOT, clock.now())


def _charge(purpose: Purpose, service: connection.LanguageModelService, credits: float) -> Charge:
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
    return Charge(label, clock.now().date(), 1, charges.exact(credits), purpose.trace)
