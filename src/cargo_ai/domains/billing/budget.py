"""Budgets: set by admins where credits are not sold."""

from __future__ import annotations

from decimal import Decimal

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.billing import budget as contract
from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.periods import NEVER
from cargo_ai.domains.billing.usage import number
from cargo_ai.kernel.wire import Nothing


async def _reply(ctx: Context) -> contract.BudgetReply:
    row = await allowance.find(ctx.db, ctx.workspace)
    has = await allowance.read(ctx.db, ctx.workspace, row)
    if has.credits is None:
        return contract.BudgetReply(budget=None)
    return contract.BudgetReply(
        budget=contract.Budget(
            credits_count=number(has.credits),
            cadence=has.cadence,
            overage=has.balance.overage or "allow",
            credits_used_count=number(has.used),
            credits_left_count=number(has.left),
            additional_credits_left_count=number(has.additional),
            credits_reserved_count=number(has.balance.reserved),
            start_at=has.period.start,
            reset_at=None if has.period.end == NEVER else has.period.end,
        )
    )


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.BudgetReply:
    """None where the workspace is unlimited."""
    return await _reply(ctx)


@handles(contract.change)
async def change(ctx: Context, request: contract.SetBudget) -> contract.BudgetReply:
    """Work that is under way goes on; a batch under way enrols no further where nothing is left."""
    if ctx.settings.stripe_api_key:
        contract.change.refuse("creditsAreSold")
    row = await allowance.lock_row(ctx.db, ctx.workspace)
    await allowance.limit(ctx.db, row, Decimal(str(request.credits_count)), request.cadence, request.overage)
    return await _reply(ctx)


@handles(contract.remove)
async def remove(ctx: Context, request: Nothing) -> contract.BudgetReply:
    """Nothing where there was none."""
    if ctx.settings.stripe_api_key:
        contract.remove.refuse("creditsAreSold")
    row = await allowance.find(ctx.db, ctx.workspace, lock=True)
    if row is not None:
        await allowance.unlimit(ctx.db, row)
    return await _reply(ctx)
