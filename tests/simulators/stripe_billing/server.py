"""The HTTP of the simulator: forms in, JSON out; unknown parameters, missing things and other keys are refused as Stripe does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cargo_ai.kernel import query
from tests.simulators.stripe_billing import objects
from tests.simulators.stripe_billing.control import DECLINED, KEY, Control

Json = dict[str, Any]
Params = Mapping[str, Any]


class Refused(Exception):
    """An error of the API."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"error": {"type": kind, "message": message, **more}}


@dataclass(frozen=True)
class Endpoint:
    """What it takes, which of that it needs, and what it does: (control, id in the path, parameters) → object. `checked`: the class of the
    official library that declares its parameters."""

    method: str
    path: str
    takes: frozenset[str]
    needs: frozenset[str]
    act: Callable[[Control, str, Params], Json]
    checked: str


def _missing(what: str, uid: str) -> Refused:
    return Refused(404, "invalid_request_error", f"No such {what}: '{uid}'", code="resource_missing", param=what)


def _thing(control: Control, kind: str, uid: object) -> Json:
    thing = control.things.get(str(uid))
    if thing is None or thing["object"] != kind:
        raise _missing(kind.replace("_", " "), str(uid))
    return thing


def _create_customer(control: Control, _uid: str, params: Params) -> Json:
    return control.add(objects.customer(control.uid("cus"), control.now(), **params))


def _update_customer(control: Control, uid: str, params: Params) -> Json:
    customer = _thing(control, "customer", uid)
    method = params.get("invoice_settings", {}).get("default_payment_method")
    if method is not None and _thing(control, "payment_method", method)["customer"] != uid:
        raise Refused(400, "invalid_request_error", "The customer does not have this payment method.")
    customer |= params
    return customer


def _attach(control: Control, uid: str, params: Params) -> Json:
    method, customer = _thing(control, "payment_method", uid), _thing(control, "customer", params["customer"])
    if method["customer"] not in (None, customer["id"]):
        raise Refused(400, "invalid_request_error", "The payment method you provided has already been attached to a customer.")
    _charge(control, uid)
    method["customer"] = customer["id"]
    return method


def _charge(control: Control, method: str) -> None:
    if method == DECLINED or control.declines:
        raise Refused(402, "card_error", "Your card was declined.", code="card_declined", decline_code="insufficient_funds")


def _create_setup_intent(control: Control, _uid: str, params: Params) -> Json:
    customer = _thing(control, "customer", params["customer"])["id"]
    return control.add(objects.setup_intent(control.uid("seti"), control.now(), customer, params.get("usage", "off_session")))


def _create_payment_intent(control: Control, _uid: str, params: Params) -> Json:
    amount, method = int(params["amount"]), _thing(control, "payment_method", params.get("payment_method"))
    if amount < 50:
        raise Refused(400, "invalid_request_error", "Amount must be at least $0.50 usd", code="amount_too_small", param="amount")
    if method["customer"] != params.get("customer"):
        raise Refused(400, "invalid_request_error", "The provided PaymentMethod was previously used without being attached to a Customer.")
    kept = {name: params.get(name) for name in ("currency", "customer", "payment_method")}
    uid, metadata = control.uid("pi"), params.get("metadata", {})
    try:
        _charge(control, method["id"])
    except Refused as refused:
        error = refused.body["error"]
        failed = objects.payment_intent(uid, control.now(), "requires_payment_method", amount=amount, metadata=metadata, **kept)
        control.tell("payment_intent.payment_failed", control.add(failed | {"last_payment_error": error}))
        raise
    intent = control.add(objects.payment_intent(uid, control.now(), "succeeded", amount=amount, metadata=metadata, **kept))
    control.tell("payment_intent.succeeded", intent)
    return intent


def _create_price(control: Control, _uid: str, params: Params) -> Json:
    recurring = {"interval": params["recurring"]["interval"], "interval_count": int(params["recurring"].get("interval_count", 1))}
    recurring |= {"meter": None, "trial_period_days": None, "usage_type": "licensed"}
    amount = int(params["unit_amount"])
    return control.add(
        objects.price(control.uid("price"), control.now(), currency=params["currency"], unit_amount=amount, recurring=recurring)
    )


def _create_subscription(control: Control, _uid: str, params: Params) -> Json:
    customer, price = _thing(control, "customer", params["customer"]), _thing(control, "price", params["items"][0]["price"])
    _charge(control, str(params.get("default_payment_method")))
    uid = control.uid("sub")
    item = objects.subscription_item(control.uid("si"), control.now(), control.now(), price, uid)
    kept = {"metadata": dict(params.get("metadata", {})), "default_payment_method": params.get("default_payment_method")}
    begun = control.add(objects.subscription(uid, control.now(), item, customer=customer["id"], **kept))
    control.tell("customer.subscription.created", begun)
    control.bill(uid, "subscription_create")
    return begun


def _update_subscription(control: Control, uid: str, params: Params) -> Json:
    changed = _thing(control, "subscription", uid)
    (item,) = changed["items"]["data"]
    if params["items"][0]["id"] != item["id"]:
        raise _missing("subscription item", params["items"][0]["id"])
    before, price = item["price"]["recurring"], _thing(control, "price", params["items"][0]["price"])
    item["price"], changed["metadata"] = price, dict(params.get("metadata", {}))
    control.tell("customer.subscription.updated", changed)
    if price["recurring"] != before:  # another length of the period begins at once
        control.bill(uid, "subscription_create")
    return changed


