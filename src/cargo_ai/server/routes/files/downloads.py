"""Downloads by signed URL: the file is produced while it is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from cargo_ai.context.downloads import exports
from cargo_ai.server.api.state import state_of


async def download(request: Request) -> Response:
    """Send the file. Its first page is produced before anything is sent, so that an early failure is a proper error.

    A later one closes the connection in the middle of the body, which no client takes for the end of it.
    """
    state = state_of(request)
    download_link = exports.verify_download(state.secrets, str(request.path_params["kind"]), request.query_params.multi_items())
    export = await exports.open_export(state.services, download_link)
    headers = {"Content-Disposition": f'attachment; filename="{download_link.filename(export.filename)}"'}
    parts = exports.encode(export, download_link)
    first = await anext(parts, b"")
    if request.method == "HEAD":
        await parts.aclose()
        return StreamingResponse(_nothing(), 200, headers, download_link.media_type)
    return StreamingResponse(_continued(first, parts), 200, headers, download_link.media_type)


async def _continued(first: bytes, parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(parts):
        yield first
        async for part in parts:
            yield part


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


routes = [Route(exports.download_path("{kind}"), download, methods=["GET"])]
