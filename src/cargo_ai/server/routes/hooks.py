"""Hooks: take what other services send, prove it, and answer when what it starts is stored."""

from __future__ import annotations

import asyncio
import json
import uuid

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cargo_ai.context.context import Caller
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.public import Delivered, deliver
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.server.routes.hook_gate import HookGate

MAX_BODY = 1024 * 1024
BODY_SECONDS = 10.0
_OF_GARBAGE = frozenset({400, 401, 404, 408, 413, 429})
_NO_ONE = uuid.UUID(int=0)


async def take(request: Request) -> Response:
    """202 once what the events start is committed; the same for events that have come before.

    Of an address that this server has not made, and of a hook that is sent too much, neither the database is asked nor the body is read:
    others are served meanwhile.
    """
    state = state_of(request)
    gate = state.services.once(HookGate, lambda: HookGate(state.limits.hooks))
    try:
        return await _take(request, gate)
    except Refusal as refusal:
        if refusal.status in _OF_GARBAGE:
            await gate.hold()
        raise


async def _take(request: Request, gate: HookGate) -> Response:
    state = state_of(request)
    address = connection.hook_address.parse(state.secrets, str(request.path_params["address"]))
    if address is None:
        raise connection.hooks.not_found()
    hook = await connection.hooks.find(state.services, address)
    gate.count(hook.connector, hook.most, hook.per_seconds)
    async with gate.enter(hook.connector):
        delivery = connection.Delivery(request.method, _url(state, request), dict(request.headers), await _body(request))
        connection.hooks.prove(hook, delivery)
        events = connection.hooks.read(hook, delivery)
        if isinstance(events, str):
            return PlainTextResponse(events)
        caller = Caller(_NO_ONE, _NO_ONE, hook.workspace, "hook", ())

        async def work(db: AsyncSession) -> Delivered:
            return await deliver(dispatch.make_context(state, request, caller, db), hook, events)

        done = await transact(state.database, hook.workspace, work)
    if hook.scheme.answer == "empty":
        return Response(b"", 200)
    reply = {"status": "accepted", "eventsCount": done.events, "repeatedCount": done.repeated}
    return responses.json_response(json.dumps(reply).encode(), 202)


def _url(state: State, request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{state.base_url(request)}{request.url.path}{query}"


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await requests.read_body(request, MAX_BODY)
    except TimeoutError:
        sentence = f"The body did not arrive within {BODY_SECONDS:.0f} seconds."
        raise Refusal(408, "bodyTooSlow", sentence, headers={"Connection": "close"}) from None


routes = [Route(connection.hook_address.PATH + "{address}", take, methods=["POST"])]
