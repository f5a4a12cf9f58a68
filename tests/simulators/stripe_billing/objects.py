"""Objects of Stripe with every field that is always there."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def customer(uid: str, now: int, **fields: Any) -> Json:
    return {
        "id": uid,
        "object": "customer",
        "created": now,
        "livemode": False,
        "email": None,
        "description": None,
        "metadata": {},
        "default_source": None,
        "tax_exempt": "none",
        "test_clock": None,
        "invoice_settings": {"default_payment_method": None},
        **fields,
    }


def payment_method(uid: str, now: int, last4: str) -> Json:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    card = {"brand": "visa", "exp_month": 12, "exp_year": 2034, "funding": "credit", "last4": last4, "regulated_status": None}
    return {
        "id": uid,
        "object": "payment_method",
        "created": now,
        "livemode": False,
        "type": "card",
        "customer": None,
        "metadata": {},
        "allow_redisplay": "unspecified",
        "card": card,
        "billing_details": {"address": address, "email": None, "name": None, "phone": None, "tax_id": None},
    }


def setup_intent(uid: str, now: int, customer: str | None, usage: str) -> Json:
    empty = dict.fromkeys(
        ("application", "cancellation_reason", "latest_attempt", "mandate", "on_behalf_of", "payment_method", "single_use_mandate")
    )
    return {
        "id": uid,
        "object": "setup_intent",
        "created": now,
        "livemode": False,
        "customer": customer,
        "metadata": {},
        **empty,
        "client_secret": f"{uid}_secret_1",
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": usage,
    }


def payment_intent(uid: str, now: int, status: str, **fields: Any) -> Json:
    empty = dict.fromkeys(
        ("application", "cancellation_reason", "latest_charge", "on_behalf_of", "payment_record", "review", "setup_future_usage", "source")
    )
    received = fields["amount"] if status == "succeeded" else 0
    return {
        "id": uid,
        "object": "payment_intent",
        "created": now,
        "livemode": False,
        "status": status,
        "metadata": {},
        **empty,
        "amount_capturable": 0,
        "amount_received": received,
        "capture_method": "automatic",
        "confirmation_method": "automatic",
        "payment_method_types": ["card"],
        "client_secret": f"{uid}_secret_1",
        "last_payment_error": None,
        **fields,
    }


def price(uid: str, now: int, **fields: Any) -> Json:
    return {
        "id": uid,
        "object": "price",
        "created": now,
        "livemode": False,
        "active": True,
        "billing_scheme": "per_unit",
        "metadata": {},
        "product": f"prod_{uid}",
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "type": "recurring",
        **fields,
    }


def subscription(uid: str, now: int, item: Json, **fields: Any) -> Json:
    empty = dict.fromkeys(
        (
            *("application", "billing_schedules", "default_source", "latest_invoice", "on_behalf_of"),
            *("pending_setup_intent", "schedule", "test_clock"),
        )
    )
    return {
        "id": uid,
        "object": "subscription",
        "created": now,
        "livemode": False,
        "metadata": {},
        "discounts": [],
        **empty,
        "automatic_tax": {"enabled": False, "disabled_reason": None, "liability": None},
        "billing_mode": {"type": "flexible"},
        "billing_cycle_anchor": now,
        "cancel_at_period_end": False,
        "collection_method": "charge_automatically",
        "start_date": now,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "currency": "usd",
        "status": "active",
        "items": {"object": "list", "data": [item], "has_more": False, "url": f"/v1/subscription_items?subscription={uid}"},
        **fields,
    }


def subscription_item(uid: str, now: int, end: int, price: Json, subscription: str) -> Json:
    return {
        "id": uid,
        "object": "subscription_item",
        "created": now,
        "metadata": {},
        "discounts": [],
        "quantity": 1,
        "price": price,
        "plan": {},
        "subscription": subscription,
        "current_period_start": now,
        "current_period_end": end,
    }


def invoice(uid: str, now: int, amount: int, period: tuple[int, int], **fields: Any) -> Json:
    zero = dict.fromkeys(
        (
            *("amount_overpaid", "amount_remaining", "amount_shipping", "attempt_count", "starting_balance"),
            *("post_payment_credit_notes_amount", "pre_payment_credit_notes_amount"),
        ),
        0,
    )
    empty = dict.fromkeys(("application", "default_payment_method", "default_source", "latest_revision", "on_behalf_of", "test_clock"))
    line: Json = {
        "id": f"il_{uid}",
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "discountable": True,
        "discounts": [],
        "livemode": False,
        "metadata": {},
        "period": {"start": period[0], "end": period[1]},
        "subscription": None,
        "subtotal": amount,
    }
    return {
        "id": uid,
        "object": "invoice",
        "created": now,
        "livemode": False,
        "currency": "usd",
        "status": "paid",
        **zero,
        **empty,
        "amount_due": amount,
        "amount_paid": amount,
        "subtotal": amount,
        "total": amount,
        "attempted": True,
        "due_date": None,
        "automatic_tax": {"enabled": False, "disabled_reason": None, "liability": None, "provider": None, "status": None},
        "billing_reason": "subscription_create",
        "collection_method": "charge_automatically",
        "customer_tax_exempt": "none",
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{uid}",
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_start": now,
        "period_end": now,
        "status_transitions": {"finalized_at": now, "paid_at": now},
        "lines": {"object": "list", "data": [line], "has_more": False, "url": f"/v1/invoices/{uid}/lines"},
        **fields,
    }


def checkout_session(uid: str, now: int, mode: str, **fields: Any) -> Json:
    empty = dict.fromkeys(
        (
            *("billing_address_collection", "customer_creation", "invoice", "locale", "origin_context", "payment_intent"),
            *("payment_link", "setup_intent", "submit_type", "subscription"),
        )
    )
    return {
        "id": uid,
        "object": "checkout.session",
        "created": now,
        "livemode": False,
        "mode": mode,
        "metadata": {},
        **empty,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "expires_at": now + 86_400,
        "payment_method_collection": "if_required",
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "redirect_on_completion": "always",
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted",
        "url": f"https://checkout.stripe.com/c/pay/{uid}",
        **fields,
    }


def portal_session(uid: str, now: int, customer: str, return_url: str | None) -> Json:
    return {
        "id": uid,
        "object": "billing_portal.session",
        "created": now,
        "livemode": False,
        "locale": None,
        "customer": customer,
        "configuration": "bpc_1",
        "return_url": return_url,
        "url": f"https://billing.stripe.com/p/session/{uid}",
    }


def event(uid: str, now: int, kind: str, about: Json) -> Json:
    return {
        "id": uid,
        "object": "event",
        "created": now,
        "livemode": False,
        "type": kind,
        "pending_webhooks": 1,
        "api_version": "2026-10-28.endive",
        "data": {"object": about},
        "request": {"id": None, "idempotency_key": None},
    }
