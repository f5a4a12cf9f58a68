"""What Stripe calls: the webhook of events, and the page to which its pages lead back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cargo_ai.domains.billing import public as billing
from cargo_ai.kernel import log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.http.middleware import request_id
from cargo_ai.server.api.state import state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.store.session import ALL_WORKSPACES

WEBHOOK = "/v1/billing/stripe/webhook"
MAX_BODY = 1024 * 1024

_log = log.get(__name__)


async def receive(request: Request) -> Response:
    """Apply an event, once. The signature is that of the bytes as they came. What fails is an error, so that Stripe sends it again."""
    state = state_of(request)
    secret = state.settings.stripe_webhook_secret
    try:
        if not secret:
            raise Refusal(404, "webhookNotConfigured", "This server accepts no events of Stripe: STRIPE_WEBHOOK_SECRET is not set.")
        body = await requests.read_body(request, MAX_BODY)
        if not billing.is_valid(body, request.headers.get("stripe-signature", ""), secret):
            raise Refusal(400, "invalidSignature", "The signature is missing, too old, or not that of this body.")
        event = requests.parse_object(body)
        try:
            is_new = await transact(state.database, ALL_WORKSPACES, lambda db: billing.receive(db, event))
        except billing.InvalidEvent:
            raise Refusal(400, "invalidInput", "This is not an event of Stripe.") from None
    except Refusal as refusal:
        return responses.refusal_response(refusal, request_id(request))
    _log.info("event of Stripe", id=str(event.get("id")), kind=str(event.get("type")), is_new=is_new)
    return JSONResponse({"received": True})


async def done(_request: Request) -> Response:
    """What a person sees after a page of Stripe."""
    return HTMLResponse(
        '<!doctype html><meta charset="utf-8"><title>Done</title><p>Thank you. You can close this window.</p>',
        headers={"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"},
    )


routes = [Route(WEBHOOK, receive, methods=["POST"]), Route(billing.DONE, done, methods=["GET"])]
