"""The card that is charged, and the pages of Stripe on which cards, invoices and credits are managed.

Card numbers go from the person's browser to Stripe; this server only sees their ids.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.contract.billing import card as contract
from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.payments.customer import customer_of, row_of
from cargo_ai.domains.billing.payments.stripe_account import NOT_CONFIGURED, StripeFailed, account_of
from cargo_ai.domains.billing.usage import price_cents
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import Nothing

if TYPE_CHECKING:
    from stripe import PaymentMethod

DONE = "/v1/billing/stripe/done"
"""The page to which Stripe's pages lead back."""
NO_PRICE = "the operator of this server has not set what a credit costs (CARGO_AI_CREDIT_PRICE_CENTS)."


def _to_card(method: PaymentMethod) -> contract.CreditCard | None:
    card = method.card
    if card is None:
        return None
    return contract.CreditCard(brand=card.brand, exp_month=card.exp_month, exp_year=card.exp_year, last4=card.last4 or "")


async def _card(asked: Preparation, _request: Nothing) -> contract.CreditCard | None:
    stripe, row = account_of(asked.services), await row_of(asked.services, asked.who.workspace_uuid)
    if stripe is None or row is None or row.payment_method is None:
        return None
    method = row.payment_method
    try:
        return _to_card(await stripe.call(lambda client: client.v1.payment_methods.retrieve(method)))
    except StripeFailed as failed:
        if failed.kind == "missing":
            return None
        contract.get_credit_card.refuse("failedToGetCreditCard", problem=failed.message)


@handles(contract.get_credit_card, before=_card)
async def get_credit_card(ctx: Context, request: Nothing) -> contract.CreditCardReply:
    """None where there is no card, or cards are not used."""
    if not ctx.settings.stripe_api_key:
        ctx.warn(NOT_CONFIGURED)
    return contract.CreditCardReply(credit_card=cast("contract.CreditCard | None", ctx.prepared))


async def _setup_intent(asked: Preparation, _request: Nothing) -> contract.SetupIntent:
    operation = contract.create_setup_intent
    stripe = account_of(asked.services) or operation.refuse("subscriptionNotFound", sentence=NOT_CONFIGURED)
    try:
        customer = await customer_of(asked, stripe)
        intent = await stripe.call(lambda client: client.v1.setup_intents.create({"customer": customer, "usage": "off_session"}))
    except StripeFailed as failed:
        operation.refuse("failedToCreateSetupIntent", problem=failed.message)
    return contract.SetupIntent(client_secret=intent.client_secret or "")


@handles(contract.create_setup_intent, before=_setup_intent)
async def create_setup_intent(ctx: Context, request: Nothing) -> contract.SetupIntentReply:
    """When it has succeeded, an event says which card it is."""
    return contract.SetupIntentReply(setup_intent=cast("contract.SetupIntent", ctx.prepared))


async def _payment_method(asked: Preparation, request: contract.UpdatePaymentMethod) -> contract.PaymentMethodReply:
    operation = contract.update_payment_method
    stripe = account_of(asked.services) or operation.refuse("subscriptionNotFound", sentence=NOT_CONFIGURED)
    named = request.payment_method_id
    done = f"{asked.base_url}{DONE}"
    try:
        customer = await customer_of(asked, stripe)
        if named is None:
            page = await stripe.call(
                lambda client: client.v1.checkout.sessions.create(
                    {
                        "mode": "setup",
                        "customer": customer,
                        "currency": asked.services.settings.billing_currency,
                        "success_url": done,
                        "cancel_url": done,
                    }
                )
            )
            return contract.PaymentMethodReply(ok=False, status="requiresAction", credit_card=None, url=page.url)
        method = await stripe.call(lambda client: client.v1.payment_methods.attach(named, {"customer": customer}))
        await stripe.call(lambda client: client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": named}}))
    except StripeFailed as failed:
        if failed.kind in ("declined", "authentication"):
            operation.refuse("cardDeclined", details={"declineCode": failed.code}, decline_code=failed.code, problem=failed.message)
        if failed.kind == "unavailable" or named is None:
            operation.refuse("failedToUpdatePaymentMethod", problem=failed.message)
        operation.refuse("paymentMethodNotFound", payment_method=named)
    return contract.PaymentMethodReply(ok=True, status="updated", credit_card=_to_card(method), url=None)


@handles(contract.update_payment_method, before=_payment_method)
async def update_payment_method(ctx: Context, request: contract.UpdatePaymentMethod) -> contract.PaymentMethodReply:
    """With another card, top-ups may be tried again at once."""
    reply = cast("contract.PaymentMethodReply", ctx.prepared)
    if reply.ok:
        row = await allowance.lock_row(ctx.db, ctx.workspace)
        row.payment_method, row.payment_method_at, row.paused_until = request.payment_method_id, clock.now(), None
        await ctx.db.flush()
    return reply


async def _portal(asked: Preparation, _request: Nothing) -> contract.Address:
    operation = contract.create_portal_session
    stripe = account_of(asked.services) or operation.refuse("subscriptionNotFound", sentence=NOT_CONFIGURED)
    try:
        customer = await customer_of(asked, stripe)
        session = await stripe.call(
            lambda client: client.v1.billing_portal.sessions.create({"customer": customer, "return_url": f"{asked.base_url}{DONE}"})
        )
    except StripeFailed as failed:
        operation.refuse("failedToCreatePortalSession", problem=failed.message)
    return contract.Address(url=session.url)


@handles(contract.create_portal_session, before=_portal)
async def create_portal_session(ctx: Context, request: Nothing) -> contract.PortalSessionReply:
    """Nothing changes here: what is changed there comes as events."""
    return contract.PortalSessionReply(portal_session=cast("contract.Address", ctx.prepared))


async def _checkout(asked: Preparation, request: contract.CreateCheckout) -> contract.Address:
    operation, settings = contract.create_checkout, asked.services.settings
    stripe = account_of(asked.services) or operation.refuse("subscriptionNotFound", sentence=NOT_CONFIGURED)
    cents = price_cents(settings, Decimal(request.credits_count))
    if cents == 0:
        operation.refuse("failedToCreateCheckoutSession", problem=NO_PRICE)
    what = {"workspace": str(asked.who.workspace_uuid), "credits": str(request.credits_count)}
    done = f"{asked.base_url}{DONE}"
    try:
        customer = await customer_of(asked, stripe)
        session = await stripe.call(
            lambda client: client.v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "customer": customer,
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": settings.billing_currency,
                                "unit_amount": cents,
                                "product_data": {"name": f"{request.credits_count:,} credits"},
                            },
                        }
                    ],
                    "metadata": what,
                    "success_url": done,
                    "cancel_url": done,
                }
            )
        )
    except StripeFailed as failed:
        operation.refuse("failedToCreateCheckoutSession", problem=failed.message)
    return contract.Address(url=session.url or "")


@handles(contract.create_checkout, before=_checkout)
async def create_checkout(ctx: Context, request: contract.CreateCheckout) -> contract.CheckoutSessionReply:
    """The credits are there when Stripe says that they are paid."""
    return contract.CheckoutSessionReply(checkout_session=cast("contract.Address", ctx.prepared))
