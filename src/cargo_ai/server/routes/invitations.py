"""Invitations: a page that says what an invited person does, and the POST that exchanges a code for a token, once.

A GET uses nothing up: programs that scan e-mails open every link in them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from html import escape
from typing import TypeVar
from urllib.parse import parse_qs

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cargo_ai.context.context import Caller
from cargo_ai.domains.workspace.public import NewToken, invitation_accept, invitation_link
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import audit
from cargo_ai.server.api.http import pages, requests, responses
from cargo_ai.server.api.http.middleware import request_id
from cargo_ai.server.api.rate_limits.rate_limit import sender_of
from cargo_ai.server.api.state import state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.store.session import ALL_WORKSPACES

MAX_BODY = 16 * 1024
ACCEPTED = "workspaceManagement.invitation.accept"
"""The operation that the audit log names."""

T = TypeVar("T")


async def look(request: Request) -> Response:
    """The page behind a link: who is invited to what, the command to type, and a button that shows a token instead."""
    code = request.query_params.get("code", "")
    try:
        invited = await _find(request, code)
    except Refusal as refusal:
        return _refusal_page(refusal)
    base = state_of(request).base_url(request)
    command = invitation_link.command_of(invitation_link.link_of(base, code))
    body = (
        f"<p><b>{escape(invited.email)}</b> is invited to the workspace <b>{escape(invited.workspace_name)}</b> as "
        f"{escape(invited.role_slug)}, until {escape(clock.to_iso(invited.expires_at))}.</p>"
        f"<p>Type this in a terminal in which <code>cargo-ai</code> is installed:</p><pre>{escape(command)}</pre>"
        f'<form method="post" action="{invitation_link.PATH.rpartition("/")[2]}"><input type="hidden" name="code" value="{escape(code)}">'
        "<p>Or have a token shown here, once, to use it in a program: <button>Accept and show the token</button></p></form>"
        "<p>Either of them uses the invitation up.</p>"
    )
    return pages.page(f"Your invitation to {invited.workspace_name}", body)


async def accept(request: Request) -> Response:
    """POST `{code}`: a token of the invited user. As JSON, or as a page for the form of `look`."""
    raw = await requests.read_body(request, MAX_BODY)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        code = parse_qs(raw.decode("utf-8", "replace")).get("code", [""])[0]
        try:
            invited, token = await _accept(request, code)
        except Refusal as refusal:
            return _refusal_page(refusal)
        return _token_page(state_of(request).base_url(request), invited, token)
    given: object = requests.parse_object(raw).get("code")
    if not isinstance(given, str) or not given:
        raise Refusal(400, "invalidInput", 'Send {"code": "…"}: what follows code= in the link.')
    invited, token = await _accept(request, given)
    document = {
        "token": token.value,
        "user": {"uuid": str(invited.user), "email": invited.email},
        "workspace": {"uuid": str(invited.workspace), "name": invited.workspace_name},
    }
    return responses.json_response(json.dumps(document).encode(), 200)


async def _find(request: Request, code: str) -> invitation_accept.Invited:
    return await _counted(
        request, lambda: transact(state_of(request).database, ALL_WORKSPACES, lambda db: invitation_accept.find(db, code))
    )


async def _accept(request: Request, code: str) -> tuple[invitation_accept.Invited, NewToken]:
    state, invited = state_of(request), await _find(request, code)

    async def work(db: AsyncSession) -> NewToken:
        token = await invitation_accept.accept(db, invited, code)
        caller = Caller(invited.user, token.uuid, invited.workspace, invited.role_slug, ())
        await audit.write(db, audit.Entry(caller, ACCEPTED, invited.invitation, request_id(request), audit.address_of(request)))
        return token

    return invited, await _counted(request, lambda: transact(state.database, invited.workspace, work))


async def _counted(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """Do it, unless this address has sent too many codes that are not valid."""
    host = sender_of(request.client.host if request.client else "")
    limit = state_of(request).limits.wrong_invitations
    limit.check(host)
    try:
        return await work()
    except Refusal:
        limit.count(host)
        raise


def _token_page(base_url: str, invited: invitation_accept.Invited, token: NewToken) -> Response:
    body = (
        f"<p>You are <b>{escape(invited.email)}</b> in the workspace <b>{escape(invited.workspace_name)}</b>, "
        f"as {escape(invited.role_slug)}.</p>"
        f"<p>This is your token. It is shown only now; keep it like a password:</p><pre>{escape(token.value)}</pre>"
        f"<p>To sign in with it, type this in a terminal and paste the token when it asks:</p>"
        f"<pre>{escape(f'cargo-ai login --base-url {base_url}')}</pre>"
    )
    return pages.page("Welcome", body)


def _refusal_page(refusal: Refusal) -> Response:
    return pages.page("This did not work", f"<p>{escape(refusal.message)}</p>", refusal.status, refusal.headers)


routes = [Route(invitation_link.PATH, look, methods=["GET"]), Route(invitation_link.PATH, accept, methods=["POST"])]
