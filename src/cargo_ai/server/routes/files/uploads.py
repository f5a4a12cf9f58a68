"""Uploads: a file as a form, or a part of one by signed URL, streamed into the file store."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import NoReturn

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from cargo_ai.context.context import Caller, Context
from cargo_ai.context.downloads import signed_urls
from cargo_ai.contract.workspace import file as contract
from cargo_ai.domains.workspace.public import Upload, UploadPart, file, upload_store
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import Wire
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.idempotency import Claim
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.server.routes.files.multipart import FileForm, FormBroken, FormTooLarge, NoFile
from cargo_ai.server.routes.files.receiving import Arrival, receiver_of
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FileStore, FilesUnavailable

_FORM_OVERHEAD = 1024 * 1024
"""Bytes that a form may have besides its file."""
_MAX_DRAINED = 256 * 1024 * 1024
_DRAIN_SECONDS = 30
_log = log.get(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Received:
    """A form's file that is stored and has no row yet. texts: other fields of the form."""

    name: str
    content_type: str
    s3_filename: str
    size: int
    digest: str
    texts: Mapping[str, str]


AddRow = Callable[[Context, Received], Awaitable[tuple[Wire, uuid.UUID]]]
"""Adds the row of a file that has arrived: the operation's reply, and the row's uuid."""


async def take(
    request: Request, operation: AnyOperation, purpose: str, add_row: AddRow, texts: Collection[str] = (), caller: Caller | None = None
) -> Response:
    """Store the file of a form and its row. No database connection is held while the file arrives. `caller`: who sends it, where that is
    known without a token."""
    state = state_of(request)
    caller = caller or await dispatch.authenticate(state, request)
    dispatch.require_permission(caller, operation.permission)
    key = requests.idempotency_key(request)
    try:
        # Counted as arriving until its row counts it: what comes in between sees it once at least.
        async with receiver_of(state).receive(state, caller.workspace_uuid, _declared(request) - _FORM_OVERHEAD) as arrival:
            received = await _receive(state, request, caller, arrival, operation, purpose, texts)
            return await _save(state, request, caller, received, key, operation, add_row)
    except Refusal as refusal:
        if refusal.reason in {quotas.REASON, "tooManyRequests"}:
            await _drain(request)
        raise


async def _save(
    state: State, request: Request, caller: Caller, received: Received, key: str | None, operation: AnyOperation, add_row: AddRow
) -> Response:
    """Store the row of a file that has arrived; the response."""
    claim = None
    if key is not None:
        request_values = {"name": received.name, "contentType": received.content_type, "sha256": received.digest, **received.texts}
        claim = Claim(caller.token_uuid, key, requests.request_hash(operation, request_values), state.secrets)
    follow_up: list[Callable[[], Awaitable[None]]] = []

    async def save_row(db: AsyncSession) -> tuple[bytes, bool]:
        if claim is not None and (stored := await claim.take(db)) is not None:
            return stored, True
        context = dispatch.make_context(state, request, caller, db)
        response, uid = await add_row(context, received)
        await quotas.require(await driver_connection(db), caller.workspace_uuid, "storedBytes", state.settings, received.size)
        reply = responses.body_of(operation, response)
        await dispatch.write_audit_entry(context, request, operation, uid, {"name": (received.name,), "size": (received.size,)})
        if claim is not None:
            await claim.store(db, reply)
        follow_up[:] = context.after_commit
        return reply, False

    try:
        reply, replayed = await transact(state.database, caller.workspace_uuid, save_row)
    except Refusal:
        await upload_store.remove_files(state.files, [received.s3_filename])
        raise
    if replayed:
        await upload_store.remove_files(state.files, [received.s3_filename])
    for callback in follow_up:
        await callback()
    return responses.success(operation, reply, {"Idempotency-Replayed": "true"} if replayed else {})


async def _receive(
    state: State, request: Request, caller: Caller, arrival: Arrival, operation: AnyOperation, purpose: str, texts: Collection[str]
) -> Received:
    """Store the form's file. Refusal with nothing stored."""
    limit = state.settings.max_upload_bytes
    await _refuse_declared(request, limit, limit + _FORM_OVERHEAD)
    try:
        form = FileForm(request.headers.get("content-type", ""), request.stream(), "file", limit, texts)
        await form.open()
        key = FileStore.new_key(caller.workspace_uuid, purpose, form.name)
        body = _Counted(arrival.counted(form.data()), limit)
        size = await state.files.put(key, body.chunks())
    except NoFile:
        await _drain(request)
        operation.refuse("noFile")
    except FormBroken as fault:
        await _drain(request)
        operation.refuse("uploadIncomplete", problem=str(fault))
    except FormTooLarge:
        await _refuse_large(request, limit)
    except FilesUnavailable as error:
        await _refuse_unavailable(request, error)
    return Received(form.name, form.content_type, key, size, body.digest, form.texts)


