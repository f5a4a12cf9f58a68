"""The subscription of a workspace: how many credits it has, what happens beyond them, top-ups and invoices."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.billing.usage import UsageUnit
from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Timestamp, Uuid, Wire

SubscriptionPlan = Literal["self-serve", "enterprise"]
SubscriptionCadence = Literal["monthly", "annual", "one_time", "quarterly", "semi_annual", "custom"]
Behavior = Literal["deny", "allow"]
MAX_CREDITS = 1_000_000_000
Credits = Annotated[Number, Field(ge=0, le=MAX_CREDITS)]


class OverageBehavior(Wire):
    """What happens to work of a unit when the credits are used up: `deny` refuses it, `allow` goes on."""

    unit: UsageUnit
    action: Behavior


class FutureChange(Wire):
    """The plan that begins when the present period ends."""

    cadence: SubscriptionCadence
    fixed_price: Number
    credits_count: Number
    conversion_rate: Number
    start_at: Timestamp
    end_at: Timestamp | None


class Topup(Wire):
    """Credits that are bought as soon as fewer than `threshold` are left."""

    credits_count: Number
    threshold: Number


class Subscription(Wire):
    """The credits of a workspace. What is left of the period's: available − used; `additionalAvailableCreditsCount`: what is left of
    those that were bought or given on top, which stay when the period ends. Prices are in cents: `fixedPrice` of a period,
    `conversionRate` of a credit. `isUnlimited`: no budget was set; the available ones are then a number that is never reached.
    `reservedCreditsCount`: what work under way holds and may not use."""

    uuid: Uuid
    workspace_uuid: Uuid
    provider: Literal["stripe", "orb"]
    customer_orb_id: str
    customer_stripe_id: str
    subscription_status: str | None
    subscription_stripe_id: str | None
    subscription_available_credits_count: Number
    subscription_credits_used_count: Number
    additional_available_credits_count: Number
    reserved_credits_count: Number
    credits_overage_behaviors: list[OverageBehavior]
    credits_consumption_behaviors: list[OverageBehavior]
    created_at: Timestamp
    updated_at: Timestamp
    plan: SubscriptionPlan
    cadence: SubscriptionCadence
    fixed_price: Number
    conversion_rate: Number
    start_at: Timestamp
    reset_at: Timestamp
    end_at: Timestamp | None
    has_pending_change: bool
    has_credits: bool
    is_unlimited: bool
    future_change: FutureChange | None
    topup: Topup | None


class SubscriptionReply(Wire):
    """The workspace's subscription."""

    subscription: Subscription


class Invoice(Wire):
    """An invoice. `amount` is in cents. `url`: its page at Stripe; null for those that this server adds up from its ledger."""

    id: str
    is_paid: bool
    currency: str
    amount: Number
    due_date: Timestamp | None
    url: str | None


class InvoicesReply(Wire):
    """The invoices, the newest first."""

    invoices: list[Invoice]


class UpdatePlan(Wire):
    """How many credits each period has, and how long a period is."""

    credits_count: Credits = Field(description="How many credits each period has.")
    cadence: SubscriptionCadence = Field(description="How long a period is.")


class UpdateTopup(Wire):
    """When to buy more credits, and how many."""

    enabled: bool = Field(description="Whether credits are bought automatically.")
    credits_count: Annotated[Number, Field(ge=0, le=10_000_000)] = Field(description="How many credits are bought each time.")
    threshold: Credits = Field(description="They are bought when fewer credits than this are left.")


class UpdateOverage(Wire):
    """What happens when the credits are used up."""

    credits_overage_behaviors: Annotated[list[OverageBehavior], Field(max_length=20)] = Field(
        description='What happens to each unit: [{"unit":"billing.credits","action":"deny"}]. Units that are left out stay as they are.'
    )


NO_SUBSCRIPTION = refusal(404, "{sentence}")
_NO_CUSTOMER = refusal(
    404, "The workspace is not a customer at Stripe yet: `cargo-ai billing subscription update-payment-method` begins with it."
)
_NO_CARD = refusal(404, "There is no card to charge: give one with `cargo-ai billing subscription update-payment-method`.")
_ORB = refusal(409, "Orb is not used by this platform.")
FAILED = refusal(502, "Stripe could not do it: {problem}")

