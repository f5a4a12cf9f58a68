"""The card of a workspace at Stripe, and the pages of Stripe on which cards, invoices and credits are managed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.billing.subscription import FAILED, NO_SUBSCRIPTION
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Wire


class CreditCard(Wire):
    """What may be known of a card."""

    brand: str
    exp_month: int
    exp_year: int
    last4: str


class CreditCardReply(Wire):
    """The card that is charged; null without one."""

    credit_card: CreditCard | None


class Address(Wire):
    """A page of Stripe that is open for a while, for the person who asked for it."""

    url: str


class PortalSessionReply(Wire):
    """The page on which cards and invoices are managed."""

    portal_session: Address


class CheckoutSessionReply(Wire):
    """The page on which credits are bought."""

    checkout_session: Address


class SetupIntent(Wire):
    """The secret with which a page of yours gives a card to Stripe."""

    client_secret: str


class SetupIntentReply(Wire):
    """A setup intent."""

    setup_intent: SetupIntent


class CreateCheckout(Wire):
    """How many credits to buy."""

    credits_count: Annotated[int, Field(ge=1, le=10_000_000)] = Field(default=1_000, description="How many credits to buy.")


class UpdatePaymentMethod(Wire):
    """The card that is charged from now on."""

    payment_method_id: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="Stripe's id of the card, such as pm_1… Without one, the reply has the page on which a card is entered."
    )


class PaymentMethodReply(Wire):
    """Whether the card is charged from now on. `url`: the page on which a person enters one, where none was named."""

    ok: bool
    status: Literal["updated", "requiresAction"]
    credit_card: CreditCard | None
    url: str | None


get_credit_card: Operation[Nothing, CreditCardReply, Literal["failedToGetCreditCard"]] = operations.add(
    Operation(
        "billing.subscription.getCreditCard",
        "GET",
        "/billing/subscriptions/creditCard",
        request=Nothing,
        response=CreditCardReply,
        summary="Show the card that is charged.",
        permission="billing:read",
        refusals={"failedToGetCreditCard": FAILED},
        cli=Cli(examples=("cargo-ai billing subscription get-credit-card",)),
    )
)

SetupReason = Literal["subscriptionNotFound", "failedToCreateSetupIntent"]

create_setup_intent: Operation[Nothing, SetupIntentReply, SetupReason] = operations.add(
    Operation(
        "billing.subscription.createSetupIntent",
        "POST",
        "/billing/subscriptions/setupIntent",
        request=Nothing,
        response=SetupIntentReply,
        summary="Start to enter a card at Stripe, from a page of your own.",
        permission="billing:write",
        refusals={"subscriptionNotFound": NO_SUBSCRIPTION, "failedToCreateSetupIntent": FAILED},
        agent_safe=False,
        cli=Cli(
            aliases=(("billing", "subscription", "add-payment-method"),),
            examples=("cargo-ai billing subscription create-setup-intent",),
        ),
    )
)

PaymentReason = Literal["subscriptionNotFound", "paymentMethodNotFound", "cardDeclined", "failedToUpdatePaymentMethod"]

update_payment_method: Operation[UpdatePaymentMethod, PaymentMethodReply, PaymentReason] = operations.add(
    Operation(
        "billing.subscription.updatePaymentMethod",
        "PUT",
        "/billing/subscriptions/paymentMethod",
        request=UpdatePaymentMethod,
        response=PaymentMethodReply,
        summary="Charge another card from now on; without an id, get the page on which a card is entered.",
        permission="billing:write",
        refusals={
            "subscriptionNotFound": NO_SUBSCRIPTION,
            "paymentMethodNotFound": refusal(404, "Stripe knows no card {payment_method} of this account."),
            "cardDeclined": refusal(402, "The card was declined ({decline_code}): {problem}"),
            "failedToUpdatePaymentMethod": FAILED,
        },
        agent_safe=False,
        cli=Cli(
            examples=(
                "cargo-ai billing subscription update-payment-method",
                "cargo-ai billing subscription update-payment-method --payment-method-id pm_1Q0PsIJvEtkwdCNYMSaVuRz6",
            ),
        ),
    )
)

PortalReason = Literal["subscriptionNotFound", "failedToCreatePortalSession"]

create_portal_session: Operation[Nothing, PortalSessionReply, PortalReason] = operations.add(
    Operation(
        "billing.subscription.createPortalSession",
        "POST",
        "/billing/subscriptions/portalSessions",
        request=Nothing,
        response=PortalSessionReply,
        summary="Get the page of Stripe on which cards and invoices are managed.",
        permission="billing:write",
        refusals={"subscriptionNotFound": NO_SUBSCRIPTION, "failedToCreatePortalSession": FAILED},
        agent_safe=False,
        cli=Cli(examples=("cargo-ai billing subscription create-portal-session",)),
    )
)

CheckoutReason = Literal["subscriptionNotFound", "failedToCreateCheckoutSession"]

create_checkout: Operation[CreateCheckout, CheckoutSessionReply, CheckoutReason] = operations.add(
    Operation(
        "billing.subscription.createStripeCreditsCheckoutSession",
        "POST",
        "/billing/subscriptions/creditsCheckoutSessions",
        request=CreateCheckout,
        response=CheckoutSessionReply,
        summary="Get the page of Stripe on which credits are bought.",
        permission="billing:write",
        refusals={"subscriptionNotFound": NO_SUBSCRIPTION, "failedToCreateCheckoutSession": FAILED},
        agent_safe=False,
        cli=Cli(examples=("cargo-ai billing subscription create-stripe-credits-checkout-session --credits-count 5000",)),
    )
)
