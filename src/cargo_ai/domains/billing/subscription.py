"""The subscription: show it, and change its plan, its top-ups and what happens when the credits are used up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.billing import subscription as contract
from cargo_ai.contract.billing.usage import UsageUnit
from cargo_ai.domains.billing import allowance, invoices
from cargo_ai.domains.billing.allowance import Allowance
from cargo_ai.domains.billing.payments import plan
from cargo_ai.domains.billing.periods import MONTHS
from cargo_ai.domains.billing.tables import Subscription
from cargo_ai.domains.billing.usage import number, price_cents
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import Nothing
from cargo_ai.ledger import transfers
from cargo_ai.store.driver import driver_connection

CREDITS: UsageUnit = "billing.credits"
UNITS: Sequence[UsageUnit] = (CREDITS, "orchestration.executions", "storage.records")
CARDS_NEED_STRIPE = (
    "There is no card to charge on this server: its operator has not set STRIPE_API_KEY. "
    "`cargo-ai billing budget set --credits N` gives the workspace what it may use."
)
NO_BUDGET = "The workspace is unlimited: `cargo-ai billing budget set --credits N` sets a budget first."


def to_response(ctx: Context, row: Subscription | None, has: Allowance) -> contract.Subscription:
    """The subscription on the wire. A workspace that has set nothing is unlimited since it exists."""
    settings, sold = ctx.settings, bool(ctx.settings.stripe_api_key)
    born = datetime.fromtimestamp((ctx.workspace.int >> 80) / 1000, clock.now().tzinfo)
    credits = allowance.UNLIMITED if has.credits is None else has.credits
    price = 0 if has.credits is None else price_cents(settings, has.credits)
    return contract.Subscription(
        uuid=str(allowance.id_of(ctx.workspace)),
        workspace_uuid=str(ctx.workspace),
        provider="stripe",
        customer_orb_id="",
        customer_stripe_id=(row.customer if row else None) or "",
        subscription_status=row.status if row and row.status else None if sold else "active",
        subscription_stripe_id=row.stripe_subscription if row else None,
        subscription_available_credits_count=number(credits),
        subscription_credits_used_count=number(has.used),
        additional_available_credits_count=number(has.additional),
        reserved_credits_count=number(has.balance.reserved),
        credits_overage_behaviors=[
            contract.OverageBehavior(unit=unit, action=(has.balance.overage or "allow") if unit == CREDITS else "allow") for unit in UNITS
        ],
        credits_consumption_behaviors=[contract.OverageBehavior(unit=CREDITS, action="allow")],
        created_at=row.created_at if row else born,
        updated_at=row.updated_at if row else born,
        plan="self-serve" if sold else "enterprise",
        cadence=has.cadence,
        fixed_price=price,
        conversion_rate=settings.credit_price_cents,
        start_at=has.period.start,
        reset_at=has.period.end,
        end_at=None,
        has_pending_change=bool(row and row.future),
        has_credits=has.has_credits,
        is_unlimited=has.credits is None,
        future_change=_future(row),
        topup=_topup(row),
    )


def _future(row: Subscription | None) -> contract.FutureChange | None:
    return None if row is None or row.future is None else contract.FutureChange.model_validate(row.future)


def _topup(row: Subscription | None) -> contract.Topup | None:
    if row is None or row.topup_credits is None or row.topup_threshold is None:
        return None
    return contract.Topup(credits_count=number(row.topup_credits), threshold=number(row.topup_threshold))


async def reply(ctx: Context) -> contract.SubscriptionReply:
    """The workspace's subscription as it is now."""
    row = await allowance.find(ctx.db, ctx.workspace)
    has = await allowance.read(ctx.db, ctx.workspace, row)
    return contract.SubscriptionReply(subscription=to_response(ctx, row, has))


