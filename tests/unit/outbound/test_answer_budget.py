"""The budget of bytes for answers that are read at the same time: large ones wait for each other, small ones for no one."""

from __future__ import annotations

import asyncio
import tracemalloc
import uuid
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.outbound.exchange import RESPONSE_BYTES, ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.url import parse_url
from tests.kit.peers.socket_peer import Peer, peer, request_of

LARGE = 3_000_000
SMALL = 60_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


class Service:
    """Answers /large by LARGE bytes of unknown length, /known by as many, /small by SMALL ones; /stuck begins and does not end."""

    def __init__(self) -> None:
        self.stuck = asyncio.Semaphore(0)
        """Released once for each answer of /stuck that has begun."""

    async def behave(self, running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            head = await request_of(running, reader)
            path = head.split()[1]
            writer.write(LENGTH % (SMALL if path == b"/small" else LARGE) if path in (b"/small", b"/known") else CHUNKED)
            for at in range(0, 100_000 if path == b"/stuck" else SMALL if path == b"/small" else LARGE, 20_000):
                part = b"%020d" % at * 1000
                writer.write(part if path in (b"/small", b"/known") else b"%x\r\n%b\r\n" % (len(part), part))
                await writer.drain()
            if path == b"/large":
                writer.write(b"0\r\n\r\n")
            if path == b"/stuck":
                self.stuck.release()


class Site:
    """The service and a client."""

    def __init__(self, service: Service, running: Peer, client: HttpClient) -> None:
        self.service, self.client, self._running = service, client, running

    async def get(self, path: str, *, workspace: uuid.UUID | None = None, seconds: float = 30) -> int:
        """The length of an answer, which must be whole."""
        client = self.client if workspace is None else self.client.of(workspace)
        url = parse_url(f"http://127.0.0.1:{self._running.port}{path}")
        body = (await send(client, OutboundRequest("GET", url, seconds=seconds))).body
        assert all(body[at : at + 20] == b"%020d" % at for at in range(0, len(body), 20_000))
        return len(body)

    async def get_stuck(self, *, workspace: uuid.UUID | None = None, count: int = 1) -> list[asyncio.Task[int]]:
        """Calls whose answers have begun and do not end."""
        calls = [asyncio.create_task(self.get("/stuck", workspace=workspace)) for _ in range(count)]
        for _ in calls:
            await self.service.stuck.acquire()
        return calls


@pytest_asyncio.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Site]:
    """With room for two answers of unknown length, one of each workspace."""
    monkeypatch.setattr(http_client, "ANSWER_BYTES", 2 * RESPONSE_BYTES)
    service = Service()
    async with peer(service.behave) as running, http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})) as client:
        yield Site(service, running, client)


@pytest.mark.parametrize("path", ["/large", "/known"])
async def test_large_answers_wait_for_each_other_and_all_come(site: Site, path: str) -> None:
    tracemalloc.start()
    try:
        assert await asyncio.gather(*(site.get(path) for _ in range(16))) == [LARGE] * 16
        assert tracemalloc.get_traced_memory()[1] < 8 * LARGE
    finally:
        tracemalloc.stop()


async def test_small_answers_wait_for_no_room(site: Site) -> None:
    stuck = await site.get_stuck(count=2)
    assert await asyncio.gather(*(site.get("/small", seconds=5) for _ in range(20))) == [SMALL] * 20
    assert not any(call.done() for call in stuck)
    await end(stuck)


async def test_a_large_answer_for_which_there_is_no_room_in_time_may_be_tried_again(site: Site) -> None:
    stuck = await site.get_stuck()
    for seconds in (0.2, 2.0, 20.0):  # a busy machine takes longer until the answer begins
        with pytest.raises(ExchangeFailed) as raised:
            await site.get("/large", seconds=seconds)
        if "large" in str(raised.value):
            break
    assert (
        str(raised.value) == f"Too many large answers are being read: there was no room for that of 127.0.0.1 within {seconds:g} seconds."
    )
    assert raised.value.transient
    assert raised.value.sent
    await end(stuck)
    assert await site.get("/large", seconds=5) == LARGE


async def test_large_answers_of_one_workspace_leave_room_for_those_of_others(site: Site) -> None:
    full, other = uuid.UUID(int=1), uuid.UUID(int=2)
    stuck = await site.get_stuck(workspace=full)
    waiting = asyncio.create_task(site.get("/large", workspace=full))
    assert [await site.get("/large", workspace=other, seconds=5) for _ in range(3)] == [LARGE] * 3
    assert not waiting.done()
    await end(stuck)
    assert await waiting == LARGE


async def test_calls_that_are_cancelled_break_or_time_out_give_their_room_back(site: Site) -> None:
    for _ in range(3):
        stuck = await site.get_stuck(count=2)
        waiting = [asyncio.create_task(site.get("/large")) for _ in range(3)]
        with pytest.raises(ExchangeFailed):
            await site.get("/stuck", seconds=0.1)
        await end([*stuck, *waiting])
        site.service.stuck = asyncio.Semaphore(0)  # whether the one that timed out had begun
    assert await asyncio.gather(*(site.get("/large", seconds=10) for _ in range(4))) == [LARGE] * 4


async def end(calls: list[asyncio.Task[int]]) -> None:
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
