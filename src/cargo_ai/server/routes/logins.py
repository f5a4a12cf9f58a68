"""Signing in: codes by e-mail, and terminals that wait for a person at the OpenID provider.

`POST /v1/login/email` sends a code, `POST /v1/login/email/code` exchanges it for a token. `POST /v1/login/devices` begins the other way:
the person opens `/v1/login/device`, signs in at the provider, comes back to `/v1/login/callback`; `POST /v1/login/devices/token` says so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cargo_ai.context.context import Caller
from cargo_ai.domains.workspace.public import login
from cargo_ai.email.smtp import configuration_status
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import audit
from cargo_ai.server.api.guard import CONSOLE
from cargo_ai.server.api.http import pages, requests, responses
from cargo_ai.server.api.http.middleware import request_id
from cargo_ai.server.api.rate_limits.rate_limit import RateLimit, sender_of
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.store.session import ALL_WORKSPACES

MAX_BODY = 16 * 1024
FIRST_DELAY, LONGEST_DELAY = 0.5, 4.0
COOKIE = "cargo_ai_login"
PATH = "/v1/login"
BY_EMAIL, BY_PROVIDER = "workspaceManagement.login.email", "workspaceManagement.login.oauth"
"""The operations that the audit log names."""

BACK = "cargo_ai_login_console"
"""The cookie of a browser that signs in to the console, and not for a terminal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """For which workspace a person comes in, and the token that this makes."""

    token_name: str
    workspace: str | None = None
    expires_at: datetime | None = None


async def send_code(request: Request) -> Response:
    """POST `{email}`: a code is sent to the person, if there is one. The answer is the same for everyone."""
    email = await begin_code(request, (await _body(request)).get("email"))
    document = {"sent": True, "email": email, "expiresInSeconds": int(login.email_code.LIFE.total_seconds())}
    return responses.json_response(json.dumps(document).encode(), 200)


async def begin_code(request: Request, given: object) -> str:
    """Have a code sent to this address, if its person may sign in; the address as it is known. Refusal for any other text."""
    state = state_of(request)
    if configuration_status(state.settings) != "configured":
        sentence = "This server sends no e-mail (CARGO_AI_SMTP_HOST): sign in with an invitation or a token."
        raise Refusal(409, "emailOff", sentence, {"fix": "cargo-ai login --token TOKEN"})
    email = _email(given)
    _count(request, state.limits.logins_begun)
    await transact(state.database, ALL_WORKSPACES, lambda db: login.email_code.request(db, state.secrets, email))
    return email


async def exchange_code(request: Request) -> Response:
    """POST `{email, code, workspaceUuid?}`: a token. Wrong codes are answered slower and slower, all in the same way."""
    body = await _body(request)
    return _welcome(await enter_by_code(request, body.get("email"), body.get("code"), Entry("CLI (e-mail)", _workspace(body))))


async def enter_by_code(request: Request, given: object, code: object, entry: Entry) -> login.Admitted:
    """A token for who has the newest code of this address."""
    state, email = state_of(request), _email(given)
    if not isinstance(code, str) or not 0 < len(code) <= 64:
        raise Refusal(400, "invalidInput", "Send `code`: the digits of the e-mail.")
    sender = _sender(request)
    state.limits.wrong_codes.check(sender)

    async def work(db: AsyncSession) -> login.Admitted | Refusal | None:
        row = await login.email_code.try_code(db, state.secrets, email, code)
        if row is None:
            return None
        try:
            admitted = await login.admit(db, state.settings, email, entry.workspace, entry.token_name, entry.expires_at)
        except Refusal as refusal:
            return refusal  # returned, so that the try is committed
        row.used_at = clock.now()
        await _note(request, db, admitted, BY_EMAIL)
        return admitted

    outcome = await transact(state.database, ALL_WORKSPACES, work)
    if outcome is None:
        state.limits.wrong_codes.count(sender)
        await asyncio.sleep(min(LONGEST_DELAY, FIRST_DELAY * 2 ** (state.limits.wrong_codes.counted(sender) - 1)))
        sentence = "This code is wrong, used up or too old: it works for ten minutes and five tries. Ask for a new one."
        raise Refusal(401, "wrongCode", sentence, {"fix": f"cargo-ai login --email {email}"})
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def begin_device(request: Request) -> Response:
    """POST: a terminal begins to wait. The answer says what to show to the person, and how often to ask."""
    state = state_of(request)
    await requests.read_body(request, MAX_BODY)
    device = await wait_for_person(request)
    page = f"{state.base_url(request)}{PATH}/device"
    document = {
        "deviceCode": device.code,
        "userCode": device.user_code,
        "verificationUri": page,
        "verificationUriComplete": f"{page}?{urlencode({'user_code': device.user_code})}",
        "expiresIn": int(login.device.LIFE.total_seconds()),
        "interval": login.device.INTERVAL,
    }
    return responses.json_response(json.dumps(document).encode(), 200)


