"""What comes from hostile and broken services: it is read the same in any pieces, or refused; nothing of it reaches the next answer."""

from __future__ import annotations

import pytest

from cargo_ai.outbound.compression import TooLarge
from cargo_ai.outbound.message import Answer
from cargo_ai.outbound.reader import HEAD_BYTES, Broken, Reader

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MAX = 1000


def feed(data: bytes, method: str = "GET", step: int = 0) -> Reader:
    """A reader after this data, in pieces of `step` bytes."""
    reader = Reader(method, MAX)
    for at in range(0, len(data), step or len(data)):
        if reader.ended:
            # The connection takes nothing more from a service whose answer is whole.
            reader.reusable = False
            break
        reader.feed(data[at : at + (step or len(data))])
    return reader


def said(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    return answer.status, b"".join(answer.parts), dict(answer.headers)


LEGAL: dict[str, tuple[bytes, str, tuple[int, bytes, dict[str, str]], bool]] = {
    "length": (OK + b"Content-Length: 2\r\nA: b\r\n\r\nok", "GET", (200, b"ok", {"content-length": "2", "a": "b"}), True),
    "length 0": (OK + b"Content-Length: 0\r\n\r\n", "GET", (200, b"", {"content-length": "0"}), True),
    "repeated header": (
        OK + b"Content-Length: 0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
        "GET",
        (200, b"", {"content-length": "0", "set-cookie": "a=1, b=2"}),
        True,
    ),
    "utf-8 and latin-1": (
        OK + b"Content-Length: 0\r\nA: \xc3\xbc\r\nB: \xfc\r\n\r\n",
        "GET",
        (200, b"", {"content-length": "0", "a": "ü", "b": "ü"}),
        True,
    ),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "GET", (200, b"", {"content-length": "0"}), True),
    "close": (
        OK + b"Content-Length: 2\r\nConnection: close\r\n\r\nok",
        "GET",
        (200, b"ok", {"content-length": "2", "connection": "close"}),
        False,
    ),
    "http 1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", (200, b"ok", {"content-length": "2"}), False),
    "chunks": (CHUNKED + b"2\r\nok\r\n3;a=b\r\n!!!\r\n0\r\n\r\n", "GET", (200, b"ok!!!", {"transfer-encoding": "chunked"}), True),
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 7\r\nStatus: 500\r\n\r\n", "GET", (200, b"ok", {"transfer-encoding": "chunked"}), True),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n"
        + OK
        + b"Content-Length: 2\r\n\r\nok",
        "GET",
        (200, b"ok", {"content-length": "2"}),
        True,
    ),
    "204 with a length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "GET", (204, b"", {"content-length": "5"}), True),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", (304, b"", {"content-length": "5"}), True),
    "304 chunked": (b"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", (304, b"", {"transfer-encoding": "chunked"}), True),
    "head": (OK + b"Content-Length: 5\r\n\r\n", "HEAD", (200, b"", {"content-length": "5"}), False),
    "head without length": (OK + b"A: b\r\n\r\n", "HEAD", (200, b"", {"a": "b"}), False),
    "head of a 204": (b"HTTP/1.1 204 X\r\n\r\n", "HEAD", (204, b"", {}), True),
}


@pytest.mark.parametrize("name", LEGAL)
def test_an_answer_is_read_the_same_in_pieces_of_any_size(name: str) -> None:
    data, method, expected, reusable = LEGAL[name]
    for step in (0, *range(1, len(data))):
        reader = feed(data, method, step)
        assert reader.ended, step
        assert said(reader.answer()) == expected, step
        assert reader.reusable is reusable, step


@pytest.mark.parametrize("name", [name for name in LEGAL if "head" not in name])
def test_an_answer_that_is_cut_off_anywhere_is_none(name: str) -> None:
    data, method, _expected, _reusable = LEGAL[name]
    for length in range(1, len(data)):
        reader = feed(data[:length], method)
        assert not reader.ended, length
        reader.finish(reset=False)
        with pytest.raises(Broken, match="cut off"):
            reader.answer()


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    for step in range(5):
        reader = feed(OK + b"\r\nall of it", step=step)
        assert not reader.ended
        reader.finish(reset=False)
        assert said(reader.answer()) == (200, b"all of it", {})
        assert not reader.reusable


