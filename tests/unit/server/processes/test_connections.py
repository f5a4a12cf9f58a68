"""Connections that ask for nothing, send slowly or are too many, on both of uvicorn's protocols and over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn

from cargo_ai.server.processes import connections
from cargo_ai.server.processes.connections import Door

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
REQUEST = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


asked: list[str] = []
"""The paths of the requests of this test."""


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Read the body; `/slow` takes its time, `/early` does not read."""
    asked.append(scope["path"])
    if scope["path"] != "/early":
        while (await receive()).get("more_body"):
            pass
    if scope["path"] == "/slow":
        await asyncio.sleep(30)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    with suppress(asyncio.CancelledError):
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(door: Door, implementation: str) -> AsyncGenerator[Connect]:
    """A server behind that door."""
    config = uvicorn.Config(
        answer,
        port=0,
        lifespan="off",
        log_level="critical",
        http=connections.protocol_class(door, implementation),
        timeout_graceful_shutdown=0,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    watching = asyncio.create_task(door.watch())
    port = server.servers[0].sockets[0].getsockname()[1]
    opened: list[asyncio.StreamWriter] = []

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        watching.cancel()
        for writer in opened:
            writer.close()
        await server.shutdown()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the other side closes."""
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 10)
    return b""


async def until(holds: Callable[[], object]) -> None:
    """Return when it is so."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - no one tells
            await asyncio.sleep(0.01)


def received(door: Door) -> list[int]:
    """The bytes of each connection that sends a body, since they were looked at last; the fewest first."""
    return sorted(connection._received for connection in door.sending)  # pyright: ignore[reportPrivateUsage]


pytestmark = pytest.mark.parametrize("implementation", ["h11", "httptools"])


class Time:
    """The time of the connections: only a test lets it pass."""

    now = 1_000.0

    def seconds(self) -> float:
        return self.now

    def passes(self, door: Door, seconds: float) -> None:
        """Let it pass, and look for what has taken too long."""
        self.now += seconds
        door.sweep(self.now)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """It is also looked five times a second for what takes too long."""
    asked.clear()
    made = Time()
    monkeypatch.setattr(connections, "clock", made)
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.2)
    return made


async def test_a_request_without_a_whole_header_is_ended_with_a_sentence_and_an_idle_connection_is_not(
    implementation: str, time: Time
) -> None:
    door = Door(100)
    async with serving(door, implementation) as connect:
        silent, half, good = await connect(), await connect(), await connect()
        half[1].write(b"GET /quick HTTP/1.1\r\nHost:")
        good[1].write(REQUEST)
        assert (await good[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        await until(lambda: len(door.asking) == 2 and door.idle)
        time.passes(door, 19.9)
        assert len(door.asking) == 2
        time.passes(door, 0.1)
        for reader, _ in (silent, half):
            head, _, body = (await rest(reader)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408") and json.loads(body)["reason"] == "requestTimeout"
        good[1].write(REQUEST[:20])
        good[1].write(REQUEST[20:])
        assert (await good[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        good[1].write(REQUEST[:20])
        await until(lambda: door.asking)
        time.passes(door, 20)
        assert (await rest(good[0])).startswith(b"HTTP/1.1 408"), "the second header of a connection has a limit, too"


async def test_a_body_that_stops_coming_is_ended_and_one_that_is_answered_slowly_is_not(implementation: str, time: Time) -> None:
    door = Door(100, body_bytes=100)
    async with serving(door, implementation) as connect:
        drip, steady, slow = await connect(), await connect(), await connect()
        for _, writer in (drip, steady):
            writer.write(POST)
        slow[1].write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: sorted(asked) == ["/quick", "/quick", "/slow"])
        drip[1].write(b"x")
        for number in range(3):
            steady[1].write(b"x" * 1_000)
            await until(lambda: received(door)[-1] >= 1_000)
            assert len(door.sending) == (1 if number else 2)
            time.passes(door, 20)
        assert b"200" not in await rest(drip[0])
        assert not steady[0].at_eof() and not slow[0].at_eof()
        steady[1].write(b"x" * (1_000_000 - 3_000))
        assert (await steady[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def test_where_there_are_too_many_the_oldest_that_asked_for_nothing_makes_room(implementation: str) -> None:
    async with serving(Door(5), implementation) as connect:
        half = [await connect() for _ in range(5)]
        for _, writer in half:
            writer.write(b"GET / HTTP/1.1\r\n")
        for at in range(5):
            reader, writer = await connect()
            writer.write(REQUEST)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200"), at
            assert await rest(half[at][0]) == b"", "the oldest is gone"


async def test_where_all_are_being_served_one_more_is_answered_503_with_a_sentence(implementation: str, time: Time) -> None:
    door = Door(3)
    async with serving(door, implementation) as connect:
        for _ in range(3):
            _, writer = await connect()
            writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: asked == ["/slow"] * 3)
        reader, writer = await connect()
        writer.write(REQUEST)
        head, _, body = (await rest(reader)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in head
        assert json.loads(body)["reason"] == "tooManyConnections" and "3 connections" in json.loads(body)["errorMessage"]
        silent, _ = await connect()
        await until(lambda: door.turned_away)
        time.now += 1  # without a look of ours: the door's own comes
        assert await rest(silent) == b"", "one that says nothing is not kept either"


async def test_a_long_body_that_was_answered_early_does_not_count_as_a_slow_header(implementation: str, time: Time) -> None:
    door = Door(100, header_seconds=1, body_seconds=1)
    async with serving(door, implementation) as connect:
        reader, writer = await connect()
        writer.write(POST.replace(b"quick", b"early"))
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        if implementation == "h11":
            return  # it closes the connection by itself
        for _ in range(5):
            writer.write(b"x" * 10_000)
            await until(lambda: sum(received(door)) >= 10_000)
            time.passes(door, 2)
        assert len(door.sending) == 1 and not reader.at_eof()
