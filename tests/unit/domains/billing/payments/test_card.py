"""Cards and the pages of Stripe: what works, and what is said where it does not."""

from __future__ import annotations

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient
from tests.simulators.stripe_billing.control import DECLINED
from tests.unit.domains.billing.payments.conftest import Shop

CARD = {"brand": "visa", "expMonth": 12, "expYear": 2034, "last4": "4242"}


async def test_a_card_is_given_by_its_id_and_shown_without_its_number(shop: Shop) -> None:
    assert await shop.api.call("billing.subscription.getCreditCard") == {"creditCard": None}
    changed = await shop.api.call("billing.subscription.updatePaymentMethod", paymentMethodId="pm_card_visa")
    assert changed == {"ok": True, "status": "updated", "creditCard": CARD, "url": None}
    assert await shop.api.call("billing.subscription.getCreditCard") == {"creditCard": CARD}
    (customer,) = shop.control.of("customer")
    assert customer["metadata"] == {"workspace": str(shop.first.workspace_uuid)}
    assert customer["invoice_settings"] == {"default_payment_method": "pm_card_visa"}
    assert (await shop.subscription())["customerStripeId"] == customer["id"]


async def test_a_card_is_given_on_a_page_or_with_an_intent_and_known_by_its_event(shop: Shop) -> None:
    page = await shop.api.call("billing.subscription.updatePaymentMethod")
    assert (page["ok"], page["status"]) == (False, "requiresAction") and page["url"].startswith("https://checkout.stripe.com/")
    secret = (await shop.api.call("billing.subscription.createSetupIntent"))["setupIntent"]["clientSecret"]
    newer, older = shop.control.of("setup_intent")
    assert secret == newer["client_secret"]
    first = shop.control.give_card(older["id"], "pm_card_other")
    second = shop.control.give_card(newer["id"], "pm_card_visa") | {"created": first["created"] + 5}
    assert await shop.deliver(second, first, second) == [200, 200, 200]
    assert (await shop.api.call("billing.subscription.getCreditCard"))["creditCard"]["last4"] == "4242"


async def test_pages_of_stripe_are_opened_for_the_customer(shop: Shop) -> None:
    portal = (await shop.api.call("billing.subscription.createPortalSession"))["portalSession"]
    assert portal["url"].startswith("https://billing.stripe.com/")
    checkout = (await shop.api.call("billing.subscription.createStripeCreditsCheckoutSession", creditsCount=5000))["checkoutSession"]
    assert checkout["url"].startswith("https://checkout.stripe.com/")
    assert shop.control.of("checkout.session")[0]["amount_total"] == 10_000
    assert len(shop.control.of("customer")) == 1


async def test_what_stripe_refuses_is_refused_with_its_reason(shop: Shop) -> None:
    status, body = await shop.api.refusal("billing.subscription.updatePaymentMethod", paymentMethodId=DECLINED)
    assert (status, body["reason"], body["declineCode"]) == (402, "cardDeclined", "insufficient_funds")
    unknown = await shop.api.refused("billing.subscription.updatePaymentMethod", paymentMethodId="pm_unknown")
    assert unknown == (404, "paymentMethodNotFound")
    status, body = await shop.api.refusal("billing.subscription.createStripeCreditsCheckoutSession", creditsCount=1)
    assert (status, body["reason"]) == (502, "failedToCreateCheckoutSession") and "$0.50" in body["errorMessage"]
    shop.control.is_down = True
    for name, reason in (
        ("createPortalSession", "failedToCreatePortalSession"),
        ("createSetupIntent", "failedToCreateSetupIntent"),
        ("createStripeCreditsCheckoutSession", "failedToCreateCheckoutSession"),
        ("updatePaymentMethod", "failedToUpdatePaymentMethod"),
        ("getInvoices", "failedToGetInvoices"),
    ):
        assert await shop.api.refused(f"billing.subscription.{name}") == (502, reason)


async def test_without_a_price_nothing_is_sold_and_the_setting_is_named(shop: Shop, state: State) -> None:
    environment = {**state.settings.environment, "CARGO_AI_CREDIT_PRICE_CENTS": "0"}
    state.services.settings = Settings(environment)
    assert "CARGO_AI_CREDIT_PRICE_CENTS" in await shop.api.refusal_message("billing.subscription.createStripeCreditsCheckoutSession")


async def test_budgets_and_overage_are_not_set_by_hand_where_credits_are_sold(shop: Shop) -> None:
    assert await shop.api.refused("billing.budget.set", creditsCount=10) == (409, "creditsAreSold")
    assert await shop.api.refused("billing.budget.remove") == (409, "creditsAreSold")
    allow = [{"unit": "billing.credits", "action": "allow"}]
    refused = await shop.api.refused("billing.subscription.updateCreditsOverageBehaviors", creditsOverageBehaviors=allow)
    assert refused == (409, "subscriptionNotEnterprise")


async def test_without_a_key_card_operations_say_which_setting_is_missing(state: State, shop: Shop, api: ApiClient) -> None:
    state.services.settings = Settings({name: value for name, value in state.settings.environment.items() if not name.startswith("STRIPE")})
    for name in ("createPortalSession", "createSetupIntent", "createStripeCreditsCheckoutSession", "updatePaymentMethod"):
        status, body = await api.refusal(f"billing.subscription.{name}")
        assert (status, body["reason"]) == (404, "subscriptionNotFound") and "STRIPE_API_KEY" in body["errorMessage"]
    assert "STRIPE_API_KEY" in (await api.warnings("billing.subscription.getCreditCard"))[0]
    assert shop.control.calls == []