def test_an_answer_without_a_length_does_not_end_with_a_reset() -> None:
    reader = feed(OK + b"\r\nall of")
    reader.finish(reset=True)
    with pytest.raises(Broken, match="cut off"):
        reader.answer()


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        OK + b"Content-Length: 2, 2\r\n\r\nok",
        OK + b"Content-Length: +2\r\n\r\nok",
        OK + b"Content-Length: -2\r\n\r\nok",
        OK + b"Content-Length: 0x2\r\n\r\nok",
        OK + b"Content-Length: 2_0\r\n\r\nok",
        OK + b"Content-Length: 2\x0b\r\n\r\nok",
        OK + b"Content-Length:\r\n\r\nok",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\nok",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\nok",
        OK + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        OK + b"A: b\r\n\tContent-Length: 5\r\n\r\n",
        OK + b" A: b\r\nContent-Length: 0\r\n\r\n",
        OK + b"A : b\r\nContent-Length: 0\r\n\r\n",
        OK + b"A: b\nContent-Length: 0\r\n\r\n",
        OK + b"A: b\rContent-Length: 0\r\n\r\n",
        OK + b"A: b\0c\r\nContent-Length: 0\r\n\r\n",
        OK + b"A\xff: b\r\nContent-Length: 0\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b": no name\r\n\r\n",
        CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2 \r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nok0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\nok",
        CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n",
        CHUNKED + b"2\r\nok\r\n0\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\nok",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"220 smtp.example.com ESMTP\r\n",
        b"\x16\x03\x01\x00\xa5",
    ],
)
def test_what_is_ambiguous_or_no_http_is_refused_in_pieces_of_any_size(data: bytes) -> None:
    for step in range(6):
        reader = feed(data, step=step)
        reader.finish(reset=False)
        with pytest.raises(Broken):
            reader.answer()
        assert not reader.reusable


@pytest.mark.parametrize(
    "behind",
    [b"HTTP/1.1 500 Injected\r\nContent-Length: 0\r\n\r\n", b"H", b"x", b"\0", b"HTTP/1.1 100 Continue\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"],
)
@pytest.mark.parametrize("name", ["length", "chunks", "204 with a length", "304 with a length", "head", "interim"])
def test_what_comes_behind_an_answer_is_not_read_and_ends_the_connection(name: str, behind: bytes) -> None:
    data, method, expected, _reusable = LEGAL[name]
    for step in (0, len(data), len(data) - 1, 1):
        reader = feed(data + behind, method, step)
        assert said(reader.answer()) == expected
        assert not reader.reusable


def endless(pieces: bytes, step: int) -> Broken | TooLarge:
    """How reading ends when these bytes come again and again, after less than 2 MB."""
    reader = feed(CHUNKED)
    with pytest.raises((Broken, TooLarge)) as raised:
        for _ in range(2_000_000 // len(pieces)):
            for at in range(0, len(pieces), step):
                reader.feed(pieces[at : at + step])
                if reader.ended:
                    reader.answer()
    return raised.value


@pytest.mark.parametrize(
    "pieces", [b"1\r\nx\r\n" * 1000, b"1" + b"0" * 5000, b"1;" + b"a" * 5000, b"0\r\n" + b"A: b\r\n" * 1000, b"0\r\nA: " + b"b" * 5000]
)
@pytest.mark.parametrize("step", [1000, 100_000])
def test_chunks_trailers_and_extensions_without_end_are_given_up(pieces: bytes, step: int) -> None:
    endless(pieces, step)


@pytest.mark.parametrize("step", [500, HEAD_BYTES // 2, 10 * HEAD_BYTES])
@pytest.mark.parametrize(
    "data",
    [
        OK + b"A: " + b"b" * 2 * HEAD_BYTES + b"\r\nContent-Length: 0\r\n\r\n",
        OK + b"A" * 2 * HEAD_BYTES + b": b\r\nContent-Length: 0\r\n\r\n",
        OK + b"A: b\r\n" * HEAD_BYTES + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nA: bbbbbbbbbbbb\r\n\r\n" * 6000 + OK + b"Content-Length: 0\r\n\r\n",
    ],
)
def test_headers_without_end_are_given_up(data: bytes, step: int) -> None:
    reader = feed(data, step=step)
    with pytest.raises(Broken, match="headers of the answer are too large"):
        reader.answer()


def test_a_body_beyond_the_limit_is_given_up_before_its_end() -> None:
    with pytest.raises(TooLarge):
        feed(OK + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001).answer()
    with pytest.raises(TooLarge):
        feed(OK + b"\r\n" + b"x" * 1001).answer()
    assert said(feed(OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000).answer())[1] == b"x" * 1000


def test_tiny_chunks_are_joined_since_each_would_cost_more_than_it_holds() -> None:
    answer = feed(CHUNKED + b"2\r\nxy\r\n" * 400 + b"0\r\n\r\n", step=50).answer()
    assert answer.parts == [b"xy" * 400]
