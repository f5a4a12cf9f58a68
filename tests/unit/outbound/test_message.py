"""Requests as bytes: none can hold another one."""

from __future__ import annotations

import pytest

from cargo_ai.outbound.message import Headers, InvalidRequest, write_request
from cargo_ai.outbound.url import parse_url

URL = parse_url("http://a.example:81/b?c")


def test_a_request_is_written() -> None:
    wire = write_request("POST", URL, (("X-One", b"1"), ("accept", b"*/*")), b"hi")
    assert wire.head == b"POST /b?c HTTP/1.1\r\nHost: a.example:81\r\nX-One: 1\r\naccept: */*\r\nContent-Length: 2\r\n\r\n"
    assert (wire.body, wire.repeatable) == (b"hi", False)


@pytest.mark.parametrize(
    ("method", "body", "length", "repeatable"),
    [
        ("GET", None, None, True),
        ("HEAD", None, None, True),
        ("OPTIONS", None, None, True),
        ("GET", b"x", 1, False),
        ("DELETE", None, None, False),
        ("POST", None, 0, False),
        ("PUT", b"", 0, False),
        ("PATCH", None, 0, False),
    ],
)
def test_the_length_is_given_where_a_body_may_be(method: str, body: bytes | None, length: int | None, repeatable: bool) -> None:
    wire = write_request(method, URL, (), body)
    assert (b"Content-Length: %d" % length in wire.head) if length is not None else (b"Content-Length" not in wire.head)
    assert wire.repeatable is repeatable


def test_a_request_that_must_not_arrive_twice_is_not_repeatable() -> None:
    assert write_request("GET", URL, (), None, repeatable=False).repeatable is False


def test_a_request_that_only_reads_is_repeatable_whatever_its_method() -> None:
    assert write_request("POST", URL, (), b"{}", repeatable=True).repeatable is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", b"a\r\nHost: b"),
        ("X", b"a\nb"),
        ("X", b"a\rb"),
        ("X", b"a\0b"),
        ("X", b"\r\n"),
        ("", b"a"),
        ("X ", b"a"),
        ("X:", b"a"),
        ("X\r\nY", b"a"),
        ("Ü", b"a"),
        ("Host", b"b"),
        ("content-length", b"0"),
        ("Transfer-Encoding", b"chunked"),
        ("Connection", b"close"),
        ("Upgrade", b"x"),
        ("Expect", b"100-continue"),
    ],
)
def test_a_header_that_would_change_where_the_request_ends_is_refused(name: str, value: bytes) -> None:
    with pytest.raises(InvalidRequest):
        write_request("GET", URL, ((name, value),), None)


@pytest.mark.parametrize("method", ["", "get", "GET /x", "GET\r\n", "CONNECT", "G" * 21])
def test_a_method_is_a_word(method: str) -> None:
    with pytest.raises(InvalidRequest):
        write_request(method, URL, (), None)


def test_headers_are_found_in_any_case_and_joined() -> None:
    headers = Headers([(b"Content-Type", b"text/plain"), (b"X", b"1"), (b"x", b"2")])
    assert headers["CONTENT-TYPE"] == headers.get("content-type") == "text/plain"
    assert dict(headers) == dict(headers.items()) == {"content-type": "text/plain", "x": "1, 2"}
    assert len(headers) == 2
    assert "X" in headers
    assert headers.get("other") is None
