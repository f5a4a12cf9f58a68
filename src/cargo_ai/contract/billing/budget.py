"""Budgets: how many credits a workspace may use in each period, set by its admins where no one pays for credits."""

from __future__ import annotations

from typing import Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.billing.subscription import Behavior, Credits, SubscriptionCadence
from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Timestamp, Wire


class Budget(Wire):
    """What may be used in each period. `creditsLeftCount`: of the period's credits; `additionalCreditsLeftCount`: of those that were
    given on top, which stay when the period ends; `creditsReservedCount`: what work under way holds of both. `overage`: what happens when
    nothing is left: `deny` refuses new work and batches enrol no further, `allow` only counts. `resetAt`: null where it is not renewed."""

    credits_count: Number
    cadence: SubscriptionCadence
    overage: Behavior
    credits_used_count: Number
    credits_left_count: Number
    additional_credits_left_count: Number
    credits_reserved_count: Number
    start_at: Timestamp
    reset_at: Timestamp | None


class BudgetReply(Wire):
    """The budget; null where the workspace is unlimited."""

    budget: Budget | None


class SetBudget(Wire):
    """The budget from now on. What was used in the present period counts."""

    credits_count: Credits = Field(description="How many credits each period has.")
    cadence: Literal["monthly", "quarterly", "semi_annual", "annual", "one_time"] = Field(
        default="monthly", description="When the credits are renewed, by the calendar in UTC; one_time: never."
    )
    overage: Behavior = Field(default="deny", description="What happens when they are used up: deny refuses work, allow only counts.")


BudgetReason = Literal["creditsAreSold"]
CREDITS_ARE_SOLD = refusal(
    409,
    "Credits are sold on this server (STRIPE_API_KEY is set), so the budget cannot be set by hand: "
    "`cargo-ai billing subscription update-plan` changes how many there are.",
)

get: Operation[Nothing, BudgetReply, Never] = operations.add(
    Operation(
        "billing.budget.get",
        "GET",
        "/billing/budgets",
        request=Nothing,
        response=BudgetReply,
        summary="Show the budget and how much of it is left.",
        permission="billing:read",
        cli=Cli(examples=("cargo-ai billing budget get",)),
    )
)

change: Operation[SetBudget, BudgetReply, BudgetReason] = operations.add(
    Operation(
        "billing.budget.set",
        "PUT",
        "/billing/budgets",
        request=SetBudget,
        response=BudgetReply,
        summary="Limit the workspace to a number of credits in each period.",
        permission="billing:write",
        refusals={"creditsAreSold": CREDITS_ARE_SOLD},
        agent_safe=False,
        cli=Cli(
            flags={"creditsCount": ("--credits", "--credits-count")},
            examples=(
                "cargo-ai billing budget set --credits 1000",
                "cargo-ai billing budget set --credits 5000 --cadence quarterly --overage allow",
            ),
        ),
    )
)

remove: Operation[Nothing, BudgetReply, BudgetReason] = operations.add(
    Operation(
        "billing.budget.remove",
        "DELETE",
        "/billing/budgets",
        request=Nothing,
        response=BudgetReply,
        summary="Remove the budget: the workspace is unlimited.",
        permission="billing:write",
        refusals={"creditsAreSold": CREDITS_ARE_SOLD},
        agent_safe=False,
        cli=Cli(examples=("cargo-ai billing budget remove",)),
    )
)
