"""Public forms of tools: show the form to allowed origins, and start a run when it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cargo_ai.domains.orchestration.public import form as forms
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.url import parse_url
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.rate_limits.rate_limit import sender_of
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.store.session import ALL_WORKSPACES

MAX_BODY = 1024 * 1024
CAPTCHAS = {
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
}


async def serve_form(request: Request) -> Response:
    """GET: the form. POST `{data, formToken, captchaToken?}`: start the run. OPTIONS: the browser's preflight request."""
    state, origin = state_of(request), request.headers.get("origin")
    headers = {"Vary": "Origin"}
    try:
        form = await transact(state.database, ALL_WORKSPACES, lambda db: forms.find(db, str(request.path_params["uuid"])))
        forms.permit(form, origin)
        if origin is not None:
            headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            preflight = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "content-type"}
            return Response(status_code=204, headers=headers | preflight | {"Access-Control-Max-Age": "600"})
        reply = await _send(state, form, request) if request.method == "POST" else forms.to_response(form, state.secrets)
    except Refusal as refusal:
        # The page may read why it was refused.
        refusal.headers.update(headers)
        raise
    return responses.json_response(json.dumps(reply).encode(), 200, headers | {"Cache-Control": "no-store"})


async def _send(state: State, form: forms.Form, request: Request) -> dict[str, Any]:
    host = request.client.host if request.client else ""
    key = f"{form.tool} {sender_of(host)}"
    state.limits.sent_forms.check(key)
    state.limits.sent_forms.count(key)
    body = await _body(request)
    data: object = body.get("data")
    if not isinstance(data, dict):
        raise Refusal(400, "invalidInput", 'Send {"data": {…}, "formToken": "…"}.')
    values = cast("dict[str, Any]", data)
    nonce = forms.guard(form, state.secrets, body.get("formToken"), values)
    record = forms.validate(form, values)
    await _captcha(state, form, body.get("captchaToken"), host)
    run = await transact(state.database, form.spec.workspace, lambda db: forms.send(db, form, nonce, record, state.services))
    return {"status": "accepted", "runUuid": str(run)}


async def _captcha(state: State, form: forms.Form, token: object, host: str) -> None:
    """Ask the provider whether a person solved the captcha; Refusal (400) when not, (502) when it cannot be asked."""
    provider = form.form.spam.captcha_provider
    if provider is None or form.sealed_captcha_secret is None:
        return
    if not isinstance(token, str) or not token:
        raise Refusal(400, "captchaRequired", "captchaToken is missing: solve the captcha first.")
    url = state.settings.captcha_url or CAPTCHAS[provider]
    query = {"secret": state.secrets.open(form.sealed_captcha_secret).decode(), "response": token, "remoteip": host}
    headers = (("content-type", b"application/x-www-form-urlencoded"),)
    try:
        received = await send(state.services.client, OutboundRequest("POST", parse_url(url), headers, urlencode(query).encode()))
        verdict: object = json.loads(received.body)
    except (ExchangeFailed, OutboundRefused, ValueError) as error:
        raise Refusal(502, "failedToVerifyCaptcha", f"The captcha could not be verified: {type(error).__name__}.") from None
    if not isinstance(verdict, Mapping) or cast("Mapping[str, Any]", verdict).get("success") is not True:
        raise Refusal(400, "captchaFailed", "The captcha was not solved. Try again.")


async def _body(request: Request) -> dict[str, Any]:
    document = requests.parse_object(await requests.read_body(request, MAX_BODY))
    requests.reject_nul(document)
    return document


routes = [Route("/v1/forms/{uuid}", serve_form, methods=["GET", "POST", "OPTIONS"])]
