"""A stateful imitation of the part of Stripe that sells credits: customers, cards, checkouts, subscriptions, payments, invoices, events.

Made from Stripe's documentation; `tests/simulators/test_stripe_billing_simulator.py` holds it against the types of the official library,
which are generated from Stripe's OpenAPI document.
"""
