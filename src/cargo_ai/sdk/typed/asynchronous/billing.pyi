# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import cargo_ai.contract.billing.budget
import cargo_ai.contract.billing.card
import cargo_ai.contract.billing.subscription
import cargo_ai.contract.billing.usage

class BudgetMethods:
    async def get(
        self,
    ) -> cargo_ai.contract.billing.budget.BudgetReply:
        """Show the budget and how much of it is left.
        """
        ...

    async def remove(
        self,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.budget.BudgetReply:
        """Remove the budget: the workspace is unlimited.

        Refused for: creditsAreSold
        """
        ...

    async def set(
        self,
        *,
        credits_count: int | float,
        cadence: Literal['monthly', 'quarterly', 'semi_annual', 'annual', 'one_time'] = ...,
        overage: Literal['deny', 'allow'] = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.budget.BudgetReply:
        """Limit the workspace to a number of credits in each period.

        credits_count: How many credits each period has.
        cadence: When the credits are renewed, by the calendar in UTC; one_time: never.
        overage: What happens when they are used up: deny refuses work, allow only counts.

        Refused for: creditsAreSold
        """
        ...

class SubscriptionMethods:
    async def create_portal_session(
        self,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.card.PortalSessionReply:
        """Get the page of Stripe on which cards and invoices are managed.

        Refused for: subscriptionNotFound, failedToCreatePortalSession
        """
        ...

    async def create_setup_intent(
        self,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.card.SetupIntentReply:
        """Start to enter a card at Stripe, from a page of your own.

        Refused for: subscriptionNotFound, failedToCreateSetupIntent
        """
        ...

    async def create_stripe_credits_checkout_session(
        self,
        *,
        credits_count: int = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.card.CheckoutSessionReply:
        """Get the page of Stripe on which credits are bought.

        credits_count: How many credits to buy.

        Refused for: subscriptionNotFound, failedToCreateCheckoutSession
        """
        ...

    async def get(
        self,
    ) -> cargo_ai.contract.billing.subscription.SubscriptionReply:
        """Show how many credits there are, how many are used, and when they are reset.
        """
        ...

    async def get_credit_card(
        self,
    ) -> cargo_ai.contract.billing.card.CreditCardReply:
        """Show the card that is charged.

        Refused for: failedToGetCreditCard
        """
        ...

    async def get_invoices(
        self,
    ) -> cargo_ai.contract.billing.subscription.InvoicesReply:
        """List the invoices of the past periods, amounts in cents.

        Refused for: failedToGetInvoices
        """
        ...

    async def update_credits_overage_behaviors(
        self,
        *,
        credits_overage_behaviors: Sequence[cargo_ai.contract.billing.subscription.OverageBehavior | Mapping[str, Any]],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.subscription.SubscriptionReply:
        """Set whether work is refused or goes on when the credits are used up.

        credits_overage_behaviors: What happens to each unit: [{"unit":"billing.credits","action":"deny"}]. Units that are left out stay
          as they are.

        Refused for: subscriptionNotFound, subscriptionNotEnterprise
        """
        ...

    async def update_payment_method(
        self,
        *,
        payment_method_id: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.card.PaymentMethodReply:
        """Charge another card from now on; without an id, get the page on which a card is entered.

        payment_method_id: Stripe's id of the card, such as pm_1… Without one, the reply has the page on which a card is entered.

        Refused for: subscriptionNotFound, paymentMethodNotFound, cardDeclined, failedToUpdatePaymentMethod
        """
        ...

    async def update_plan(
        self,
        *,
        credits_count: int | float,
        cadence: Literal['monthly', 'annual', 'one_time', 'quarterly', 'semi_annual', 'custom'],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.subscription.SubscriptionReply:
        """Set how many credits each period has, and how long a period is.

        credits_count: How many credits each period has.
        cadence: How long a period is.

        Refused for: subscriptionNotFound, customerNotFound, paymentMethodNotFound, scheduleSubscriptionChangeFailed,
          subscriptionNotElligible, subscriptionAlreadyInUpdateState, customerNotMigratedToOrb
        """
        ...

    async def update_topup(
        self,
        *,
        enabled: bool,
        credits_count: int | float,
        threshold: int | float,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.billing.subscription.SubscriptionReply:
        """Turn on or off that credits are bought automatically when few are left.

        enabled: Whether credits are bought automatically.
        credits_count: How many credits are bought each time.
        threshold: They are bought when fewer credits than this are left.

        Refused for: subscriptionNotFound, customerNotFound, paymentMethodNotFound, subscriptionNotElligible, customerNotMigratedToOrb
        """
        ...

class UsageMethods:
    async def get_metrics(
        self,
        *,
        since: date | str,
        until: date | str,
        group_by: Literal['integration_slug', 'connector_uuid', 'model_uuid', 'workflow_uuid', 'agent_uuid', 'action_slug', 'user_uuid', 'batch_uuid', 'day'] | None = ...,
        unit: Literal['billing.credits', 'storage.records', 'orchestration.executions'] | None = ...,
        workflow_uuid: str | None = ...,
        model_uuid: str | None = ...,
        connector_uuid: str | None = ...,
        integration_slug: str | None = ...,
        slug: str | None = ...,
        agent_uuid: str | None = ...,
        user_uuid: str | None = ...,
        batch_uuid: str | None = ...,
    ) -> cargo_ai.contract.billing.usage.MetricsReply:
        """Show what was used by day: credits, node executions and new records.

        since: The first day, such as 2026-01-01. Days are those of UTC.
        until: The last day, included, such as 2026-01-31; today counts up to now.
        group_by: Count separately by this.
        unit: Only this unit; `credits` is short for billing.credits. All three by default.
        workflow_uuid: Only usage of this workflow.
        model_uuid: Only usage of this model.
        connector_uuid: Only usage through this connector.
        integration_slug: Only usage of this integration, such as hunter.
        slug: Only what is counted under this slug, such as integration.hunter.action.findEmail or error.
        agent_uuid: Only usage of this agent.
        user_uuid: Only usage of runs that this user started.
        batch_uuid: Only usage of this batch.

        Refused for: tooManyItems
        """
        ...

class BillingDomain:
    @property
    def budget(self) -> BudgetMethods:
        ...

    @property
    def subscription(self) -> SubscriptionMethods:
        ...

    @property
    def usage(self) -> UsageMethods:
        ...