async def wait_for_person(request: Request) -> login.device.NewDevice:
    """A device that waits until its person has signed in at the provider: a terminal, or a browser that signs in to the console."""
    state = state_of(request)
    require_provider(state)
    _count(request, state.limits.logins_begun)
    return await transact(state.database, ALL_WORKSPACES, login.device.begin)


async def look(request: Request) -> Response:
    """The page on which a person compares the code with the one of the terminal. A look begins nothing."""
    code = request.query_params.get("user_code", "")[:20]
    body = (
        f'<form method="post" action="{PATH}/device"><p>A terminal wants to sign in to this server as you. Go on only if you began this '
        f"yourself, and it shows this code:</p><p><input name=user_code value='{escape(code)}' autocomplete=off></p>"
        "<button>It is mine: go on</button></form>"
    )
    return pages.page("Sign in", body)


async def go(request: Request) -> Response:
    """The person's answer to `look`: on to the provider. A cookie ties the way back to this browser."""
    raw = await requests.read_body(request, MAX_BODY)
    return await send_to_provider(request, parse_qs(raw.decode("utf-8", "replace")).get("user_code", [""])[0][:20])


async def send_to_provider(request: Request, user_code: str, *, back_to_console: bool = False) -> Response:
    """The page that leads to the provider, for the device that shows this code."""
    state = state_of(request)
    try:
        require_provider(state)
        state.limits.wrong_codes.check(_sender(request))
        provider = await login.provider_of(state.services).provider()
    except (Refusal, login.LoginFailed) as error:
        return _failed(str(error))

    async def work(db: AsyncSession) -> login.device.Consent | None:
        row = await login.device.by_user_code(db, user_code)
        return None if row is None else login.device.consent(row, state.secrets)

    consent = await transact(state.database, ALL_WORKSPACES, work)
    if consent is None:
        state.limits.wrong_codes.count(_sender(request))
        return _failed("No terminal waits with this code: it works for ten minutes. Begin again with cargo-ai login --oauth.")
    url = provider.consent_url(state.settings, _redirect(state, request), consent.state, consent.nonce, consent.verifier)
    # Not a redirect: browsers would hold it against the policy for forms, which names this server alone.
    body = f'<p>You sign in at <a href="{escape(url)}">{escape(urlsplit(url).hostname or "")}</a>.</p>'
    page = pages.page("Sign in", body, headers={"Refresh": f"0; url={url}"})
    secure = state.base_url(request).startswith("https:")
    page.set_cookie(COOKIE, consent.browser, max_age=600, path=PATH, secure=secure, httponly=True, samesite="lax")
    if back_to_console:
        page.set_cookie(BACK, consent.browser, max_age=600, path=PATH, secure=secure, httponly=True, samesite="lax")
    else:
        page.delete_cookie(BACK, path=PATH)
    return page


async def come_back(request: Request) -> Response:
    """The provider sends the person back here: read for whom it vouches, and let the terminal know."""
    state, query = state_of(request), request.query_params
    if not state.settings.login_issuer:
        return _failed("This server signs no one in by a provider.")
    browser = request.cookies.get(COOKIE, "")[:200]
    taken = await transact(
        state.database, ALL_WORKSPACES, lambda db: login.device.take(db, state.secrets, query.get("state", "")[:200], browser)
    )
    if taken is None:
        return _failed("This sign-in is unknown, too old, or was begun in another browser. Begin again with cargo-ai login --oauth.")
    row, nonce, verifier = taken
    email, problem = None, None
    try:
        if "error" in query or not query.get("code"):
            raise login.LoginFailed(f"The provider refused the sign-in ({query.get('error', 'no code')[:100]}).")
        openid = login.provider_of(state.services)
        email = await openid.email_of(query["code"][:4000], verifier, nonce, _redirect(state, request))
    except login.LoginFailed as error:
        problem = str(error)

    async def work(db: AsyncSession) -> str | None:
        refused = problem
        if email is not None and not await login.may_enter(db, state.settings, email):
            refused = f"{email} is in no workspace of this server. Ask an admin for an invitation."
        await login.device.settle(db, row.uuid, None if refused else email, refused)
        return refused

    refused = await transact(state.database, ALL_WORKSPACES, work)
    if browser and request.cookies.get(BACK) == browser:
        return RedirectResponse(f"{CONSOLE}sign-in/provider", 303)
    if refused is not None:
        return _failed(refused)
    return pages.page("Signed in", f"<p>You are <b>{escape(str(email))}</b>. Go back to the terminal; you can close this window.</p>")


