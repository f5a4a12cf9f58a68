"""Answers that are taken as they come: part by part, not kept, no faster than they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import pytest

from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.url import parse_url

EVENTS = "text/event-stream"


class _Listener:
    def __init__(self, most: int = 1 << 30) -> None:
        self.parts: list[bytes] = []
        self.room: Callable[[], None] | None = None
        self.heard, self.filled = asyncio.Event(), asyncio.Event()
        self._most = most

    @property
    def is_full(self) -> bool:
        return sum(map(len, self.parts)) > self._most

    def when_room(self, call: Callable[[], None]) -> None:
        self.room = call
        self.filled.set()

    def begins(self, status: int, headers: Mapping[str, str]) -> bool:
        return status == 200 and headers.get("content-type") == EVENTS

    def part(self, part: bytes) -> None:
        self.parts.append(part)
        self.heard.set()


@asynccontextmanager
async def _serving(*pieces: bytes, status: str = "200 OK", pause: float = 0.0) -> AsyncGenerator[str]:
    answering: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {status}\r\ncontent-type: {EVENTS}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            for piece in pieces:
                await asyncio.sleep(pause)
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)


def _client() -> http_client.HttpClient:
    return http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"}))


async def test_parts_come_before_the_end_and_are_not_kept() -> None:
    listener = _Listener()
    async with _serving(b"one", b"two", pause=0.05) as url, _client() as client:
        sending = asyncio.create_task(send(client, OutboundRequest("GET", parse_url(url)), listener=listener))
        await listener.heard.wait()
        assert not sending.done()
        response = await sending
    assert (b"".join(listener.parts), response.body) == (b"onetwo", b"")


async def test_an_error_is_read_whole() -> None:
    listener = _Listener()
    async with _serving(b"sorry", status="500 Broken") as url, _client() as client:
        response = await send(client, OutboundRequest("GET", parse_url(url)), listener=listener)
    assert (listener.parts, response.status, response.body) == ([], 500, b"sorry")


async def test_each_part_prolongs_the_limit_of_time_and_silence_ends_it() -> None:
    for slower in (1, 4, 16):  # a busy machine is late with a part now and then
        async with _serving(*[b"x"] * 8, pause=0.1 * slower) as url, _client() as client:
            try:
                response = await send(client, OutboundRequest("GET", parse_url(url), seconds=0.5 * slower), listener=_Listener())
            except ExchangeFailed:
                continue
            break
    else:
        raise AssertionError("parts do not prolong it")
    assert response.status == 200
    async with _serving(b"x", b"y", pause=1.0) as url, _client() as client:
        with pytest.raises(ExchangeFailed, match="did not answer within"):
            await send(client, OutboundRequest("GET", parse_url(url), seconds=0.2), listener=_Listener())


async def test_nothing_is_read_for_a_listener_that_is_full() -> None:
    listener = _Listener(most=100_000)
    async with _serving(*[b"x" * 65536] * 200) as url, _client() as client:
        sending = asyncio.create_task(send(client, OutboundRequest("GET", parse_url(url)), listener=listener))
        await listener.filled.wait()
        assert listener.room is not None
        held = sum(map(len, listener.parts))
        assert held < 1_000_000
        taken = 0
        while not sending.done():
            taken += sum(map(len, listener.parts))
            listener.parts.clear()
            listener.room()
            await asyncio.sleep(0.001)
        await sending
    assert taken + sum(map(len, listener.parts)) == 200 * 65536
