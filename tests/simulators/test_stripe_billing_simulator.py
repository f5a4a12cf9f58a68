"""The simulator of Stripe, held against the types of the official library, which are generated from Stripe's OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

stripe = pytest.importorskip("stripe")

from stripe import billing_portal, checkout, params  # noqa: E402

from tests.simulators.running import Running  # noqa: E402
from tests.simulators.stripe_billing.control import CARDS, DECLINED, KEY, SECRET, Control, sign  # noqa: E402
from tests.simulators.stripe_billing.server import ENDPOINTS, application  # noqa: E402

CLASSES: dict[str, Any] = {
    "customer": stripe.Customer,
    "payment_method": stripe.PaymentMethod,
    "setup_intent": stripe.SetupIntent,
    "payment_intent": stripe.PaymentIntent,
    "price": stripe.Price,
    "subscription": stripe.Subscription,
    "invoice": stripe.Invoice,
    "checkout.session": checkout.Session,
    "billing_portal.session": billing_portal.Session,
    "event": stripe.Event,
}


@pytest.fixture
def control() -> Control:
    return Control(lambda: 1_790_000_000)


@pytest.fixture
def client(control: Control) -> Iterator[Any]:
    with Running(application(control)) as running:
        yield stripe.StripeClient(KEY, base_addresses={"api": running.url}, max_network_retries=0)


def faults(thing: dict[str, Any], kind: Any) -> list[str]:
    """Fields that the library does not know, and fields that it says are always there."""
    known = {name: str(annotation) for name, annotation in kind.__annotations__.items() if "ClassVar" not in str(annotation)}
    always = {name for name, annotation in known.items() if "Optional" not in annotation and name not in {"lines", "items"}}
    return sorted({f"unknown {name}" for name in set(thing) - set(known)} | {f"missing {name}" for name in always - set(thing)})


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_parameters_are_those_of_the_library(endpoint: Any) -> None:
    module: Any = params
    *path, name = endpoint.checked.split(".")
    for part in path:
        module = getattr(module, part)
    declared = getattr(module, name).__annotations__
    assert endpoint.takes <= set(declared)


def test_every_object_has_the_fields_of_the_library(control: Control, client: Any) -> None:
    v1 = client.v1
    customer = v1.customers.create({"email": "a@b.example"})
    v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    v1.setup_intents.create({"customer": customer.id})
    paid = {"amount": 500, "currency": "usd", "customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
    v1.payment_intents.create(paid)
    price = v1.prices.create({"currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"}, "product_data": {"name": "x"}})
    begun = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": "pm_card_visa"})
    assert v1.invoices.list({"customer": customer.id}).data[0].amount_due == 100
    v1.checkout.sessions.create({"mode": "setup", "customer": customer.id, "success_url": "https://x.example"})
    v1.billing_portal.sessions.create({"customer": customer.id})
    seen = {thing["object"] for thing in control.things.values()}
    assert seen == set(CLASSES) - {"event"}
    problems = {thing["id"]: found for thing in control.things.values() if (found := faults(thing, CLASSES[thing["object"]]))}
    problems |= {event["id"]: found for event in control.events if (found := faults(event, stripe.Event))}
    assert problems == {}
    assert begun["items"]["data"][0]["price"]["id"] == price.id
    assert [event["type"] for event in control.events] == ["payment_intent.succeeded", "customer.subscription.created", "invoice.paid"]


def test_it_refuses_what_stripe_refuses(client: Any) -> None:
    v1 = client.v1
    customer = v1.customers.create()
    with pytest.raises(stripe.CardError) as declined:
        v1.payment_methods.attach(DECLINED, {"customer": customer.id})
    assert declined.value.error.decline_code == "insufficient_funds"
    with pytest.raises(stripe.InvalidRequestError, match="No such payment method"):
        v1.payment_methods.attach("pm_unknown", {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: colour"):
        v1.customers.create({"colour": "red"})
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param"):
        v1.payment_intents.create({"amount": 100})
    v1.customers.create({"email": "a@b.example"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        v1.customers.create({"email": "c@d.example"}, {"idempotency_key": "k"})
    wrong = stripe.StripeClient("sk_test_other", base_addresses={"api": client._requestor._options.base_addresses["api"]})
    with pytest.raises(stripe.AuthenticationError):
        wrong.v1.customers.create()
    assert CARDS


def test_its_signatures_are_those_that_the_library_accepts(control: Control) -> None:
    body, header = sign(control.tell("customer.created", {"id": "cus_1", "object": "customer"}), 1_790_000_000)
    assert stripe.WebhookSignature.verify_header(body, header, SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body + b" ", header, SECRET)
