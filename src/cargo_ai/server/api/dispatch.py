"""Dispatch: how every operation is answered: authenticate, parse, check the permission, validate, handle in a transaction, respond."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from cargo_ai.context.context import Caller, Context
from cargo_ai.context.handlers import Handler, Preparation, before_of
from cargo_ai.context.removal import bin_kinds
from cargo_ai.kernel import ids, log
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.schemas.validation_errors import errors_of, first_faults
from cargo_ai.kernel.settings import Settings
from cargo_ai.kernel.wire import Wire, unknown_field_warnings
from cargo_ai.server.api import audit, long_poll
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.http.middleware import request_id
from cargo_ai.server.api.idempotency import Claim
from cargo_ai.server.api.rate_limits.rate_limit import sender_of
from cargo_ai.server.api.state import State
from cargo_ai.server.api.transaction import transact

COMMON = frozenset({"invalidInput", "databaseUnavailable", "filesUnavailable", "conflict", "tooManyRequests", "quotaExceeded"})
"""Reasons that any operation may give without declaring them."""

FREE_TRIES, FIRST_DELAY, LONGEST_DELAY = 10, 0.02, 2.0
"""How many wrong tokens of one address a minute are answered at once, and how long the next ones take, in seconds."""

ACCESS = "workspaceManagement."
"""The operations that change who may do what."""

_log = log.get(__name__)


class UndeclaredRefusal(RuntimeError):
    """A handler refused with a reason that its operation does not declare: a bug, raised where `CARGO_AI_STRICT_REFUSALS` is set."""


@dataclass(frozen=True, slots=True)
class HandledOperation:
    """An operation and the function that answers it."""

    operation: AnyOperation
    handler: Handler


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The result of one transaction."""

    body: bytes
    reply: Wire | None
    warnings: list[str]
    after_commit: list[Callable[[], Awaitable[None]]]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one call: its body, and the headers and warnings that go with it."""

    body: bytes
    headers: dict[str, str]
    warnings: list[str]


async def respond(state: State, handled: HandledOperation, request: Request) -> Response:
    """The response to one request. What it raises (Refusal, database errors, bugs) becomes a response in the middleware."""
    operation = handled.operation
    caller = await authenticate(state, request)
    payload = await requests.payload(request, operation, state.settings.max_body_bytes)
    key = requests.idempotency_key(request) if operation.writes else None
    reply = await answer(state, handled, request, caller, payload, key=key, wait=requests.wait_seconds(request))
    if reply.warnings:
        reply.headers["x-cargo-warnings"] = responses.warnings_header(reply.warnings)
    return responses.success(operation, reply.body, reply.headers)


async def answer(
    state: State,
    handled: HandledOperation,
    request: Request,
    caller: Caller,
    payload: dict[str, Any],
    *,
    key: str | None = None,
    wait: int | None = None,
) -> Reply:
    """What a caller gets for a call, within `request`: over HTTP, or from a page of the console. Raises what `respond` does.

    `key`: an idempotency key, for writes. `wait`: for how many seconds a GET that can wait is held.
    """
    operation = handled.operation
    try:
        return await _in_time(state, handled, request, caller, payload, key, wait)
    except Refusal as refusal:
        if operation.writes:
            state.refused_writes.note(audit.refused(operation, payload, caller, request, refusal), refusal)
        raise


async def _in_time(
    state: State, handled: HandledOperation, request: Request, caller: Caller, payload: dict[str, Any], key: str | None, wait: int | None
) -> Reply:
    """The reply, or a Refusal (503) when it takes too long: its transaction is rolled back then."""
    seconds = state.settings.max_request_seconds or None
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await _answer(state, handled, request, caller, payload, key, wait)
    except TimeoutError:
        if not limit.expired():
            raise
        sentence = f"This took longer than {seconds:g} s (CARGO_AI_MAX_REQUEST_SECONDS) and was given up. Ask for less at once."
        raise Refusal(503, "requestTooSlow", sentence, headers={"Retry-After": "30"}) from None


async def _answer(
    state: State, handled: HandledOperation, request: Request, caller: Caller, payload: dict[str, Any], key: str | None, wait: int | None
) -> Reply:
    operation = handled.operation
    require_permission(caller, operation.permission, requests.named_things(operation, payload) if caller.has_resource_rules else ())
    command, warnings = validate(state.settings, operation, payload)
    claim = None
    if operation.writes and key is not None:
        claim = Claim(caller.token_uuid, key, requests.request_hash(operation, payload), state.secrets)
    prepared: object = None
    if (before := before_of(handled.handler)) is not None and not await _is_repeated(state, caller, claim):
        prepared = await before(Preparation(caller, state.services, state.base_url(request)), command)

    waits = operation.verb == "GET" and operation.waits is not None

    async def work(db: AsyncSession) -> _Outcome:
        if waits:
            # Looked at again and again, and each statement sees its own moment anyway: none needs a transaction around it.
            await db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        if claim is not None and (stored := await claim.take(db)) is not None:
            return _Outcome(stored, None, [], [])
        ctx = make_context(state, request, caller, db)
        ctx.prepared = prepared
        outcome = await _handle(handled, ctx, command, claim)
        for key in ctx.begun:
            # Before the commit: its end may be heard right after that.
            state.signals.begin(caller.workspace_uuid, key)
        if operation.writes and outcome.reply is not None:
            target = target_of(command, outcome.reply)
            audit.write_last(db, _audit_entry(ctx, request, operation, target, audit.changes_of(operation, payload)))
        return outcome

    async def perform() -> _Outcome:
        async with AsyncExitStack() as held:
            for turns in state.turns_of(operation):
                await held.enter_async_context(turns.take(caller.workspace_uuid))
            return await transact(state.database, caller.workspace_uuid, work)

    headers: dict[str, str] = {}
    if operation.waits is not None and waits and wait:
        hold = long_poll.LongPoll(operation.waits, state.signals, caller.workspace_uuid, wait, str(getattr(command, "uuid", "")))
        outcome = await hold.until_final(request, perform, lambda outcome: outcome.reply)
        headers["Preference-Applied"] = f"wait={wait}"
    elif operation.ends_with_client:
        outcome = await long_poll.unless_disconnected(request, perform)
    else:
        outcome = await perform()
    if operation.writes and operation.name.startswith(ACCESS):
        # The notification comes by another connection: who has removed a token must not see it work once more.
        state.callers.forget()
    await _follow_up(operation, outcome)
    if claim is not None and outcome.reply is None:
        headers["Idempotency-Replayed"] = "true"
    return Reply(outcome.body, headers, [*warnings, *outcome.warnings])


async def _is_repeated(state: State, caller: Caller, claim: Claim | None) -> bool:
    """Whether the response to this request is stored already, so that there is nothing to prepare."""
    if claim is None:
        return False
    async with state.database.session(caller.workspace_uuid) as db:
        return await claim.take(db) is not None


async def authenticate(state: State, request: HTTPConnection) -> Caller:
    """Who the bearer token belongs to; Refusal: 401 for none or a bad one, 403 when another workspace than the token's is selected."""
    caller = await caller_of(state, request, requests.bearer(request))
    selected = request.headers.get("selected-workspace-uuid", "")
    if selected and ids.parse(selected) != caller.workspace_uuid:
        raise Refusal(403, "forbidden", "This token does not belong to the selected workspace.")
    return caller