def _create_checkout(control: Control, _uid: str, params: Params) -> Json:
    customer, uid = _thing(control, "customer", params["customer"])["id"], control.uid("cs_test")
    fields: Json = {"customer": customer, "metadata": params.get("metadata", {}), "currency": params.get("currency")}
    if params["mode"] == "setup":
        intent = control.add(objects.setup_intent(control.uid("seti"), control.now(), customer, "off_session"))
        fields["setup_intent"] = intent["id"]
    else:
        amount = sum(int(line["price_data"]["unit_amount"]) * int(line["quantity"]) for line in params["line_items"])
        if amount < 50:
            raise Refused(400, "invalid_request_error", "The Checkout Session's total amount due must add up to at least $0.50 usd.")
        fields |= {"amount_total": amount, "amount_subtotal": amount, "currency": params["line_items"][0]["price_data"]["currency"]}
    return control.add(objects.checkout_session(uid, control.now(), params["mode"], **fields))


def _create_portal(control: Control, _uid: str, params: Params) -> Json:
    customer = _thing(control, "customer", params["customer"])["id"]
    return control.add(objects.portal_session(control.uid("bps"), control.now(), customer, params.get("return_url")))


def _list_invoices(control: Control, _uid: str, params: Params) -> Json:
    mine = [invoice for invoice in control.of("invoice") if invoice["customer"] == params["customer"]]
    return {"object": "list", "data": mine[: int(params.get("limit", 10))], "has_more": False, "url": "/v1/invoices"}


def _get(kind: str) -> Callable[[Control, str, Params], Json]:
    return lambda control, uid, _params: _thing(control, kind, uid)


def _endpoint(method: str, path: str, takes: str, act: Callable[[Control, str, Params], Json], checked: str) -> Endpoint:
    words = takes.split()
    bare = frozenset(word.rstrip("!") for word in words)
    return Endpoint(method, path, bare, frozenset(word[:-1] for word in words if word.endswith("!")), act, checked)


ENDPOINTS = [
    _endpoint("POST", "/v1/customers", "email description metadata", _create_customer, "CustomerCreateParams"),
    _endpoint("POST", "/v1/customers/{uid}", "invoice_settings metadata email", _update_customer, "CustomerUpdateParams"),
    _endpoint("GET", "/v1/payment_methods/{uid}", "", _get("payment_method"), "PaymentMethodRetrieveParams"),
    _endpoint("POST", "/v1/payment_methods/{uid}/attach", "customer!", _attach, "PaymentMethodAttachParams"),
    _endpoint("POST", "/v1/setup_intents", "customer! usage metadata", _create_setup_intent, "SetupIntentCreateParams"),
    _endpoint(
        "POST",
        "/v1/payment_intents",
        "amount! currency! customer payment_method off_session confirm metadata",
        _create_payment_intent,
        "PaymentIntentCreateParams",
    ),
    _endpoint("POST", "/v1/prices", "currency! unit_amount recurring product_data", _create_price, "PriceCreateParams"),
    _endpoint(
        "POST",
        "/v1/subscriptions",
        "customer! items default_payment_method payment_behavior metadata",
        _create_subscription,
        "SubscriptionCreateParams",
    ),
    _endpoint("GET", "/v1/subscriptions/{uid}", "", _get("subscription"), "SubscriptionRetrieveParams"),
    _endpoint(
        "POST",
        "/v1/subscriptions/{uid}",
        "items proration_behavior payment_behavior metadata",
        _update_subscription,
        "SubscriptionUpdateParams",
    ),
    _endpoint(
        "POST",
        "/v1/checkout/sessions",
        "mode customer currency line_items metadata success_url cancel_url",
        _create_checkout,
        "checkout.SessionCreateParams",
    ),
    _endpoint("POST", "/v1/billing_portal/sessions", "customer return_url", _create_portal, "billing_portal.SessionCreateParams"),
    _endpoint("GET", "/v1/invoices", "customer limit", _list_invoices, "InvoiceListParams"),
]


def application(control: Control) -> Starlette:
    """The simulator."""
    return Starlette(routes=[Route(one.path, _serve(control, one), methods=[one.method]) for one in ENDPOINTS])


def _serve(control: Control, endpoint: Endpoint) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        text = request.url.query if request.method == "GET" else (await request.body()).decode()
        params = query.decode("&".join(f"{name}={value}" for name, value in _quoted(text)))
        control.calls.append((request.method, request.url.path, params))
        if control.is_down:
            return JSONResponse(
                {"error": {"type": "api_error", "message": "An unknown error occurred"}}, 500, {"Stripe-Should-Retry": "false"}
            )
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        mark = json.dumps([request.url.path, params], sort_keys=True)
        if key in control.replies:
            before, status, body = control.replies[key]
            if before != mark:
                message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
                return JSONResponse({"error": {"type": "idempotency_error", "message": message}}, 400)
            return JSONResponse(body, status, {"Idempotent-Replayed": "true"})
        status, body = _outcome(control, endpoint, request, params)
        if key and status != 401:
            control.replies[key] = (mark, status, json.loads(json.dumps(body)))
        return JSONResponse(body, status, {"Request-Id": control.uid("req")})

    return answer


def _quoted(text: str) -> list[tuple[str, str]]:
    return [(quote(name, safe="[]"), quote(value)) for name, value in parse_qsl(text, keep_blank_values=True)]


def _outcome(control: Control, endpoint: Endpoint, request: Request, params: Params) -> tuple[int, Json]:
    try:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(401, "invalid_request_error", "Invalid API Key provided: sk_test_****")
        for name in sorted(set(params) - endpoint.takes):
            raise Refused(400, "invalid_request_error", f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        for name in sorted(endpoint.needs - set(params)):
            raise Refused(400, "invalid_request_error", f"Missing required param: {name}.", code="parameter_missing", param=name)
        return 200, endpoint.act(control, request.path_params.get("uid", ""), params)
    except Refused as refused:
        return refused.status, refused.body
