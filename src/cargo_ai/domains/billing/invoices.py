"""Invoices: what the credits of each past month cost, added up from the ledger; or those of Stripe where credits are sold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation
from cargo_ai.contract.billing import subscription as contract
from cargo_ai.domains.billing.payments.customer import row_of
from cargo_ai.domains.billing.payments.stripe_account import StripeFailed, account_of
from cargo_ai.domains.billing.periods import period_at
from cargo_ai.domains.billing.usage import price_cents
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import Nothing
from cargo_ai.ledger.tables import ledger_usage

MAX_MONTHS = 36
MAX_INVOICES = 100


async def of_stripe(asked: Preparation, _request: Nothing) -> list[contract.Invoice] | None:
    """Those of Stripe; None where credits are not sold."""
    stripe, row = account_of(asked.services), await row_of(asked.services, asked.who.workspace_uuid)
    if stripe is None:
        return None
    if row is None or row.customer is None:
        return []
    customer = row.customer
    try:
        listed = await stripe.call(lambda client: client.v1.invoices.list({"customer": customer, "limit": MAX_INVOICES}).data)
    except StripeFailed as failed:
        contract.get_invoices.refuse("failedToGetInvoices", problem=failed.message)
    return [
        contract.Invoice(
            id=str(invoice.id),
            is_paid=invoice.status == "paid",
            currency=invoice.currency,
            amount=invoice.amount_due,
            due_date=None if invoice.due_date is None else datetime.fromtimestamp(invoice.due_date, UTC),
            url=invoice.hosted_invoice_url,
        )
        for invoice in listed
        if invoice.status != "draft"
    ]


async def of_ledger(ctx: Context) -> list[contract.Invoice]:
    """One for each past month with usage, the newest first. They say what was used, and are no one's debts: all count as paid."""
    present = period_at("monthly", clock.now()).start
    month = func.date_trunc("month", ledger_usage.c.day)
    query = (
        select(month, func.sum(ledger_usage.c.amount))
        .where(
            ledger_usage.c.workspace_uuid == ctx.workspace,
            ledger_usage.c.day < present.date(),
            ledger_usage.c.day >= present.date() - timedelta(days=31 * MAX_MONTHS),
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