async def caller_of(state: State, request: HTTPConnection, token: str | None) -> Caller:
    """Who a token belongs to; Refusal (401) for none or a bad one, slower and slower for an address that sends many."""
    caller = await state.callers.of(token) if token else None
    if caller is None:
        await _slow_down(state, request)
        sentence = "This token is not valid: it is unknown, expired or removed." if token else "Sign in first: no token was sent."
        fix = {"fix": "cargo-ai login --token TOKEN"}
        raise Refusal(401, "unauthorized", sentence, fix, {"WWW-Authenticate": "Bearer"})
    return caller


async def _slow_down(state: State, request: HTTPConnection) -> None:
    """Make who tries tokens wait longer and longer, and refuse (429) after too many. A right token is never kept waiting by wrong ones."""
    sender = sender_of(request.client.host if request.client else "")
    state.limits.wrong_tokens.check(sender)
    state.limits.wrong_tokens.count(sender)
    beyond = state.limits.wrong_tokens.counted(sender) - FREE_TRIES
    if beyond > 0:
        await asyncio.sleep(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(beyond, 10)))


def require_permission(caller: Caller, permission: str | None, things: Collection[str] = ()) -> None:
    """Refusal (403) that names the permission when the caller lacks it for these things; for None a token is enough."""
    if permission is not None and not caller.may(permission, things):
        raise Refusal(403, "forbidden", f"You need the permission {permission} for this.", {"permission": permission})


