"""Connections against sockets that misbehave: what was sent is known, nothing is sent twice, no socket stays open."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import struct
import tracemalloc
from asyncio import StreamReader, StreamWriter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, OutboundResponse, send
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.url import parse_url
from tests.kit.peers.socket_peer import Peer, answering, peer, request_of

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def get(client: HttpClient, running: Peer, method: str = "GET", body: bytes | None = None, seconds: float = 5) -> OutboundResponse:
    return await send(client, OutboundRequest(method, parse_url(running.url), (), body, seconds))


async def failure(client: HttpClient, running: Peer, method: str = "GET", body: bytes | None = None, seconds: float = 5) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as raised:
        await get(client, running, method, body, seconds)
    assert "secret" not in str(raised.value)
    return raised.value


async def test_answers_in_single_bytes_are_whole_and_the_connection_is_used_again(open_client: HttpClient) -> None:
    chunked = b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n"
    empty = b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n"
    async with peer(answering(OK, chunked, empty, OK, step=1)) as running:
        assert [(await get(open_client, running)).body for _ in range(4)] == [b"ok", b"ok", b"", b"ok"]
        assert len(running.received) == 1


async def test_an_answer_without_a_length_ends_with_the_connection_and_a_reset_does_not_end_it(open_client: HttpClient) -> None:
    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        head = await request_of(running, reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        await writer.drain()
        if b"HEAD" in head:
            return
        if b"POST" in head:
            await asyncio.sleep(0.01)
            # Closing within 0 seconds is a reset.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        writer.close()

    async with peer(behave) as running:
        assert (await get(open_client, running)).body == b"all of it"
        assert (await failure(open_client, running, "POST")).sent
        assert (await get(open_client, running, "HEAD")).body == b""


async def test_what_comes_unasked_is_not_the_next_answer(open_client: HttpClient) -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    pushed = asyncio.Event()

    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        head = await request_of(running, reader)
        if b"POST" not in head:
            writer.write(OK + evil)
            return
        writer.write(OK)
        await writer.drain()
        writer.write(evil)
        await writer.drain()
        pushed.set()

    async with peer(behave) as running:
        assert (await get(open_client, running)).body == b"ok"
        assert (await get(open_client, running, "POST")).body == b"ok"
        await pushed.wait()
        assert (await get(open_client, running)).body == b"ok"
        assert len(running.received) == 3
        await running.until_closed()


@pytest.mark.parametrize(("method", "body", "requests"), [("GET", None, 3), ("POST", b"pay", 2), ("DELETE", None, 2), ("GET", b"pay", 2)])
async def test_a_connection_that_ends_while_it_is_used_again_repeats_only_what_may_arrive_twice(
    open_client: HttpClient, method: str, body: bytes | None, requests: int
) -> None:
    heads: list[bytes] = []

    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        heads.append(await request_of(running, reader))
        writer.write(OK)
        if len(heads) == 1:
            heads.append(await request_of(running, reader))
            writer.transport.abort()

    async with peer(behave) as running:
        await get(open_client, running)
        if requests == 3:
            assert (await get(open_client, running, method, body)).body == b"ok"
        else:
            failed = await failure(open_client, running, method, body)
            assert failed.sent
            assert failed.transient
        assert len(heads) == requests


async def test_a_new_connection_that_ends_without_an_answer_is_not_tried_again(open_client: HttpClient) -> None:
    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        await request_of(running, reader)
        writer.transport.abort()

    async with peer(behave) as running:
        assert (await failure(open_client, running)).sent
        assert len(running.received) == 1


async def test_a_body_that_was_not_read_to_its_end_was_not_sent(open_client: HttpClient) -> None:
    async def reads_on(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        await request_of(running, reader)
        if b"PUT" in running.received[-1]:
            writer.transport.abort()
        await asyncio.sleep(30)

    async with peer(reads_on) as running:
        for method in ("POST", "PUT"):
            failed = await failure(open_client, running, method, b"x" * 9_000_000, seconds=0.3)
            assert not failed.sent
            assert failed.transient
        failed = await failure(open_client, running, "POST", b"x", seconds=0.1)
        assert failed.sent or not any(running.received[2:]), "a busy machine may not have sent it by then: then it has not arrived"


async def test_an_answer_that_comes_before_the_body_is_through_is_taken_and_the_connection_is_closed(open_client: HttpClient) -> None:
    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        await request_of(running, reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    async with peer(behave) as running:
        assert (await get(open_client, running, "POST", b"x" * 9_000_000)).status == 413
        await running.until_closed()


async def test_a_post_that_redirects_to_where_nothing_listens_says_whether_it_was_made(open_client: HttpClient) -> None:
    async with peer(answering(b"HTTP/1.1 303 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) as running:
        assert (await failure(open_client, running, "POST", b"x")).sent
    async with peer(answering(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) as running:
        assert not (await failure(open_client, running, "POST", b"x")).sent


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_calls_that_are_cancelled_or_time_out_leave_no_socket_open(open_client: HttpClient, answer: bytes) -> None:
    arrived = asyncio.Semaphore(0)

    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        await request_of(running, reader)
        writer.write(answer)
        await writer.drain()
        arrived.release()

    async with peer(behave) as running:
        calls = [asyncio.create_task(get(open_client, running)) for _ in range(20)]
        for _ in calls:
            await arrived.acquire()
        for call in calls:
            call.cancel()
        assert all(isinstance(result, asyncio.CancelledError) for result in await asyncio.gather(*calls, return_exceptions=True))
        failed = await failure(open_client, running, seconds=0.05)
        assert failed.sent or arrived.locked(), "a busy machine may not have sent it by then: then it has not arrived"
        await running.until_closed()


async def test_a_slow_body_is_bounded_by_the_calls_time(open_client: HttpClient) -> None:
    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        await request_of(running, reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with peer(behave) as running:
        assert "did not answer within 0.2 seconds" in str(await failure(open_client, running, seconds=0.2))


@pytest.mark.slow
async def test_a_thousand_calls_at_once_stay_within_bounds_of_sockets_and_memory(open_client: HttpClient) -> None:
    body = b"x" * 10_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + body

    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)

    async def call(running: Peer) -> int:
        return len((await get(open_client, running, seconds=30)).body)

    async with peer(behave) as running:
        tracemalloc.start()
        try:
            assert await asyncio.gather(*(call(running) for _ in range(1000))) == [10_000] * 1000
            assert tracemalloc.get_traced_memory()[1] < 60_000_000
        finally:
            tracemalloc.stop()
        assert running.most_open <= http_client.CONNECTIONS
        await open_client.aclose()
        await running.until_closed()


@dataclass(frozen=True)
class Certificates:
    """A certificate of `some.example`, and the file that trusts it."""

    server: ssl.SSLContext
    trusted: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Generator[Certificates]:
    """Made for these tests."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("some.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    certificate = folder / "certificate.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, secret)
    yield Certificates(server, certificate)


