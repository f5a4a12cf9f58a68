"""Events of Stripe: signed, applied once, in any order."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime

import pytest

from cargo_ai.domains.billing.payments.signature import TOLERANCE_SECONDS, is_valid
from cargo_ai.kernel import clock
from tests.kit.api_client import Body
from tests.simulators.stripe_billing.control import MONTH, SECRET, sign
from tests.unit.domains.billing.payments.conftest import WEBHOOK, Shop


def test_only_a_fresh_signature_of_these_bytes_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_790_000_000
    monkeypatch.setattr(clock, "unix_seconds", lambda: float(now))
    body, header = sign({"id": "evt_1"}, now)
    assert is_valid(body, header, SECRET)
    assert is_valid(body, f"{header},v1={'0' * 64}", SECRET)
    for late in (-TOLERANCE_SECONDS, TOLERANCE_SECONDS):
        assert is_valid(*sign({"id": "evt_1"}, now + late), SECRET)
        assert not is_valid(*sign({"id": "evt_1"}, now + late + (1 if late > 0 else -1)), SECRET)
    assert not is_valid(body + b" ", header, SECRET)
    assert not is_valid(body, header, "")
    assert not is_valid(body, header, "another")
    for wrong in (
        "",
        "t=1",
        "v1=abc",
        f"t=x,{header}",
        header.replace("v1=", "v0="),
        header.replace("t=", "t=-"),
        "t=1,v1=é",
        ",".join("ab"),
    ):
        assert not is_valid(body, wrong, SECRET), wrong


async def test_what_is_not_signed_is_refused_and_has_no_effect(shop: Shop) -> None:
    await shop.api.call("billing.subscription.createStripeCreditsCheckoutSession")
    event = shop.control.pay(shop.control.of("checkout.session")[0]["id"])
    body, header = sign(event, int(clock.unix_seconds()))
    for content, given in ((body, ""), (body, "t=1,v1=0"), (body.replace(b"1000", b"9999"), header)):
        response = await shop.http.post(WEBHOOK, content=content, headers={"Stripe-Signature": given})
        assert (response.status_code, response.json()["reason"]) == (400, "invalidSignature")
    for wrong in ({"id": 1}, {"id": "evt_x", "type": "invoice.paid", "created": "now", "data": {"object": {"id": "x"}}}):
        assert await shop.deliver(wrong) == [400]
    assert (await shop.balance()).left == 0


async def test_bought_credits_are_given_once_and_limit_the_workspace_to_what_it_has(shop: Shop) -> None:
    await shop.api.call("billing.subscription.createStripeCreditsCheckoutSession", creditsCount=5000)
    event = shop.control.pay(shop.control.of("checkout.session")[0]["id"])
    assert (await shop.subscription())["isUnlimited"]
    again = shop.control.tell("checkout.session.async_payment_succeeded", event["data"]["object"])
    assert await asyncio.gather(*(shop.deliver(one) for one in (event, event, again, event))) == [[200]] * 4
    assert (await shop.balance()).purchased == 5000
    subscription = await shop.subscription()
    assert (subscription["additionalAvailableCreditsCount"], subscription["subscriptionAvailableCreditsCount"]) == (5000, 0)
    assert (subscription["isUnlimited"], subscription["hasCredits"]) == (False, True)
    assert subscription["creditsOverageBehaviors"][0] == {"unit": "billing.credits", "action": "deny"}


async def test_a_checkout_that_is_not_paid_or_is_for_another_workspace_gives_nothing(shop: Shop) -> None:
    await shop.api.call("billing.subscription.createStripeCreditsCheckoutSession")
    about = shop.control.of("checkout.session")[0]
    unpaid = shop.control.tell("checkout.session.completed", about)
    other = shop.control.tell(
        "checkout.session.completed", about | {"payment_status": "paid", "metadata": {"workspace": "x", "credits": "9"}}
    )
    negative = {"workspace": str(shop.first.workspace_uuid), "credits": "-9"}
    wrong = shop.control.tell("checkout.session.completed", about | {"payment_status": "paid", "metadata": negative})
    stranger = shop.control.tell("checkout.session.completed", about | {"payment_status": "paid", "customer": "cus_stranger"})
    assert await shop.deliver(unpaid, other, wrong, stranger) == [200] * 4
    assert (await shop.balance()).left == 0


async def test_a_plan_begins_when_its_invoice_is_paid(shop: Shop) -> None:
    plan: Body = {"creditsCount": 1000, "cadence": "monthly"}
    assert await shop.api.refused("billing.subscription.updatePlan", **plan) == (404, "customerNotFound")
    await shop.api.call("billing.subscription.createPortalSession")
    assert await shop.api.refused("billing.subscription.updatePlan", **plan) == (404, "paymentMethodNotFound")
    await shop.with_card()
    pending = (await shop.api.call("billing.subscription.updatePlan", **plan))["subscription"]
    assert (pending["hasPendingChange"], pending["futureChange"]["creditsCount"], pending["subscriptionStatus"]) == (True, 1000, "active")
    assert await shop.api.refused("billing.subscription.updatePlan", **plan) == (409, "subscriptionAlreadyInUpdateState")
    assert await shop.deliver(*shop.control.events) == [200] * len(shop.control.events)
    begun = await shop.subscription()
    assert (begun["hasPendingChange"], begun["subscriptionAvailableCreditsCount"], begun["isUnlimited"]) == (False, 1000, False)
    assert (begun["fixedPrice"], begun["conversionRate"], begun["plan"]) == (2000, 2, "self-serve")
    (invoice,) = (await shop.api.call("billing.subscription.getInvoices"))["invoices"]
    assert (invoice["amount"], invoice["isPaid"], invoice["currency"]) == (2000, True, "usd") and invoice["url"]
    assert await shop.api.refused("billing.subscription.updatePlan", **plan) == (409, "subscriptionNotElligible")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_periods_are_given_whatever_the_order_of_events(shop: Shop, order: tuple[int, ...]) -> None:
    await shop.with_card()
    await shop.api.call("billing.subscription.updatePlan", creditsCount=1000, cadence="monthly")
    created, first = shop.control.events
    uid = shop.control.of("subscription")[0]["id"]
    second = shop.control.bill(uid)
    events = [created, first, second]
    assert await shop.deliver(*(events[place] for place in order), *events) == [200] * 6
    subscription = await shop.subscription()
    ends = datetime.fromtimestamp(shop.control.of("invoice")[0]["lines"]["data"][0]["period"]["end"], UTC)
    assert subscription["resetAt"] == clock.to_iso(ends)
    assert ((await shop.balance()).granted, subscription["subscriptionAvailableCreditsCount"]) == (1000, 1000)


async def test_a_change_of_credits_waits_for_the_next_invoice_and_another_length_begins_at_once(shop: Shop) -> None:
    await shop.with_card()
    await shop.api.call("billing.subscription.updatePlan", creditsCount=1000, cadence="monthly")
    await shop.deliver(*shop.control.events)
    changed = (await shop.api.call("billing.subscription.updatePlan", creditsCount=3000, cadence="monthly"))["subscription"]
    assert (changed["subscriptionAvailableCreditsCount"], changed["futureChange"]["creditsCount"]) == (1000, 3000)
    assert changed["futureChange"]["startAt"] == changed["resetAt"]
    uid = shop.control.of("subscription")[0]["id"]
    await shop.deliver(shop.control.bill(uid))
    changed = await shop.subscription()
    assert (changed["subscriptionAvailableCreditsCount"], changed["futureChange"]) == (3000, None)
    in_a_month = shop.control.now() + MONTH
    shop.control.now = lambda: in_a_month
    await shop.api.call("billing.subscription.updatePlan", creditsCount=9000, cadence="annual")
    await shop.deliver(shop.control.events[-1])
    changed = await shop.subscription()
    assert (changed["subscriptionAvailableCreditsCount"], changed["cadence"], changed["futureChange"]) == (9000, "annual", None)
    assert (await shop.balance()).granted == 9000


async def test_the_newest_status_counts_and_what_has_ended_stays_so(shop: Shop) -> None:
    await shop.with_card()
    await shop.api.call("billing.subscription.updatePlan", creditsCount=1000, cadence="monthly")
    await shop.deliver(*shop.control.events)
    about = shop.control.of("subscription")[0]
    now = shop.control.now()
    late = shop.control.tell("customer.subscription.updated", about | {"status": "past_due"}, now + 10)
    ended = shop.control.tell("customer.subscription.deleted", about | {"status": "canceled"}, now + 20)
    old = shop.control.tell("customer.subscription.updated", about | {"status": "active"}, now + 20)
    await shop.deliver(ended, late, old)
    assert (await shop.subscription())["subscriptionStatus"] == "canceled"
    await shop.with_card()
    again = (await shop.api.call("billing.subscription.updatePlan", creditsCount=10, cadence="quarterly"))["subscription"]
    assert again["futureChange"]["cadence"] == "quarterly" and again["subscriptionStripeId"] != about["id"]


async def test_a_declined_card_begins_no_plan(shop: Shop) -> None:
    await shop.with_card()
    shop.control.declines = True
    status, body = await shop.api.refusal("billing.subscription.updatePlan", creditsCount=1000, cadence="monthly")
    assert (status, body["reason"]) == (502, "scheduleSubscriptionChangeFailed") and "declined" in body["errorMessage"]
    subscription = await shop.subscription()
    assert (subscription["subscriptionStripeId"], subscription["hasPendingChange"]) == (None, False)
    for wrong in ({"creditsCount": 10, "cadence": "one_time"}, {"creditsCount": 0, "cadence": "monthly"}):
        assert await shop.api.refused("billing.subscription.updatePlan", **wrong) == (409, "subscriptionNotElligible")
