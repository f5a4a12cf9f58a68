"""One exchange within its limits: time, size, compression, broken connections."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from functools import partial

import pytest

from cargo_ai.outbound.exchange import REQUEST_BYTES, RESPONSE_BYTES, ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.url import parse_url
from tests.kit.peers.echo_service import EchoService, Say

TEXT = b"the same words again and again, " * 200
_gzip = partial(gzip.compress, mtime=0)  # no time inside: the names of tests are made of it


def get(url: str, seconds: float = 60) -> OutboundRequest:
    return OutboundRequest("GET", parse_url(url), seconds=seconds)


async def failure(client: HttpClient, sending: OutboundRequest) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as raised:
        await send(client, sending)
    return raised.value


async def test_an_answer_that_takes_too_long_is_given_up(open_client: HttpClient, service: EchoService) -> None:
    service.on("/slow", Say(delay=30))
    failed = await failure(open_client, get(f"{service.url}/slow", 0.1))
    assert str(failed) == "127.0.0.1 did not answer within 0.1 seconds."
    assert failed.transient
    assert failed.sent


async def test_the_time_counts_for_all_redirects_together(open_client: HttpClient, service: EchoService) -> None:
    service.on("/1", Say(302, headers={"location": "/2"}, delay=0.2))
    service.on("/2", Say(302, headers={"location": "/3"}, delay=0.2))
    service.on("/3", Say(delay=0.2))
    assert (await failure(open_client, get(f"{service.url}/1", 0.5))).transient


async def test_a_connection_that_is_reset_may_be_tried_again(open_client: HttpClient, service: EchoService) -> None:
    service.on("/reset", Say(reset=True))
    failed = await failure(open_client, get(f"{service.url}/reset"))
    assert str(failed).startswith("The connection to 127.0.0.1 broke: ")
    assert failed.transient
    assert failed.sent


async def test_an_answer_that_is_cut_off_may_be_tried_again(open_client: HttpClient, service: EchoService) -> None:
    service.on("/cut", Say(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"))
    assert (await failure(open_client, get(f"{service.url}/cut"))).transient


async def test_a_port_where_no_one_listens_may_be_tried_again(open_client: HttpClient) -> None:
    failed = await failure(open_client, get("http://127.0.0.1:1/"))
    assert str(failed).startswith("127.0.0.1 cannot be reached: ")
    assert failed.transient
    assert not failed.sent


async def test_what_is_no_http_is_a_failure(open_client: HttpClient, service: EchoService) -> None:
    service.on("/odd", Say(raw=b"220 smtp.example.com ESMTP\r\n\r\n"))
    assert (await failure(open_client, get(f"{service.url}/odd"))).transient


async def test_an_answer_of_exactly_the_limit_is_taken_and_one_more_byte_is_not(open_client: HttpClient, service: EchoService) -> None:
    service.on("/full", Say(body=b"x" * RESPONSE_BYTES))
    service.on("/over", Say(body=b"x" * (RESPONSE_BYTES + 1)))
    assert len((await send(open_client, get(f"{service.url}/full"))).body) == RESPONSE_BYTES
    failed = await failure(open_client, get(f"{service.url}/over"))
    assert str(failed) == "The answer of 127.0.0.1 is larger than 4 MB."
    assert not failed.transient


async def test_an_endless_answer_is_stopped_at_the_limit(open_client: HttpClient, service: EchoService) -> None:
    service.on("/endless", Say(raw=b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * (3 * RESPONSE_BYTES)))
    assert "larger than" in str(await failure(open_client, get(f"{service.url}/endless")))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", _gzip(TEXT)),
        ("x-gzip", _gzip(TEXT)),
        ("GZIP", _gzip(TEXT[:100]) + _gzip(TEXT[100:])),
        ("gzip", _gzip(TEXT) + b"\0" * 20),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("identity", TEXT),
    ],
)
async def test_a_compressed_answer_is_unpacked(open_client: HttpClient, service: EchoService, encoding: str, body: bytes) -> None:
    service.on("/packed", Say(body=body, headers={"content-encoding": encoding}))
    assert (await send(open_client, get(f"{service.url}/packed"))).body == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked_beyond_the_limit(open_client: HttpClient, service: EchoService, encoding: str) -> None:
    zeros = b"\0" * (32 * 1024 * 1024)
    bomb = _gzip(zeros) if encoding == "gzip" else zlib.compress(zeros)
    del zeros
    service.on("/bomb", Say(body=bomb, headers={"content-encoding": encoding}))
    tracemalloc.start()
    try:
        assert "larger than 4 MB" in str(await failure(open_client, get(f"{service.url}/bomb")))
        assert tracemalloc.get_traced_memory()[1] < 4 * RESPONSE_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("encoding", "body", "message"),
    [
        ("br", b"x", "only gzip and deflate"),
        ("gzip, gzip", _gzip(_gzip(TEXT)), "only gzip and deflate"),
        ("gzip", b"not gzip at all", "damaged"),
        ("gzip", _gzip(TEXT)[:-20], "ends too early"),
    ],
)
async def test_a_compression_that_cannot_be_read_is_a_failure(
    open_client: HttpClient, service: EchoService, encoding: str, body: bytes, message: str
) -> None:
    service.on("/packed", Say(body=body, headers={"content-encoding": encoding}))
    assert message in str(await failure(open_client, get(f"{service.url}/packed")))


async def test_a_compression_in_many_parts_is_read_up_to_a_thousand(open_client: HttpClient, service: EchoService) -> None:
    empty = _gzip(b"")
    service.on("/thousand", Say(body=empty * 999 + _gzip(TEXT), headers={"content-encoding": "gzip"}))
    service.on("/more", Say(body=empty * 1000 + _gzip(TEXT), headers={"content-encoding": "gzip"}))
    assert (await send(open_client, get(f"{service.url}/thousand"))).body == TEXT
    failed = await failure(open_client, get(f"{service.url}/more"))
    assert str(failed) == "The answer's compression has too many parts."
    assert not failed.transient


async def test_a_body_beyond_the_limit_is_not_sent(open_client: HttpClient, service: EchoService) -> None:
    sending = OutboundRequest("POST", parse_url(service.url), (), b"x" * (REQUEST_BYTES + 1))
    failed = await failure(open_client, sending)
    assert "larger than 10 MB" in str(failed)
    assert not failed.sent
    assert service.connections == 0


async def test_a_head_request_with_a_compression_header_has_an_empty_body(open_client: HttpClient, service: EchoService) -> None:
    service.on("/head", Say(body=_gzip(TEXT), headers={"content-encoding": "gzip"}))
    assert (await send(open_client, OutboundRequest("HEAD", parse_url(f"{service.url}/head")))).body == b""


async def test_connections_are_used_again(open_client: HttpClient, service: EchoService) -> None:
    for _ in range(5):
        await send(open_client, get(service.url))
    assert service.connections == 1


async def test_messages_do_not_repeat_path_and_query(open_client: HttpClient) -> None:
    failed = await failure(open_client, get("http://user:word@127.0.0.1:1/secret-path?key=secret"))
    assert "secret" not in str(failed)
    assert "word" not in str(failed)