@handles(contract.get_invoices, before=invoices.of_stripe)
async def get_invoices(ctx: Context, request: Nothing) -> contract.InvoicesReply:
    """The newest first: Stripe's where credits are sold, else those of the ledger."""
    sold = cast("list[contract.Invoice] | None", ctx.prepared)
    return contract.InvoicesReply(invoices=await invoices.of_ledger(ctx) if sold is None else sold)


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.SubscriptionReply:
    """Every workspace has one."""
    answer = await reply(ctx)
    row = await allowance.find(ctx.db, ctx.workspace)
    if row is not None and row.paused_until is not None and row.paused_until > clock.now():
        ctx.warn(f"Top-ups pause until {clock.to_iso(row.paused_until)}: a card was declined, or they followed each other too fast.")
    return answer


@handles(contract.update_overage)
async def update_overage(ctx: Context, request: contract.UpdateOverage) -> contract.SubscriptionReply:
    """Only credits can be used up: records and files have quotas, which are settings."""
    if ctx.settings.stripe_api_key:
        contract.update_overage.refuse("subscriptionNotEnterprise")
    row = await allowance.find(ctx.db, ctx.workspace, lock=True)
    if row is None or row.credits_count is None:
        contract.update_overage.refuse("subscriptionNotFound", sentence=NO_BUDGET)
    denied = [index for index, wanted in enumerate(request.credits_overage_behaviors) if wanted.unit != CREDITS and wanted.action == "deny"]
    if denied:
        sentence = f"only {CREDITS} can be denied; `cargo-ai workspace usage` shows the quotas of the rest"
        raise invalid_input([{"path": f"creditsOverageBehaviors.{index}", "message": sentence} for index in denied])
    for behavior in request.credits_overage_behaviors:
        if behavior.unit == CREDITS:
            await transfers.set_limit(await driver_connection(ctx.db), ctx.workspace, behavior.action)
    return await reply(ctx)


@handles(contract.update_plan, before=plan.sell)
async def update_plan(ctx: Context, request: contract.UpdatePlan) -> contract.SubscriptionReply:
    """Where credits are not sold, this is the budget."""
    if ctx.prepared is not None:
        await plan.note(ctx, request, cast("plan.Sold", ctx.prepared))
        return await reply(ctx)
    if request.cadence == "custom":
        contract.update_plan.refuse("subscriptionNotElligible", sentence=f"The cadence is one of {', '.join(MONTHS)}, or one_time.")
    row = await allowance.lock_row(ctx.db, ctx.workspace)
    has = await allowance.read(ctx.db, ctx.workspace, row)
    await allowance.limit(ctx.db, row, Decimal(str(request.credits_count)), request.cadence, has.balance.overage or "deny")
    return await reply(ctx)


@handles(contract.update_topup)
async def update_topup(ctx: Context, request: contract.UpdateTopup) -> contract.SubscriptionReply:
    """Nothing is charged here: the worker buys when few are left."""
    row = await allowance.find(ctx.db, ctx.workspace, lock=True)
    if request.enabled:
        _require_card(ctx, request, row)
        row = await allowance.lock_row(ctx.db, ctx.workspace)
        row.topup_credits, row.topup_threshold = Decimal(str(request.credits_count)), Decimal(str(request.threshold))
    elif row is not None:
        row.topup_credits = row.topup_threshold = row.paused_until = None
    await ctx.db.flush()
    return await reply(ctx)


def _require_card(ctx: Context, request: contract.UpdateTopup, row: Subscription | None) -> None:
    operation = contract.update_topup
    if not ctx.settings.stripe_api_key:
        operation.refuse("subscriptionNotElligible", sentence=CARDS_NEED_STRIPE)
    if price_cents(ctx.settings, Decimal(str(request.credits_count))) == 0:
        operation.refuse(
            "subscriptionNotElligible", sentence=plan.NO_PRICE if request.credits_count else "A top-up has at least one credit."
        )
    if row is None or row.customer is None:
        operation.refuse("customerNotFound")
    if row.payment_method is None:
        operation.refuse("paymentMethodNotFound")
