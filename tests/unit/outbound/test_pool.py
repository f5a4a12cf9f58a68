"""The pool: connections are used again while they stand, and every way a call can end gives its slot back."""

from __future__ import annotations

import asyncio

import pytest

from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import connection, http_client, pool
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.url import parse_url
from tests.kit.peers.echo_service import EchoService, Heard, Say, echo, echo_service


def get(url: str, seconds: float = 60) -> OutboundRequest:
    return OutboundRequest("GET", parse_url(url), seconds=seconds)


def hang(service: EchoService) -> asyncio.Semaphore:
    """Let /slow hang; released once for each call that has arrived there."""
    arrived = asyncio.Semaphore(0)

    def answer(_heard: Heard) -> Say:
        arrived.release()
        return Say(delay=30)

    service.on("/slow", answer)
    return arrived


async def test_as_many_connections_are_opened_as_calls_are_under_way(open_client: HttpClient, service: EchoService) -> None:
    together = asyncio.Barrier(20)

    async def meet(heard: Heard) -> Say:
        await together.wait()
        return echo(heard)

    service.on("/meet", meet)
    for _ in range(3):
        await asyncio.gather(*(send(open_client, get(f"{service.url}/meet")) for _ in range(20)))
    assert service.connections == 20


async def test_no_more_connections_are_in_use_than_allowed(service: EchoService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "CONNECTIONS", 3)
    under_way = most = 0

    async def slow(_heard: Heard) -> Say:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.002)
        under_way -= 1
        return Say()

    service.on("/slow", slow)
    async with http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})) as client:
        await asyncio.gather(*(send(client, get(f"{service.url}/slow")) for _ in range(30)))
    assert most == 3
    assert service.connections == 3


async def test_calls_that_fail_time_out_or_are_cancelled_give_their_slots_back(
    service: EchoService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "CONNECTIONS", 2)
    hang(service)
    service.on("/reset", Say(reset=True))
    service.on("/big", Say(body=b"x" * 5_000_000))
    async with http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})) as client:
        for path, seconds in (("/slow", 0.05), ("/reset", 5), ("/big", 5)) * 3:
            with pytest.raises(ExchangeFailed):
                await send(client, get(service.url + path, seconds))
        with pytest.raises(ExchangeFailed):
            await send(client, get("http://127.0.0.1:1/"))
        arrived = hang(service)  # some of those that timed out may not have arrived
        for _ in range(5):
            task = asyncio.create_task(send(client, get(f"{service.url}/slow")))
            await arrived.acquire()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert all(received.status == 200 for received in await asyncio.gather(*(send(client, get(service.url)) for _ in range(4))))


async def test_a_call_that_waits_too_long_for_a_connection_is_given_up(service: EchoService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "CONNECTIONS", 1)
    arrived = hang(service)
    async with http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})) as client:
        first = asyncio.create_task(send(client, get(f"{service.url}/slow", 20)))
        await arrived.acquire()
        with pytest.raises(ExchangeFailed) as raised:
            await send(client, get(service.url, 0.05))
        assert raised.value.transient
        first.cancel()


async def test_a_connection_that_the_service_closed_is_not_used_again(open_client: HttpClient) -> None:
    async with echo_service() as service:
        service.on("/last", Say(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"))
        for _ in range(3):
            assert (await send(open_client, get(f"{service.url}/last"))).body == b"ok"
            # The service closes behind its answer: the end is on its way through the loopback.
            await asyncio.sleep(0.01)
        assert service.connections == 3


async def test_idle_connections_are_closed_in_time(open_client: HttpClient, service: EchoService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(pool, "SWEEP_SECONDS", 0.0)
    for _ in range(3):
        await send(open_client, get(service.url))
    assert service.connections == 3


async def test_a_connection_in_steady_use_is_closed_at_its_age(
    open_client: HttpClient, service: EchoService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connection.LONGEST_SECONDS == 300
    for _ in range(3):
        await send(open_client, get(service.url))
    assert service.connections == 1
    monkeypatch.setattr(connection, "LONGEST_SECONDS", 0.0)
    # The one that is too old is used for the last time.
    for connections in (1, 2, 3):
        await send(open_client, get(service.url))
        assert service.connections == connections