def validate(settings: Settings, operation: AnyOperation, payload: dict[str, Any]) -> tuple[Wire, list[str]]:
    """The validated request, and a warning for every field that it does not have.

    Refusal (400) with `errors` for what is wrong; in strict mode, and where the operation says so, also for unknown fields.
    """
    try:
        command: Wire = operation.request.model_validate(payload)
    except ValidationError as failure:
        raise invalid_input(errors_of(first_faults(operation.request, payload, failure), payload)) from None
    unknown = unknown_field_warnings(command, payload)
    if unknown and (settings.strict or operation.refuses_unknown):
        names = [sentence.removeprefix("unrecognized_keys: ").partition(" is not")[0] for sentence in unknown]
        errors = [{"path": name, "message": "is not a known field"} for name in names[:50]]
        more = ". Nothing was done, since without it more would be chosen than was meant." if operation.refuses_unknown else ""
        raise Refusal(400, "invalidInput", f"unrecognized_keys: {', '.join(names[:20])}{more}", {"errors": errors})
    return command, unknown


def make_context(state: State, request: HTTPConnection, caller: Caller, db: AsyncSession) -> Context:
    """The context of a handler; hand-written routes make theirs with it too."""
    return Context(
        who=caller,
        db=db,
        services=state.services,
        base_url=state.base_url(request),
        request_id=request_id(request),
    )


async def write_audit_entry(
    ctx: Context,
    request: HTTPConnection,
    operation: AnyOperation,
    target: uuid.UUID | None,
    changes: Mapping[str, Sequence[object]] | None = None,
) -> None:
    """Write into the audit log who changed what, in the transaction of the change."""
    await audit.write(ctx.db, _audit_entry(ctx, request, operation, target, changes or {}))


def _audit_entry(
    ctx: Context, request: HTTPConnection, operation: AnyOperation, target: uuid.UUID | None, changes: Mapping[str, Sequence[object]]
) -> audit.Entry:
    return audit.Entry(ctx.who, operation.name, target, ctx.request_id, audit.address_of(request), changes=changes)


async def _handle(handled: HandledOperation, ctx: Context, command: Wire, claim: Claim | None) -> _Outcome:
    operation = handled.operation
    try:
        reply = await handled.handler(ctx, command)
    except Refusal as refusal:
        if refusal.reason not in operation.refusals and refusal.reason not in COMMON:
            _log.error("undeclared refusal", operation=operation.name, reason=refusal.reason)
            if ctx.settings.strict_refusals:
                raise UndeclaredRefusal(f"{operation.name} does not declare {refusal.reason}") from refusal
        await bin_kinds.name_command(ctx, refusal)
        raise
    if not isinstance(reply, operation.response):
        raise TypeError(f"{operation.name} gave a {type(reply).__name__}, not a {operation.response.__name__}")
    body = responses.body_of(operation, reply)
    if claim is not None:
        await claim.store(ctx.db, body)
    return _Outcome(body, reply, ctx.warnings, ctx.after_commit)


def target_of(command: BaseModel, reply: BaseModel) -> uuid.UUID | None:
    """The thing that a write changed: the request's `uuid`, else the reply's first one, at its top or one level down."""
    for source in (command, reply, *(getattr(reply, name) for name in type(reply).model_fields)):
        target = ids.parse(str(getattr(source, "uuid", "")))
        if target is not None:
            return target
    return None


async def _follow_up(operation: AnyOperation, outcome: _Outcome) -> None:
    for callback in outcome.after_commit:
        try:
            await callback()
        except Exception as error:
            # The work is committed; whatever should have been notified polls sooner or later.
            _log.error("a callback after the commit failed", operation=operation.name, exc_info=error)