def tls_client(certificates: Certificates | None) -> HttpClient:
    """A client for which every name is loopback."""

    async def resolve(_host: str) -> list[str]:
        return ["127.0.0.1"]

    trusted = {} if certificates is None else {"SSL_CERT_FILE": str(certificates.trusted)}
    return http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"} | trusted), resolve=resolve)


def https(host: str, running: Peer, body: bytes | None = None) -> OutboundRequest:
    return OutboundRequest("GET" if body is None else "POST", parse_url(f"https://{host}:{running.port}/"), (), body, 5)


async def test_tls_verifies_the_name_that_was_asked_for_not_the_address(certificates: Certificates) -> None:
    async with peer(answering(OK, OK), certificates.server) as running, tls_client(certificates) as client:
        for host in ("some.example", "SOME.example."):
            assert (await send(client, https(host, running))).body == b"ok"
        assert len(running.received) == 1
        for host in ("other.example", "127.0.0.1"):
            with pytest.raises(ExchangeFailed, match=f"The certificate of {host} is not valid") as raised:
                await send(client, https(host, running))
            assert not raised.value.sent
            assert not raised.value.transient


async def test_tls_trusts_no_certificate_by_itself(certificates: Certificates) -> None:
    async with peer(answering(OK), certificates.server) as running, tls_client(None) as client:
        with pytest.raises(ExchangeFailed, match=r"The certificate of some\.example is not valid"):
            await send(client, https("some.example", running))


async def test_large_bodies_go_through_tls_both_ways(certificates: Certificates) -> None:
    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        await request_of(running, reader)
        body = await reader.readexactly(3_000_000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + body)

    async with peer(behave, certificates.server) as running, tls_client(certificates) as client:
        assert (await send(client, https("some.example", running, b"x" * 3_000_000))).body == b"x" * 3_000_000


async def test_calls_that_are_cancelled_while_tls_begins_leave_no_socket_open(certificates: Certificates) -> None:
    async def silent(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read(1)

    async with peer(silent) as running, tls_client(certificates) as client:
        calls = [asyncio.create_task(send(client, https("some.example", running))) for _ in range(5)]
        await running.until(lambda: running.open == 5)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await running.until_closed()


async def test_a_service_that_speaks_no_tls_is_a_failure_that_sent_nothing(open_client: HttpClient) -> None:
    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"220 smtp.example.com ESMTP\r\n")

    async with peer(behave) as running:
        with pytest.raises(ExchangeFailed, match="does not speak TLS as it should") as raised:
            await send(open_client, https("127.0.0.1", running))
        assert not raised.value.sent


async def test_an_answer_over_tls_waits_for_room_and_is_whole(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "ANSWER_BYTES", 1)

    async def behave(running: Peer, reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000)
            await writer.drain()

    async with peer(behave, certificates.server) as running, tls_client(certificates) as client:
        for _ in range(2):
            answers = await asyncio.gather(*(send(client, https("some.example", running)) for _ in range(5)))
            assert [answer.body for answer in answers] == [b"x" * 2_000_000] * 5
