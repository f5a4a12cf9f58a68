"""Invoices: what the credits of each past month cost, added up from the ledger; or those of Stripe where credits are sold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.contract.billing import subscription as contract
from cargo_ai.domains.billing.periods import period_at
from cargo_ai.domains.billing.usage import price_cents
from cargo_ai.kernel import clock
from cargo_ai.ledger.tables import ledger_usage

MOST_MONTHS = 36


async def of_ledger(ctx: Context) -> list[contract.Invoice]:
    """One for each past month with usage, the newest first. They say what was used, and are no one's debts: all count as paid."""
    present = period_at("monthly", clock.now()).start
    month = func.date_trunc("month", ledger_usage.c.day)
    query = (
        select(month, func.sum(ledger_usage.c.amount))
        .where(
            ledger_usage.c.workspace_uuid == ctx.workspace,
            ledger_usage.c.day < present.date(),
            ledger_usage.c.day >= present.date() - timedelta(days=31 * MOST_MONTHS),
        )
        .group_by(month)
        .having(func.sum(ledger_usage.c.amount) > 0)
        .order_by(month.desc())
    )
    return [_invoice(ctx, start, Decimal(credits)) for start, credits in (await ctx.db.execute(query)).all()]


def _invoice(ctx: Context, start: datetime, credits: Decimal) -> contract.Invoice:
    month = datetime(start.year, start.month, 1, tzinfo=UTC)
    return contract.Invoice(
        id=f"ledger-{month:%Y-%m}",
        is_paid=True,
        currency=ctx.settings.billing_currency,
        amount=price_cents(ctx.settings, credits),
        due_date=period_at("monthly", month).end,
        url=None,
    )
