"""The endpoint of MCP: check who asks, read one message, and answer it as JSON, or as events where a call takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cargo_ai.context.context import Caller
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.mcp import protocol
from cargo_ai.server.mcp.gate import McpGate
from cargo_ai.server.mcp.protocol import Message, ProtocolError
from cargo_ai.server.mcp.source import ToolResult, ToolSource, UnknownTool, problem

MAX_BODY = 4 * 1024 * 1024
JSON_SECONDS = 1.0
"""What takes longer is answered with events, where the client takes those."""
PROGRESS_SECONDS = 5.0

_EVENT_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_log = log.get(__name__)

OpenSource = Callable[[State, Caller, Request], Awaitable[ToolSource]]
"""The tools of an endpoint for a caller. Refusal where there is nothing for them."""


async def serve(request: Request, open_source: OpenSource) -> Response:
    """The response to one request. Refusal: 401 without a good token, 403 for web pages of others, 404, 413, 429."""
    state = state_of(request)
    gate = state.services.once(McpGate, lambda: McpGate(state.settings, state.limits.mcp))
    gate.check_origin(request)
    caller = await dispatch.authenticate(state, request)
    gate.count(caller.token_uuid)
    source = await open_source(state, caller, request)
    if request.method != "POST":
        # No stream is open beside the requests, and there is no session to end.
        return Response(status_code=405, headers={"Allow": "POST"})
    raw = await requests.read_body(request, MAX_BODY)
    try:
        message = protocol.read(raw, request.headers)
    except ProtocolError as error:
        return responses.json_response(protocol.to_bytes(protocol.error_of(error, None)), error.status)
    if message is None or message.id is None:
        # An answer to what was never asked, or a notification: nothing here is remembered that it could be about.
        return Response(status_code=202)
    return _Exchange(gate, caller, source, message, events="text/event-stream" in request.headers.get("accept", ""))


class _Exchange(Response):
    """The answer to one message. events: the client takes events."""

    def __init__(self, gate: McpGate, caller: Caller, source: ToolSource, message: Message, *, events: bool) -> None:
        super().__init__()
        self._gate, self._caller, self._source, self._message, self._events = gate, caller, source, message, events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; when the client leaves first, the work is cancelled (a run that was started goes on)."""
        with self._gate.enter(self._caller.token_uuid):
            work = asyncio.create_task(self._answer(), name="mcp")
            gone = asyncio.create_task(_gone(receive))
            try:
                await asyncio.wait({work, gone}, timeout=JSON_SECONDS if self._events else None, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    document, status = work.result()
                    await responses.json_response(protocol.to_bytes(document), status)(scope, receive, send)
                elif gone.done():
                    raise ClientDisconnect
                else:
                    await self._stream(work, gone, send)
            finally:
                for task in (work, gone):
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(work, gone, return_exceptions=True)

    async def _stream(self, work: asyncio.Task[tuple[JsonObject, int]], gone: asyncio.Task[None], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _EVENT_HEADERS})
        started = clock.seconds()
        token = self._message.progress_token
        while not work.done():
            await asyncio.wait({work, gone}, timeout=PROGRESS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ClientDisconnect
            if not work.done():
                # A comment keeps proxies from closing what is silent.
                beat = b": \n\n" if token is None else _event(protocol.progress_of(token, clock.seconds() - started))
                await send({"type": "http.response.body", "body": beat, "more_body": True})
        document, _ = work.result()
        await send({"type": "http.response.body", "body": _event(document), "more_body": False})

    async def _answer(self) -> tuple[JsonObject, int]:
        """The answer and its HTTP status. Refusals of the endpoint itself pass through."""
        message = self._message
        try:
            return protocol.answer_of(message, await self._result()), 200
        except ProtocolError as error:
            error.of = message
            return protocol.error_of(error, message), error.status

    async def _result(self) -> JsonObject:
        message = self._message
        if message.method == ("server/discover" if message.modern else "initialize"):
            return protocol.welcome(message, self._source.name, self._source.instructions)
        match message.method:
            case "ping" if not message.modern:
                return {}
            case "tools/list":
                if message.params.get("cursor") is not None:
                    raise ProtocolError(protocol.INVALID_PARAMS, "There is no further page: all tools are on the first.")
                return {"tools": list(await self._source.tools())}
            case "tools/call":
                return (await self._call(message.params)).to_wire()
            case _:
                raise ProtocolError(protocol.METHOD_NOT_FOUND, f"There is no method {message.method}.")

    async def _call(self, params: JsonObject) -> ToolResult:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str):
            raise ProtocolError(protocol.INVALID_PARAMS, "tools/call needs the name of a tool.")
        if arguments is not None and not isinstance(arguments, dict):
            raise ProtocolError(protocol.INVALID_PARAMS, "The arguments are not an object.")
        try:
            return await self._source.call(name, dict[str, object](arguments or {}))  # pyright: ignore[reportUnknownArgumentType]
        except UnknownTool:
            raise ProtocolError(protocol.INVALID_PARAMS, f"There is no tool {name[:200]}.") from None
        except Exception as error:
            refusal = error if isinstance(error, Refusal) else responses.refusal_of(error)
            if refusal is None:
                _log.error("a tool broke", tool=name[:200], exc_info=error)
                refusal = responses.internal_error()
            return problem(refusal.reason, refusal.message, refusal.details)


def _event(document: JsonObject) -> bytes:
    return b"event: message\ndata: " + protocol.to_bytes(document) + b"\n\n"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