async def ask_device(request: Request) -> Response:
    """POST `{deviceCode, workspaceUuid?}`: whether the person has signed in, and then, once, a token."""
    body = await _body(request)
    admitted = await enter_by_device(request, body.get("deviceCode"), Entry("CLI (OAuth)", _workspace(body)))
    return responses.json_response(b'{"status":"pending"}', 200) if admitted is None else _welcome(admitted)


async def enter_by_device(request: Request, code: object, entry: Entry) -> login.Admitted | None:
    """A token for the person of a device, once; None while no one has signed in. Refusal for a device that is unknown or refused."""
    state = state_of(request)
    if not isinstance(code, str) or not 0 < len(code) <= 200:
        raise Refusal(400, "invalidInput", "Send `deviceCode`, as POST /v1/login/devices gave it.")
    sender = _sender(request)
    state.limits.wrong_codes.check(sender)

    async def work(db: AsyncSession) -> login.Admitted | None:
        row = await login.device.by_device_code(db, code)
        if row is None:
            raise Refusal(
                410, "loginExpired", "This sign-in is unknown, used up or too old. Begin again.", {"fix": "cargo-ai login --oauth"}
            )
        if row.problem is not None:
            raise Refusal(403, "notInvited", row.problem)
        if row.email is None:
            return None
        admitted = await login.admit(db, state.settings, row.email, entry.workspace, entry.token_name, entry.expires_at)
        row.used_at = clock.now()
        await _note(request, db, admitted, BY_PROVIDER)
        return admitted

    try:
        return await transact(state.database, ALL_WORKSPACES, work)
    except Refusal as refusal:
        if refusal.reason == "loginExpired":
            state.limits.wrong_codes.count(sender)
        raise


async def _body(request: Request) -> dict[str, Any]:
    document = requests.parse_object(await requests.read_body(request, MAX_BODY))
    requests.reject_nul(document)
    return document


def _email(email: object) -> str:
    if not isinstance(email, str) or len(email) > 254 or email.count("@") != 1 or any(character.isspace() for character in email):
        raise Refusal(400, "invalidInput", "Send `email`: your e-mail address.")
    return email.lower()


def _workspace(body: Mapping[str, Any]) -> str | None:
    workspace = body.get("workspaceUuid")
    return workspace[:200] if isinstance(workspace, str) and workspace else None


def require_provider(state: State) -> None:
    """Refusal (409) where this server has no provider."""
    settings = state.settings
    if not settings.login_issuer or not settings.login_client_id:
        sentence = "This server signs no one in by a provider (CARGO_AI_LOGIN_ISSUER, CARGO_AI_LOGIN_CLIENT_ID)."
        raise Refusal(409, "providerOff", sentence, {"fix": "cargo-ai login --token TOKEN"})


def _redirect(state: State, request: Request) -> str:
    return f"{state.base_url(request)}{login.CALLBACK}"


def _sender(request: Request) -> str:
    return sender_of(request.client.host if request.client else "")


def _count(request: Request, limit: RateLimit) -> None:
    limit.check(_sender(request))
    limit.count(_sender(request))


async def _note(request: Request, db: AsyncSession, admitted: login.Admitted, operation: str) -> None:
    place = admitted.place
    caller = Caller(place.user, admitted.token.uuid, place.workspace, place.role_slug, ())
    await audit.write(db, audit.Entry(caller, operation, admitted.token.uuid, request_id(request), audit.address_of(request)))


def _welcome(admitted: login.Admitted) -> Response:
    place = admitted.place
    document = {
        "status": "done",
        "token": admitted.token.value,
        "user": {"uuid": str(place.user), "email": place.email},
        "workspace": {"uuid": str(place.workspace), "name": place.workspace_name},
    }
    return responses.json_response(json.dumps(document).encode(), 200)


def _failed(sentence: str) -> Response:
    return pages.page("This did not work", f"<p>{escape(sentence)}</p>", 400)


routes = [
    Route(f"{PATH}/email", send_code, methods=["POST"]),
    Route(f"{PATH}/email/code", exchange_code, methods=["POST"]),
    Route(f"{PATH}/devices", begin_device, methods=["POST"]),
    Route(f"{PATH}/devices/token", ask_device, methods=["POST"]),
    Route(f"{PATH}/device", look, methods=["GET"]),
    Route(f"{PATH}/device", go, methods=["POST"]),
    Route(login.CALLBACK, come_back, methods=["GET"]),
]