get: Operation[Nothing, SubscriptionReply, Never] = operations.add(
    Operation(
        "billing.subscription.get",
        "GET",
        "/billing/subscriptions",
        request=Nothing,
        response=SubscriptionReply,
        summary="Show how many credits there are, how many are used, and when they are reset.",
        permission="billing:read",
        cli=Cli(examples=("cargo-ai billing subscription get",)),
    )
)

get_invoices: Operation[Nothing, InvoicesReply, Literal["failedToGetInvoices"]] = operations.add(
    Operation(
        "billing.subscription.getInvoices",
        "GET",
        "/billing/subscriptions/invoices",
        request=Nothing,
        response=InvoicesReply,
        summary="List the invoices of the past periods, amounts in cents.",
        permission="billing:read",
        refusals={"failedToGetInvoices": FAILED},
        cli=Cli(examples=("cargo-ai billing subscription get-invoices",)),
    )
)

PlanReason = Literal[
    "subscriptionNotFound",
    "customerNotFound",
    "paymentMethodNotFound",
    "scheduleSubscriptionChangeFailed",
    "subscriptionNotElligible",
    "subscriptionAlreadyInUpdateState",
    "customerNotMigratedToOrb",
]

update_plan: Operation[UpdatePlan, SubscriptionReply, PlanReason] = operations.add(
    Operation(
        "billing.subscription.updatePlan",
        "PUT",
        "/billing/subscriptions/plan",
        request=UpdatePlan,
        response=SubscriptionReply,
        summary="Set how many credits each period has, and how long a period is.",
        permission="billing:write",
        refusals={
            "subscriptionNotFound": NO_SUBSCRIPTION,
            "customerNotFound": _NO_CUSTOMER,
            "paymentMethodNotFound": _NO_CARD,
            "scheduleSubscriptionChangeFailed": FAILED,
            "subscriptionNotElligible": refusal(409, "{sentence}"),
            "subscriptionAlreadyInUpdateState": refusal(
                409, "Another change begins at {start_at} already, and cannot be changed once more until then."
            ),
            "customerNotMigratedToOrb": _ORB,
        },
        agent_safe=False,
        cli=Cli(examples=("cargo-ai billing subscription update-plan --credits-count 10000 --cadence monthly",)),
    )
)

TopupReason = Literal[
    "subscriptionNotFound", "customerNotFound", "paymentMethodNotFound", "subscriptionNotElligible", "customerNotMigratedToOrb"
]

update_topup: Operation[UpdateTopup, SubscriptionReply, TopupReason] = operations.add(
    Operation(
        "billing.subscription.updateTopup",
        "PUT",
        "/billing/subscriptions/topup",
        request=UpdateTopup,
        response=SubscriptionReply,
        summary="Turn on or off that credits are bought automatically when few are left.",
        permission="billing:write",
        refusals={
            "subscriptionNotFound": NO_SUBSCRIPTION,
            "customerNotFound": _NO_CUSTOMER,
            "paymentMethodNotFound": _NO_CARD,
            "subscriptionNotElligible": refusal(409, "{sentence}"),
            "customerNotMigratedToOrb": _ORB,
        },
        agent_safe=False,
        cli=Cli(examples=("cargo-ai billing subscription update-topup --enabled --credits-count 1000 --threshold 200",)),
    )
)

OverageReason = Literal["subscriptionNotFound", "subscriptionNotEnterprise"]

update_overage: Operation[UpdateOverage, SubscriptionReply, OverageReason] = operations.add(
    Operation(
        "billing.subscription.updateCreditsOverageBehaviors",
        "PUT",
        "/billing/subscriptions/creditsOverageBehaviors",
        request=UpdateOverage,
        response=SubscriptionReply,
        summary="Set whether work is refused or goes on when the credits are used up.",
        permission="billing:write",
        refusals={
            "subscriptionNotFound": NO_SUBSCRIPTION,
            "subscriptionNotEnterprise": refusal(409, "This plan refuses work when no credits are left: buy credits, or set up top-ups."),
        },
        agent_safe=False,
        cli=Cli(
            examples=(
                "cargo-ai billing subscription update-credits-overage-behaviors --credits-overage-behaviors "
                '\'[{"unit":"billing.credits","action":"allow"}]\'',
            ),
        ),
    )
)