async def upload(request: Request, caller: Caller | None = None) -> Response:
    """Store a file for batches and models. `caller`: as of `take`."""
    return await take(request, contract.upload, "uploads", _add_upload, caller=caller)


async def _add_upload(ctx: Context, received: Received) -> tuple[Wire, uuid.UUID]:
    row = upload_store.new_upload(ctx.workspace, ctx.who.user_uuid, received.name, received.content_type)
    row.s3_filename, row.size = received.s3_filename, received.size
    ctx.db.add(row)
    await ctx.db.flush()
    return file.to_response(row), row.uuid


async def put_part(request: Request) -> Response:
    """Store one part; its `etag` header is what completes the upload. The URL's signature stands for a token."""
    state = state_of(request)
    link = signed_urls.verify(state.secrets, "PUT", request.url.path, request.query_params.multi_items())
    limit = state.settings.max_upload_bytes
    await _refuse_declared(request, limit, limit)
    identity, number = str(request.path_params["upload"]), int(request.path_params["number"])

    async def look(db: AsyncSession) -> Upload:
        return await _open(db, identity)

    row = await transact(state.database, link.workspace, look)
    key = upload_store.part_key(link.workspace, row.uuid, number)
    try:
        async with receiver_of(state).receive(state, link.workspace, _declared(request)) as arrival:
            body = _Counted(arrival.counted(request.stream()), limit)
            size = await state.files.put(key, body.chunks())
    except Refusal:
        await _drain(request)
        raise
    except FormTooLarge:
        await _refuse_large(request, limit)
    except FilesUnavailable as error:
        await _refuse_unavailable(request, error)
    part = {"workspace_uuid": link.workspace, "upload_uuid": row.uuid, "number": number, "key": key, "etag": body.digest, "size": size}

    async def keep(db: AsyncSession) -> str | None:
        await _open(db, identity, locked=True)
        former = await upload_store.save_part(db, UploadPart(**part), limit)
        await quotas.require(await driver_connection(db), link.workspace, "storedBytes", state.settings, size)
        return former

    try:
        former = await transact(state.database, link.workspace, keep)
    except BaseException as error:
        # Also where the commit may have happened: the client sends the part again, and joining refuses a missing one.
        await upload_store.remove_files(state.files, [key])
        if isinstance(error, upload_store.TooLarge):
            raise _too_large(limit) from None
        raise
    if former is not None:
        await upload_store.remove_files(state.files, [former])
    return Response(b"", 200, {"etag": f'"{body.digest}"'})


async def _open(db: AsyncSession, identity: str, *, locked: bool = False) -> Upload:
    row = await upload_store.find(db, identity, locked=locked)
    if row is None or row.expires_at is None:
        contract.sign_part.refuse("uploadNotFound", upload=identity)
    return row


class _Counted:
    """A stream that counts and hashes what passes."""

    def __init__(self, source: AsyncIterator[bytes], most_bytes: int) -> None:
        self._source, self._most = source, most_bytes
        self._hash = hashlib.sha256()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The same bytes; FormTooLarge when there are too many."""
        size = 0
        async for chunk in self._source:
            size += len(chunk)
            if size > self._most:
                raise FormTooLarge
            self._hash.update(chunk)
            yield chunk

    @property
    def digest(self) -> str:
        """SHA-256 of what passed, in hexadecimal."""
        return self._hash.hexdigest()


def _declared(request: Request) -> int:
    """The bytes that the request says to have; 0 where it does not."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdigit() and len(declared) < 20 else 0


async def _refuse_declared(request: Request, limit: int, most_body: int) -> None:
    if _declared(request) > most_body:
        await _refuse_large(request, limit)


async def _refuse_large(request: Request, limit: int) -> NoReturn:
    await _drain(request)
    raise _too_large(limit)


async def _refuse_unavailable(request: Request, error: FilesUnavailable) -> NoReturn:
    _log.error("the file store refused an upload", error=str(error))
    await _drain(request)
    contract.upload.refuse("filesUnavailable")


async def _drain(request: Request) -> None:
    """Read and drop the rest of the body, within bounds: a client that still sends would see a closed connection and no response."""
    deadline = clock.seconds() + _DRAIN_SECONDS
    left = _MAX_DRAINED
    with suppress(RuntimeError):  # raised by Starlette where all was read already
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0 or clock.seconds() > deadline:
                return


def _too_large(limit: int) -> Refusal:
    sentence = contract.upload.refusals["fileTooLarge"].sentence.format(limit=quotas.readable_size(limit))
    return Refusal(413, "fileTooLarge", sentence, headers={"Connection": "close"})


def ignore_disconnects(endpoint: Endpoint) -> Endpoint:
    """The endpoint without errors for clients that disconnect: what they sent was dropped, and no one reads the response."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return Response(b"", 400)

    return guarded


operations = [contract.upload]
routes = [
    Route("/v1" + contract.upload.path, ignore_disconnects(upload), methods=["POST"]),
    Route(file.part_path("{upload}", "{number:int}"), ignore_disconnects(put_part), methods=["PUT"]),
]
