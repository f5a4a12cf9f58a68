"""Uploads: a file as a form, or a part of one by signed URL, streamed into the file store."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import NoReturn

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from cargo_ai.context import signed_urls
from cargo_ai.context.context import Caller
from cargo_ai.contract.workspace import file as contract
from cargo_ai.domains.workspace.public import Upload, UploadPart, file, upload_store
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import dispatch, requests, responses
from cargo_ai.server.api.idempotency import Claim
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.server.routes.multipart import FileForm, FormBroken, FormTooLarge, NoFile
from cargo_ai.server.routes.receiving import Arrival, receiver_of
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FilesUnavailable

_FORM_OVERHEAD = 1024 * 1024
"""Bytes that a form may have besides its file."""
_MAX_DRAINED = 256 * 1024 * 1024
_DRAIN_SECONDS = 30
_log = log.get(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


async def upload(request: Request) -> Response:
    """Store the file of the form and its row. No database connection is held while the file arrives."""
    state = state_of(request)
    caller = await dispatch.authenticate(state, request)
    dispatch.require_permission(caller, contract.upload.permission)
    key = requests.idempotency_key(request)
    try:
        # Counted as arriving until its row counts it: what comes in between sees it once at least.
        async with receiver_of(state).receive(state, caller.workspace_uuid, _declared(request) - _FORM_OVERHEAD) as arrival:
            row, digest = await _receive(state, request, caller, arrival)
            return await _save(state, request, caller, row, digest, key)
    except Refusal as refusal:
        if refusal.reason in {quotas.REASON, "tooManyRequests"}:
            await _drain(request)
        raise


async def _save(state: State, request: Request, caller: Caller, row: Upload, digest: str, key: str | None) -> Response:
    """Store the row of a file that has arrived; the response."""
    claim = None
    if key is not None:
        request_values = {"name": row.name, "contentType": row.content_type, "sha256": digest}
        claim = Claim(caller.token_uuid, key, requests.request_hash(contract.upload, request_values), state.secrets)

    async def save_row(db: AsyncSession) -> tuple[bytes, bool]:
        if claim is not None and (stored := await claim.take(db)) is not None:
            return stored, True
        db.add(row)
        await db.flush()
        await quotas.require(await driver_connection(db), caller.workspace_uuid, "storedBytes", state.settings, row.size or 0)
        reply = responses.body_of(contract.upload, file.to_response(row))
        dispatch.write_audit_entry(dispatch.make_context(state, request, caller, db), contract.upload, row.uuid)
        if claim is not None:
            await claim.store(db, reply)
        return reply, False

    try:
        reply, replayed = await transact(state.database, caller.workspace_uuid, save_row)
    except Refusal:
        await upload_store.remove_files(state.files, [row.s3_filename])
        raise
    if replayed:
        await upload_store.remove_files(state.files, [row.s3_filename])
    return responses.success(contract.upload, reply, {"Idempotency-Replayed": "true"} if replayed else {})


async def _receive(state: State, request: Request, caller: Caller, arrival: Arrival) -> tuple[Upload, str]:
    """Store the form's file; its row, not yet in the database, and its SHA-256. Refusal with nothing stored."""
    limit = state.settings.max_upload_bytes
    await _refuse_declared(request, limit, limit + _FORM_OVERHEAD)
    try:
        form = FileForm(request.headers.get("content-type", ""), request.stream(), "file", limit)
        await form.open()
        row = upload_store.new_upload(caller.workspace_uuid, caller.user_uuid, form.name, form.content_type)
        body = _Counted(arrival.counted(form.data()), limit)
        row.size = await state.files.put(row.s3_filename, body.chunks())
    except NoFile:
        await _drain(request)
        contract.upload.refuse("noFile")
    except FormBroken as fault:
        await _drain(request)
        contract.upload.refuse("uploadIncomplete", problem=str(fault))
    except FormTooLarge:
        await _refuse_large(request, limit)
    except FilesUnavailable as error:
        await _refuse_unavailable(request, error)
    return row, body.digest


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


def _ignore_disconnects(endpoint: Endpoint) -> Endpoint:
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
    Route("/v1" + contract.upload.path, _ignore_disconnects(upload), methods=["POST"]),
    Route(file.part_path("{upload}", "{number:int}"), _ignore_disconnects(put_part), methods=["PUT"]),
]
