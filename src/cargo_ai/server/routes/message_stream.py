"""Answers as server-sent events, while they are written. A stream holds no database connection."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cargo_ai.context.context import Caller
from cargo_ai.contract.ai import message as contract
from cargo_ai.domains.ai.public import END, Cursor, Feed, Feeds, UnknownAnswer, following, read_cursor
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.state import State, state_of

HEARTBEAT_SECONDS = 15.0
_HEADERS = {
    "Cache-Control": "no-store",
    # nginx would keep events back until its buffer is full.
    "X-Accel-Buffering": "no",
    "X-Vercel-AI-UI-Message-Stream": "v1",
}


class Streams:
    """The streams that are open in this process, by workspace and by token."""

    def __init__(self, state: State) -> None:
        self._most = state.settings.max_streams_at_once
        self._open: Counter[object] = Counter()
        self.feeds = Feeds(state.database)
        state.signals.hear(self.feeds.on_note, self.feeds.on_change)

    @contextmanager
    def count(self, caller: Caller) -> Generator[None]:
        """Count a stream while it is open. Refusal (429) for one too many."""
        shares = {caller.workspace_uuid: self._most, caller.token_uuid: max(1, self._most // 2)}
        if self._most and any(self._open[key] >= most for key, most in shares.items()):
            sentence = "Too many answers are being watched at once. Close some, or ask for the message itself (Prefer: wait=25)."
            raise Refusal(429, "tooManyRequests", sentence, headers={"Retry-After": "5"})
        self._open.update(shares.keys())
        try:
            yield
        finally:
            self._open.subtract(shares.keys())
            for key in shares:
                if not self._open[key]:
                    del self._open[key]


class _Stream(StreamingResponse):
    """Ends its generator whatever ends the response."""

    def __init__(self, watching: AsyncGenerator[bytes]) -> None:
        super().__init__(watching, 200, _HEADERS, "text/event-stream")
        self._watching = watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._watching):
            await super().__call__(scope, receive, send)


async def stream(request: Request) -> Response:
    """The events after the last one that the client has; 204 where it has all, so that browsers do not come back."""
    state = state_of(request)
    caller = await dispatch.authenticate(state, request)
    dispatch.require_permission(caller, contract.stream.permission)
    given = {**request.query_params, **request.path_params}
    command, _ = dispatch.validate(state.settings, contract.stream, given)
    assert isinstance(command, contract.StreamMessage)
    last = request.headers.get("last-event-id") or command.last_event_id or ""
    if last == END:
        return Response(status_code=204)
    cursor = read_cursor(last) if last else None
    if last and cursor is None:
        raise invalid_input([{"path": "Last-Event-ID", "message": "is not the id of an event of this stream"}])
    streams = state.services.once(Streams, lambda: Streams(state))
    watching = _watch(state, streams, request, caller, command.uuid, cursor)
    # Up to here in the generator, so that what refuses is an answer of its own.
    await anext(watching)
    return _Stream(watching)


async def _watch(
    state: State, streams: Streams, request: Request, caller: Caller, message: str, cursor: Cursor | None
) -> AsyncGenerator[bytes]:
    uid = ids.parse(message)
    with streams.count(caller):
        try:
            if uid is None:
                raise UnknownAnswer
            async with streams.feeds.watching(caller.workspace_uuid, uid) as feed:
                yield b""
                yield _event({"type": "start", "messageId": message}, cursor or Cursor()) if cursor is None else b": going on\n\n"
                async for part in _events(state, request, feed, cursor or Cursor()):
                    yield part
        except UnknownAnswer:
            contract.stream.refuse("messageNotFound", uuid=message)


async def _events(state: State, request: Request, feed: Feed, cursor: Cursor) -> AsyncGenerator[bytes]:
    while not state.signals.released:
        version, snapshot = feed.version, feed.snapshot
        written: list[bytes] = []
        for event, after in following(cursor, snapshot):
            cursor = after
            written.append(_event(event, cursor))
        if snapshot.closing is not None:
            *before, last = snapshot.closing
            written += [*(_event(event, cursor) for event in before), _event(last, END)]
            yield b"".join([*written, b"data: [DONE]\n\n"])
            return
        if written:
            yield b"".join(written)
        if not await feed.changed(version, HEARTBEAT_SECONDS):
            yield b": alive\n\n"
            try:
                # A token that was removed hears nothing more.
                await dispatch.authenticate(state, request)
            except Refusal:
                return


async def batches(state: State, caller: Caller, message: str, seconds: float) -> AsyncGenerator[list[JsonObject]]:
    """The events of an answer from its beginning, as many at a time as there are; an empty batch where none has come for these seconds.
    Refusal for an unknown answer, or where too many are watched."""
    dispatch.require_permission(caller, contract.stream.permission)
    uid = ids.parse(message)
    streams = state.services.once(Streams, lambda: Streams(state))
    with streams.count(caller):
        try:
            if uid is None:
                raise UnknownAnswer
            async with streams.feeds.watching(caller.workspace_uuid, uid) as feed:
                cursor = Cursor()
                while not state.signals.released:
                    version, snapshot = feed.version, feed.snapshot
                    events: list[JsonObject] = []
                    for event, after in following(cursor, snapshot):
                        cursor = after
                        events.append(event)
                    yield [*events, *(snapshot.closing or ())]
                    if snapshot.closing is not None:
                        return
                    await feed.changed(version, seconds)
        except UnknownAnswer:
            contract.stream.refuse("messageNotFound", uuid=message)


def _event(event: object, cursor: Cursor | str) -> bytes:
    return f"id: {cursor}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode("utf-8", "replace")


routes = [Route("/v1/ai/messages/{uuid}/stream", stream, methods=["GET"])]
operations = [contract.stream]
