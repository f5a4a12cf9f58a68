"""Downloads by signed URL, over a real connection."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export
from cargo_ai.context.process import Services
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal

Refused = Callable[[httpx.Response, int, str], str]
PAGE = [{"n": number, "text": "x" * 1000} for number in range(100)]
made: list[int] = []
"""The pages that were made, and by the end of a source a last entry of -1."""


async def numbers(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """Pages of 100 rows of 1 KB, each fetched in a session of its own; fails before page `fail`."""
    if params.get("missing"):
        raise Refusal(404, "batchNotFound", "There is no such batch.")

    async def rows() -> AsyncIterator[list[Any]]:
        try:
            for number in range(params["pages"]):
                if number == params.get("fail"):
                    raise ZeroDivisionError("a secret detail")
                async with services.database.session(workspace) as db:
                    await db.execute(text("SELECT 1"))
                made.append(number)
                yield PAGE
        finally:
            made.append(-1)

    return Export(rows(), ["n", "text"], "numbers of\n../all")


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    """The kind `numbers`, for one test."""
    made.clear()
    exports.register("numbers", numbers)
    yield
    del exports.producers["numbers"]


def link(live: Any, format: str | None, **params: Any) -> str:
    ctx = SimpleNamespace(secrets=live.state.secrets, base_url=live.base_url, workspace=live.first_workspace.workspace_uuid)
    return exports.sign(cast("Context", ctx), "numbers", params, format)


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a list tells no one
            await asyncio.sleep(0.01)


def test_a_download_needs_no_token_and_reads_as_its_format(live_server: Any) -> None:
    rows = PAGE * 3
    assert httpx.get(link(live_server, "json", pages=3)).json() == rows
    assert [json.loads(line) for line in httpx.get(link(live_server, "ndjson", pages=3)).text.splitlines()] == rows
    plain = httpx.get(link(live_server, "csv", pages=3))
    assert plain.text.split("\r\n")[:2] == ["n,text", "0," + "x" * 1000]
    packed = httpx.get(link(live_server, None, pages=3))
    assert gzip.decompress(packed.content) == plain.content


def test_the_headers_name_type_and_file(live_server: Any) -> None:
    packed = httpx.get(link(live_server, None, pages=1))
    assert packed.headers["content-type"] == "application/gzip"
    assert packed.headers["content-disposition"] == 'attachment; filename="all.csv.gz"'
    assert "content-encoding" not in packed.headers
    assert packed.headers["cache-control"] == "no-store"
    assert httpx.get(link(live_server, "csv", pages=1)).headers["content-type"] == "text/csv; charset=utf-8"
    assert httpx.get(link(live_server, "json", pages=1)).headers["content-type"] == "application/json"


def test_head_gives_the_headers_alone(live_server: Any) -> None:
    reply = httpx.head(link(live_server, "json", pages=1000))
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, b"", "application/json")
    assert len(made) < 10


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", None])
def test_without_rows_the_file_is_whole_and_empty(live_server: Any, format: str | None) -> None:
    body = httpx.get(link(live_server, format, pages=0)).content
    expected = {"json": b"[]\n", "ndjson": b"", "csv": b"n,text\r\n"}.get(format or "csv")
    assert (gzip.decompress(body) if format is None else body) == expected


def test_an_expired_link_is_refused(live_server: Any, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    url = link(live_server, "json", pages=1)
    later = clock.unix_seconds() + 3601
    monkeypatch.setattr(clock, "unix_seconds", lambda: later)
    assert "expired" in refused(httpx.get(url), 403, "linkExpired")
    assert made == []


def test_a_link_of_which_anything_was_changed_is_refused(live_server: Any, refused: Refused) -> None:
    url = link(live_server, "json", pages=1)
    for changed in (
        url.replace("format=json", "format=csv"),
        url.replace(str(live_server.first_workspace.workspace_uuid), str(uuid.uuid4())),
        url.replace("params=", "params=e30"),
        url.replace("/numbers?", "/runs?"),
        url.replace("/numbers?", "/..%2Fnumbers?"),
        url + "x",
        url + "&gzip=1",
        url.partition("?")[0],
    ):
        reply = httpx.get(changed)
        if reply.status_code != 404:
            refused(reply, 403, "linkInvalid")
    assert made == []


def test_what_the_producer_refuses_is_a_proper_error(live_server: Any, refused: Refused) -> None:
    refused(httpx.get(link(live_server, "json", missing=True)), 404, "batchNotFound")


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", None])
def test_what_fails_before_the_first_row_is_a_proper_error(live_server: Any, refused: Refused, format: str | None) -> None:
    said = refused(httpx.get(link(live_server, format, pages=3, fail=0), timeout=60), 500, "internal")
    assert "secret" not in said


@pytest.mark.parametrize("format", ["json", "ndjson", "csv"])
def test_what_fails_on_the_way_breaks_the_connection(live_server: Any, format: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(link(live_server, format, pages=50, fail=20), timeout=60)


@pytest.mark.slow
def test_a_slow_reader_stops_the_producer(live_server: Any, database_url: str) -> None:
    """The client reads nothing for a while: the pages in flight are few, no connection is held, and at the end all is there."""
    address = urlsplit(link(live_server, "ndjson", pages=600))
    with socket.create_connection((address.hostname, address.port or 80)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.sendall(f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        asyncio.run(settled())
        assert 0 < len(made) < 200
        assert live_server.state.database.engine.pool.checkedout() == 0
        received = b"".join(iter(lambda: connection.recv(1 << 20), b""))
    assert received.count(b'"text"') == 600 * 100
    assert made[-1] == -1


async def settled() -> None:
    """Until the producer has made no page for half a second."""
    async with asyncio.timeout(30):
        before, same = -1, 0
        while same < 10:
            await asyncio.sleep(0.05)
            same = same + 1 if made and len(made) == before else 0
            before = len(made)


def test_a_reader_that_hangs_up_ends_the_producer(live_server: Any) -> None:
    address = urlsplit(link(live_server, "ndjson", pages=1_000_000))
    with socket.create_connection((address.hostname, address.port or 80)) as connection:
        connection.sendall(f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(1000)
    asyncio.run(until(lambda: bool(made) and made[-1] == -1))
