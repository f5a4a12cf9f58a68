"""Budgets and the subscription that shows them: what is left, renewal by the calendar, overage, and changes in the middle of a period."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.periods import NEVER, Period, period_at
from cargo_ai.domains.billing.renewal import Renewals
from cargo_ai.domains.workspace import public
from cargo_ai.kernel import clock
from cargo_ai.ledger import balances, transfers
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import hooks
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.billing.conftest import Spender


async def left(spender: Spender) -> Decimal:
    """What the ledger says can be spent."""
    async with spender.state.database.session(spender.workspace) as db:
        return (await balances.balance_of(await driver_connection(db), spender.workspace)).left


async def pay(spender: Spender, credits: float) -> None:
    """Use credits of the period, as the engine does: from `overage`, which the credits that are left pay."""
    await spender.use(credits)
    async with spender.state.database.session(spender.workspace) as db:
        connection = await driver_connection(db)
        row = await allowance.find(db, spender.workspace)
        assert row is not None
        expiry = None if row.reset_at == NEVER else row.reset_at
        source = await transfers.account(connection, spender.workspace, "granted", expiry)
        overage = await transfers.account(connection, spender.workspace, "overage")
        key = f"pay:{clock.now().isoformat()}"
        await transfers.post(connection, transfers.Transfer(spender.workspace, key, source, overage, Decimal(str(credits)), "pay"))
        await db.commit()


def test_periods_follow_the_calendar() -> None:
    when = datetime(2026, 5, 31, 23, 59, tzinfo=UTC)
    starts = {cadence: period_at(cadence, when) for cadence in ("monthly", "quarterly", "semi_annual", "annual")}
    assert starts == {
        "monthly": Period(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)),
        "quarterly": Period(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)),
        "semi_annual": Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)),
        "annual": Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    }
    assert period_at("monthly", datetime(2026, 12, 1, tzinfo=UTC)).end == datetime(2027, 1, 1, tzinfo=UTC)
    assert period_at("one_time", when) == Period(when, NEVER)


async def test_a_new_workspace_is_unlimited_and_says_so(api: ApiClient, spender: Spender) -> None:
    await spender.use(5)
    subscription = (await api.call("billing.subscription.get"))["subscription"]
    assert set(subscription) >= {
        *("uuid", "workspaceUuid", "provider", "customerOrbId", "customerStripeId", "subscriptionStatus", "subscriptionStripeId"),
        *("subscriptionAvailableCreditsCount", "subscriptionCreditsUsedCount", "additionalAvailableCreditsCount"),
        *("creditsOverageBehaviors", "creditsConsumptionBehaviors", "createdAt", "updatedAt", "plan", "cadence", "fixedPrice"),
        *("conversionRate", "startAt", "resetAt", "endAt", "hasPendingChange", "hasCredits", "futureChange", "topup"),
    }
    assert (subscription["isUnlimited"], subscription["hasCredits"], subscription["subscriptionCreditsUsedCount"]) == (True, True, 5)
    assert (subscription["subscriptionAvailableCreditsCount"], subscription["plan"]) == (1_000_000_000, "enterprise")
    assert await api.call("billing.budget.get") == {"budget": None}


async def test_a_budget_counts_what_the_period_has_used_and_changes_keep_it(api: ApiClient, spender: Spender) -> None:
    await spender.use(300)
    budget = (await api.call("billing.budget.set", creditsCount=1000))["budget"]
    assert (budget["creditsUsedCount"], budget["creditsLeftCount"], budget["overage"]) == (300, 700, "deny")
    await pay(spender, 50.5)
    for credits, left_over in ((2000, 1649.5), (400, 49.5), (100, -250.5), (350.5, 0), (400, 49.5), (100, -250.5)):
        budget = (await api.call("billing.budget.set", creditsCount=credits))["budget"]
        assert await left(spender) == max(Decimal(0), Decimal(str(left_over)))
        assert (budget["creditsUsedCount"], budget["creditsLeftCount"]) == (350.5, left_over)
    subscription = (await api.call("billing.subscription.get"))["subscription"]
    assert (subscription["subscriptionAvailableCreditsCount"], subscription["hasCredits"], subscription["isUnlimited"]) == (
        100,
        False,
        False,
    )
    assert await api.call("billing.budget.remove") == {"budget": None}
    assert await left(spender) == 0


async def test_a_longer_period_counts_what_it_has_used_and_one_time_is_never_renewed(api: ApiClient, spender: Spender) -> None:
    await api.call("billing.budget.set", creditsCount=100)
    await pay(spender, 40)
    budget = (await api.call("billing.budget.set", creditsCount=100, cadence="annual"))["budget"]
    assert (budget["creditsLeftCount"], budget["startAt"][5:10]) == (60, "01-01")
    budget = (await api.call("billing.budget.set", creditsCount=100, cadence="one_time"))["budget"]
    assert (budget["creditsLeftCount"], budget["resetAt"]) == (100, None)
    assert await left(spender) == 100


async def test_credits_are_renewed_once_and_what_was_left_is_gone(
    api: ApiClient, spender: Spender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.call("billing.budget.set", creditsCount=100, overage="allow")
    await pay(spender, 30)
    await spender.use(20)  # without credits
    assert (await api.call("billing.budget.get"))["budget"]["creditsUsedCount"] == 50
    later = period_at("monthly", clock.now()).end
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await left(spender) == 0
    renewals = Renewals(spender.state.database)
    assert (await renewals.renew_due(), await renewals.renew_due()) == (1, 0)
    budget = (await api.call("billing.budget.get"))["budget"]
    assert (budget["creditsUsedCount"], budget["creditsLeftCount"]) == (0, 100)
    assert await left(spender) == 100


async def test_what_cannot_be_renewed_keeps_no_other_workspace_waiting(
    api: ApiClient, other_api: ApiClient, spender: Spender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.call("billing.budget.set", creditsCount=100)
    await other_api.call("billing.budget.set", creditsCount=100)
    later = period_at("monthly", clock.now()).end
    async with spender.state.database.session(spender.workspace) as db:
        key = f"renewal:{spender.workspace}:{later:%Y-%m-%d}"
        await transfers.grant(await driver_connection(db), spender.workspace, "purchased", Decimal(1), key)
        await db.commit()
    monkeypatch.setattr(clock, "now", lambda: later)
    renewals = Renewals(spender.state.database)
    assert (await renewals.renew_due(), await renewals.renew_due()) == (1, 0)
    assert (await other_api.call("billing.budget.get"))["budget"]["startAt"] == clock.to_iso(later)


async def test_overage_is_changed_only_where_there_is_a_budget(api: ApiClient) -> None:
    allow: Body = {"creditsOverageBehaviors": [{"unit": "billing.credits", "action": "allow"}]}
    assert await api.refused("billing.subscription.updateCreditsOverageBehaviors", **allow) == (404, "subscriptionNotFound")
    await api.call("billing.budget.set", creditsCount=0)
    assert not (await api.call("billing.subscription.get"))["subscription"]["hasCredits"]
    changed = (await api.call("billing.subscription.updateCreditsOverageBehaviors", **allow))["subscription"]
    assert (changed["hasCredits"], changed["creditsOverageBehaviors"][0]["action"]) == (True, "allow")
    deny_records = {"creditsOverageBehaviors": [{"unit": "storage.records", "action": "deny"}]}
    status, body = await api.refusal("billing.subscription.updateCreditsOverageBehaviors", **deny_records)
    assert (status, body["errors"][0]["path"]) == (400, "creditsOverageBehaviors.0")
    assert (await api.call("billing.budget.get"))["budget"]["overage"] == "allow"


async def test_the_plan_is_the_budget_where_nothing_is_sold(api: ApiClient) -> None:
    changed = (await api.call("billing.subscription.updatePlan", creditsCount=500, cadence="quarterly"))["subscription"]
    assert (changed["subscriptionAvailableCreditsCount"], changed["cadence"]) == (500, "quarterly")
    assert (await api.call("billing.budget.get"))["budget"]["creditsCount"] == 500
    assert await api.refused("billing.subscription.updatePlan", creditsCount=1, cadence="custom") == (409, "subscriptionNotElligible")
    topup: Body = {"creditsCount": 10, "threshold": 5}
    status, body = await api.refusal("billing.subscription.updateTopup", enabled=True, **topup)
    assert (status, body["reason"]) == (409, "subscriptionNotElligible")
    assert "STRIPE_API_KEY" in body["errorMessage"]
    assert (await api.call("billing.subscription.updateTopup", enabled=False, **topup))["subscription"]["topup"] is None


@pytest.mark.parametrize("wrong", [{"creditsCount": -1}, {"creditsCount": "many"}, {"creditsCount": 1e12}, {}])
async def test_a_wrong_budget_changes_nothing(api: ApiClient, wrong: Body) -> None:
    await api.call("billing.budget.set", creditsCount=10)
    assert await api.refused("billing.budget.set", **wrong) == (400, "invalidInput")
    assert (await api.call("billing.budget.get"))["budget"]["creditsCount"] == 10


async def test_past_months_are_invoices_in_whole_cents(api: ApiClient, spender: Spender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(spender.state.settings.environment, "CARGO_AI_CREDIT_PRICE_CENTS", "0.5")  # type: ignore[arg-type]
    now = datetime(2026, 3, 15, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    for month, credits in ((1, 100.5), (1, 0.1), (2, 7), (3, 1000)):
        await spender.use(credits, at=datetime(2026, month, 10, tzinfo=UTC))
    invoices = (await api.call("billing.subscription.getInvoices"))["invoices"]
    assert [(invoice["id"], invoice["amount"], invoice["currency"]) for invoice in invoices] == [
        ("ledger-2026-02", 4, "usd"),
        ("ledger-2026-01", 51, "usd"),
    ]
    assert invoices[0]["dueDate"] == "2026-03-01T00:00:00.000Z"


async def test_a_new_workspace_may_be_limited_to_what_it_is_given(
    state: State, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO_AI_NEW_WORKSPACE_CREDITS", "5")
    async with state.database.session(ALL_WORKSPACES) as db:
        created = await public.add_workspace(db, hooks(), name="New", email="new@example.com")
        await db.commit()
    async with state.database.session(created.workspace_uuid) as db:
        has = await allowance.read(db, created.workspace_uuid, None)
    assert (has.credits, has.additional, has.has_credits) == (0, 5, True)
