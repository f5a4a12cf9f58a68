"""Console port: what the console asks of this server: sessions, ways to sign in, and operations by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import cache
from typing import cast
from urllib.parse import urlsplit

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from cargo_ai.console.port import SESSION_COOKIE, Answer, Session, SignIns, User, Workspace
from cargo_ai.context.context import Caller
from cargo_ai.domains.workspace.public import console_session, login
from cargo_ai.email.smtp import configuration_status
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.server.api import audit, dispatch, rest
from cargo_ai.server.api.dispatch import HandledOperation
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.http.middleware import request_id
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.server.routes import logins, message_stream
from cargo_ai.server.routes.files import uploads
from cargo_ai.store.session import ALL_WORKSPACES

QUIET_SECONDS = 2.0
"""After which a watched answer is looked at although nothing was said: reviews begin without a word."""
TOKEN_NAME = "Console"  # noqa: S105
BY_TOKEN, SWITCHED, SIGNED_OUT = (
    "workspaceManagement.login.console",
    "workspaceManagement.login.switch",
    "workspaceManagement.login.end",
)
"""What the audit log names; signing in by e-mail or by a provider is named as it is for a terminal."""

_log = log.get(__name__)


@cache
def _operations() -> dict[str, HandledOperation]:
    return {handled.operation.name: handled for handled in rest.handled_operations()}


class ServerPort:
    """The port of this process. It holds nothing: each request says which server it is of."""

    async def session(self, request: Request, cookie: str) -> Session | None:
        """The open session of a cookie."""
        if not cookie.startswith(console_session.PREFIX) or len(cookie) > 200:
            return None
        opened = await transact(state_of(request).database, ALL_WORKSPACES, lambda db: _find(db, cookie))
        if opened is None:
            return None
        caller = opened.caller
        user = User(str(caller.user_uuid), opened.email, opened.name, caller.role_slug)
        workspace = Workspace(str(caller.workspace_uuid), opened.workspace_name)
        return Session(opened.uuid, user, workspace, caller.may, opened.expires_at, opened.own_token, opened)

    async def call(
        self, request: Request, session: Session, name: str, fields: Mapping[str, object], *, key: str | None, wait: int | None
    ) -> Answer:
        """Answer an operation as over HTTP."""
        handled = _operations()[name]
        payload: JsonObject = dict(fields)
        requests.reject_nul(payload)
        wait = min(wait, requests.MAX_WAIT_SECONDS) if wait else None
        caller = _opened(session).caller
        reply = await dispatch.answer(state_of(request), handled, request, caller, payload, key=key, wait=wait)
        if handled.operation.output == "text":
            return Answer({}, reply.body.decode(), reply.warnings)
        return Answer(cast("JsonObject", from_json(reply.body)), warnings=reply.warnings)

    async def upload(self, request: Request, session: Session) -> JsonObject:
        """Store the file of the form that this request is."""
        reply = await uploads.upload(request, _opened(session).caller)
        return cast("JsonObject", from_json(bytes(reply.body)))

    async def watch_answer(self, request: Request, session: Session, message: str) -> AsyncIterator[Sequence[JsonObject]]:
        """The events of an answer, as `ai.message.stream` gives them, while the session is open."""
        checked = clock.seconds()
        async with aclosing(message_stream.batches(state_of(request), _opened(session).caller, message, QUIET_SECONDS)) as watching:
            async for batch in watching:
                yield batch
                if clock.seconds() - checked > message_stream.HEARTBEAT_SECONDS:
                    checked = clock.seconds()
                    if await self.session(request, request.cookies.get(SESSION_COOKIE, "")) is None:
                        return

    def sign_ins(self, request: Request) -> SignIns:
        """The ways to sign in."""
        settings = state_of(request).settings
        provider = urlsplit(settings.login_issuer).hostname if settings.login_issuer and settings.login_client_id else None
        return SignIns(configuration_status(settings) == "configured", provider)

    def session_seconds(self, request: Request) -> int:
        """How long a new session lasts."""
        return state_of(request).settings.console_session_hours * 3_600

    async def sign_in_by_token(self, request: Request, token: str) -> str:
        """The cookie of a new session of this token."""
        state = state_of(request)
        caller = await dispatch.caller_of(state, request, token)

        async def work(db: AsyncSession) -> str:
            await audit.write(db, audit.Entry(caller, BY_TOKEN, caller.token_uuid, request_id(request), audit.address_of(request)))
            life = timedelta(hours=state.settings.console_session_hours)
            return await console_session.begin(db, caller.token_uuid, caller.workspace_uuid, own_token=False, life=life)

        return await transact(state.database, ALL_WORKSPACES, work)

    async def send_code(self, request: Request, email: str) -> str:
        """Have a code sent; the address as it is known."""
        return await logins.begin_code(request, email)

    async def sign_in_by_code(self, request: Request, email: str, code: str, workspace: str | None) -> str:
        """The cookie of a new session of who has this code."""
        return await _begin(request, await logins.enter_by_code(request, email, code, _entry(request, workspace)))

    async def go_to_provider(self, request: Request) -> tuple[Response, str]:
        """A page that leads to the provider, and what the browser keeps to come back with."""
        device = await logins.wait_for_person(request)
        return await logins.send_to_provider(request, device.user_code, back_to_console=True), device.code

    async def come_from_provider(self, request: Request, device: str, workspace: str | None) -> str | None:
        """The cookie of a new session of who has signed in there; None while no one has."""
        admitted = await logins.enter_by_device(request, device, _entry(request, workspace))
        return None if admitted is None else await _begin(request, admitted)

    async def workspaces(self, request: Request, session: Session) -> Sequence[Workspace]:
        """The workspaces to which the person of a session may go."""
        async with state_of(request).database.session(ALL_WORKSPACES) as db:
            return [Workspace(str(uid), name) for uid, name in await console_session.workspaces(db, _opened(session))]

    async def switch(self, request: Request, session: Session, workspace: str) -> str:
        """The cookie of a session in another workspace, in place of this one."""
        state, opened = state_of(request), _opened(session)
        if not opened.own_token:
            sentence = "You signed in by a token, which is of one workspace. Sign out, and sign in by a token of the other one."
            raise Refusal(403, "forbidden", sentence)

        async def work(db: AsyncSession) -> str:
            admitted = await login.admit(db, state.settings, opened.email, workspace, TOKEN_NAME, _end(state))
            await audit.write(db, _audit_entry(request, admitted, SWITCHED))
            await console_session.end(db, opened)
            return await _begin_within(db, state, admitted)

        return await transact(state.database, ALL_WORKSPACES, work)

    async def sign_out(self, request: Request, session: Session) -> None:
        """End a session."""
        opened = _opened(session)
        entry = audit.Entry(opened.caller, SIGNED_OUT, opened.caller.token_uuid, request_id(request), audit.address_of(request))

        async def work(db: AsyncSession) -> None:
            await console_session.end(db, opened)
            await audit.write(db, entry)

        await transact(state_of(request).database, ALL_WORKSPACES, work)

    def sign(self, request: Request, *parts: str) -> str:
        """A signature over these parts."""
        return state_of(request).secrets.sign("console", *parts)

    def is_signed(self, request: Request, signature: str, *parts: str) -> bool:
        """Whether a signature belongs to these parts."""
        return state_of(request).secrets.verify(signature, "console", *parts)

    def is_secure(self, request: Request) -> bool:
        """Whether browsers reach this server by https."""
        return state_of(request).base_url(request).startswith("https:")

    def refusal_of(self, request: Request, error: Exception) -> Refusal:
        """The refusal that an exception stands for; a bug is logged, and becomes a 500."""
        refusal = responses.refusal_of(error)
        if refusal is None:
            _log.error("a page failed", path=request.url.path, exc_info=error)
        return refusal or responses.internal_error()


async def _find(db: AsyncSession, cookie: str) -> console_session.Opened | None:
    # Looked up for each request, as tokens are, and without the round trips of a transaction.
    await db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    return await console_session.find(db, cookie)


def _opened(session: Session) -> console_session.Opened:
    assert isinstance(session.handle, console_session.Opened)
    return session.handle


def _end(state: State) -> datetime:
    return clock.now() + timedelta(hours=state.settings.console_session_hours)


def _entry(request: Request, workspace: str | None) -> logins.Entry:
    return logins.Entry(TOKEN_NAME, workspace, _end(state_of(request)))


async def _begin(request: Request, admitted: login.Admitted) -> str:
    state = state_of(request)
    return await transact(state.database, ALL_WORKSPACES, lambda db: _begin_within(db, state, admitted))


async def _begin_within(db: AsyncSession, state: State, admitted: login.Admitted) -> str:
    life = timedelta(hours=state.settings.console_session_hours)
    return await console_session.begin(db, admitted.token.uuid, admitted.place.workspace, own_token=True, life=life)


def _audit_entry(request: Request, admitted: login.Admitted, operation: str) -> audit.Entry:
    place = admitted.place
    caller = Caller(place.user, admitted.token.uuid, place.workspace, place.role_slug, ())
    return audit.Entry(caller, operation, admitted.token.uuid, request_id(request), audit.address_of(request))
