"""Files of content: uploaded as a form, and sent as they were uploaded."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from cargo_ai.context.context import Context
from cargo_ai.contract.content import file as contract
from cargo_ai.domains.content import public as content
from cargo_ai.kernel.wire import Wire
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.state import state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.server.routes.files.uploads import Received, ignore_disconnects, take
from cargo_ai.store import quotas
from cargo_ai.store.files import FileMissing, FilesUnavailable

MAX_BYTES = 256 * 1024 * 1024
_FIELDS = ("folderUuid", "libraryUuid", "uuid")


async def upload(request: Request) -> Response:
    """Store a file, which a worker then makes searchable."""
    return await take(request, contract.upload, "files", _add, _FIELDS)


async def _add(ctx: Context, received: Received) -> tuple[Wire, uuid.UUID]:
    return await content.add(ctx, content.Stored(received.name, received.content_type, received.s3_filename, received.size, received.texts))


async def read_bytes(request: Request) -> Response:
    """Send a file. Its first bytes are read before anything is sent, so that an early failure is a proper error."""
    state = state_of(request)
    caller = await dispatch.authenticate(state, request)
    dispatch.require_permission(caller, contract.read_bytes.permission)
    named = str(request.path_params["uuid"])

    async def look(db: AsyncSession) -> tuple[str, int] | None:
        row = await content.find(db, named)
        return None if row is None else (row.s3_filename, row.size)

    found = await transact(state.database, caller.workspace_uuid, look)
    if found is None:
        contract.read_bytes.refuse("fileNotFound", uuid=named)
    key, size = found
    if size > MAX_BYTES:
        contract.read_bytes.refuse("tooLarge", size=quotas.readable_size(size), limit=quotas.readable_size(MAX_BYTES))
    parts = state.files.stream(key)
    try:
        first = await anext(parts, b"")
    except FileMissing:
        contract.read_bytes.refuse("fileNotFound", uuid=named)
    except FilesUnavailable:
        contract.read_bytes.refuse("filesUnavailable")
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Content-Length": str(size)}
    return StreamingResponse(_continued(first, parts), 200, headers, "application/octet-stream")


async def _continued(first: bytes, parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(parts):
        yield first
        async for part in parts:
            yield part


operations = [contract.upload, contract.read_bytes]
routes = [
    Route("/v1" + contract.upload.path, ignore_disconnects(upload), methods=["POST"]),
    Route("/v1" + contract.read_bytes.path, read_bytes, methods=["GET"]),
]
