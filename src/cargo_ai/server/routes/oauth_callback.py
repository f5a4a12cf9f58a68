"""The redirect URL of OAuth: shows who asked for the consent, and connects the account once the person who consented agrees.

The page stands between, since a link to a consent can be sent to anyone: without it, a stranger's account could be connected to the
workspace of the one who sent it.
"""

from __future__ import annotations

import html
from urllib.parse import parse_qsl

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cargo_ai.context.context import Caller
from cargo_ai.contract.connection import oauth as contract
from cargo_ai.domains.connection.public import oauth
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.http import requests
from cargo_ai.server.api.state import state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.store.session import ALL_WORKSPACES

MAX_BODY = 16 * 1024
_FIELDS = ("state", "code", "error", "error_description")
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
_INVALID = "This link is not valid any more: it is older than 10 minutes, or was used. Begin again."


async def look(request: Request) -> Response:
    """Show who asks, and a button. Nothing is used up by looking: programs that scan links open this one, too."""
    params = {name: request.query_params.get(name, "") for name in _FIELDS}
    state = state_of(request)
    asked = await transact(state.database, ALL_WORKSPACES, lambda db: oauth.look(db, state.secrets, params["state"]))
    if asked is None:
        return _page("Not connected", html.escape(_INVALID), 400)
    integration, consent = asked
    if consent.asked.connector is None:
        shown = f"state {params['state']}\ncode {params['code']}"
        return _page(integration, f"<p>Give this to the program that asked for it:</p><pre>{html.escape(shown)}</pre>")
    email = await transact(state.database, consent.asked.workspace, lambda db: workspace.email_of(db, consent.asked.user))
    hidden = "".join(f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in params.items() if value)
    who = html.escape(email or "Someone who is not a member any more")
    account = f"your account of {html.escape(integration)} to the workspace {consent.asked.workspace} of this server"
    text = f"<p>{who} asks to connect {account}.</p>"
    warning = "<p>Go on only if that is you, or someone whom you trust with this account.</p>"
    return _page(integration, f'{text}{warning}<form method="post">{hidden}<button>Connect</button></form>')


async def connect(request: Request) -> Response:
    """Use up the state, exchange the code, and give the tokens to the connector."""
    state = state_of(request)
    body = dict(parse_qsl((await requests.read_body(request, MAX_BODY)).decode("utf-8", "replace")))
    params = {name: body.get(name, "") for name in _FIELDS}
    consent = await transact(
        state.database, ALL_WORKSPACES, lambda db: oauth.take(db, state.secrets, params["state"], connectors_only=True)
    )
    if consent is None:
        return _page("Not connected", html.escape(_INVALID), 400)
    try:
        tokens = await oauth.tokens_of(state.services, consent, params)
    except oauth.ConsentFailed as error:
        return _page("Not connected", f"<p>{html.escape(str(error))}</p>{_back(consent.asked.connector)}", 400)

    async def work(db: AsyncSession) -> bool:
        asked = consent.asked
        connected = await oauth.connect(db, state.secrets, consent, tokens)
        ctx = dispatch.make_context(state, request, Caller(asked.user, oauth.NO_TOKEN, asked.workspace, "consent", ()), db)
        await dispatch.write_audit_entry(ctx, request, contract.connect, asked.connector)
        return connected

    if not await transact(state.database, consent.asked.workspace, work):
        return _page("Not connected", "The connector was removed meanwhile.", 400)
    back = _back(consent.asked.connector)
    return _page("Connected", f"<p>The account is connected. You can close this window.</p>{back}")


def _back(connector: object) -> str:
    """The way to the connector in the web console, for who came from there."""
    return f'<p><a href="/console/connectors/{html.escape(str(connector))}">To the connector in the console</a></p>'


def _page(title: str, body: str, status: int = 200) -> Response:
    text = f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title><h1>{html.escape(title)}</h1><div>{body}</div>'
    return HTMLResponse(text, status, headers=_HEADERS)


routes = [Route(oauth.CALLBACK, look, methods=["GET"]), Route(oauth.CALLBACK, connect, methods=["POST"])]
