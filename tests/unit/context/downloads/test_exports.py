"""Exports: the bytes of a download, and what its URL says."""

from __future__ import annotations

import csv
import gzip
import io
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports, signed_urls
from cargo_ai.context.downloads.exports import Download, Export, encode, open_export
from cargo_ai.context.process import Services
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.secrets import SecretKey

SECRETS = SecretKey(b"only for tests: 32 bytes or more")
WORKSPACE = uuid.UUID("0198c5f0-0000-7000-8000-000000000001")
NO_SERVICES = cast("Services", None)


@pytest.fixture(autouse=True)
def own_kinds() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = dict(exports.producers)
    yield
    exports.producers.clear()
    exports.producers.update(before)


async def paged(pages: list[list[dict[str, Any]]]) -> AsyncIterator[list[Any]]:
    for page in pages:
        yield page


async def file(
    pages: list[list[dict[str, Any]]], format: exports.Format, columns: list[str] | None = None, *, packed: bool = False
) -> bytes:
    made = Export(paged(pages), columns, "rows")
    return b"".join([part async for part in encode(made, Download(WORKSPACE, "rows", {}, format, packed))])


PAGES = [[{"a": 1, "b": "é\n"}, {"a": None}], [], [{"b": {"x": [1]}}]]
ROWS = [row for page in PAGES for row in page]


async def test_json_is_one_array() -> None:
    assert json.loads(await file(PAGES, "json")) == ROWS


@pytest.mark.parametrize("pages", [[], [[]], [[], []]])
async def test_json_without_rows_is_an_empty_array(pages: list[list[dict[str, Any]]]) -> None:
    assert json.loads(await file(pages, "json")) == []


async def test_ndjson_is_one_object_per_line() -> None:
    text = await file(PAGES, "ndjson")
    assert [json.loads(line) for line in text.splitlines()] == ROWS
    assert await file([], "ndjson") == b""


async def test_csv_follows_rfc_4180() -> None:
    pages = [[{"a": 'say "hi", ok', "b": "x\r\ny"}], [{"b": ""}]]
    assert await file(pages, "csv", ["a", "b"]) == b'a,b\r\n"say ""hi"", ok","x\r\ny"\r\n,\r\n'


async def test_csv_without_rows_has_its_header() -> None:
    assert await file([], "csv", ["a", "b"]) == b"a,b\r\n"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        (3.0, "3"),
        (0.5, "0.5"),
        ("007", "007"),
        ([1, {"a": None}], '[1,{"a":null}]'),
        (datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC), "2026-01-02T03:04:05.678Z"),
        (WORKSPACE, str(WORKSPACE)),
        ("=1+1", "=1+1"),
    ],
)
async def test_a_value_stands_in_csv_as_text(value: Any, cell: str) -> None:
    text = (await file([[{"a": value, "b": "x"}]], "csv", ["a", "b"])).decode()
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == [cell, "x"]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), min_size=3, max_size=3)))
async def test_csv_reads_back_as_it_was(rows: list[list[str]]) -> None:
    names = ["a", "b", "c"]
    text = (await file([[dict(zip(names, row, strict=True)) for row in rows]], "csv", names)).decode()
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == rows


async def test_gzip_packs_the_same_file() -> None:
    assert gzip.decompress(await file(PAGES, "csv", ["a", "b"], packed=True)) == await file(PAGES, "csv", ["a", "b"])


async def test_a_column_that_the_header_lacks_breaks_off_instead_of_being_lost() -> None:
    with pytest.raises(ValueError, match="'c'"):
        await file([[{"a": 1}], [{"c": 1}]], "csv", ["a"])


async def test_a_number_that_json_lacks_breaks_off() -> None:
    with pytest.raises(ValueError, match="JSON"):
        await file([[{"a": float("nan")}]], "json")


async def test_csv_of_unknown_columns_takes_the_keys_of_all_rows() -> None:
    async def produce(_services: Services, _workspace: uuid.UUID, _params: dict[str, Any]) -> Export:
        return Export(paged([[{"a": 1}], [{"b": 2, "a": 3}]]), None, "loose")

    exports.register("loose", produce)

    wanted = Download(WORKSPACE, "loose", {}, "csv", False)
    made = await open_export(NO_SERVICES, wanted)
    assert b"".join([part async for part in encode(made, wanted)]) == b"a,b\r\n1,\r\n3,2\r\n"


def test_a_kind_has_one_producer() -> None:
    async def produce(_services: Services, _workspace: uuid.UUID, _params: dict[str, Any]) -> Export:
        return Export(paged([]), None, "x")

    async def another(_services: Services, _workspace: uuid.UUID, _params: dict[str, Any]) -> Export:
        return Export(paged([]), None, "y")

    exports.register("twice", produce)
    with pytest.raises(ValueError, match="twice"):
        exports.register("twice", another)


async def test_rows_are_closed_when_the_reader_gives_up() -> None:
    closed = False

    async def rows() -> AsyncIterator[list[Any]]:
        nonlocal closed
        try:
            while True:
                yield [{"a": 1}]
        finally:
            closed = True

    parts = encode(Export(rows(), None, "x"), Download(WORKSPACE, "x", {}, "ndjson", False))
    await anext(parts)
    await parts.aclose()
    assert closed


def a_context() -> Context:
    return cast("Context", SimpleNamespace(secrets=SECRETS, base_url="https://cargo.example/x", workspace=WORKSPACE))


def a_link(format: str | None = None, **options: Any) -> tuple[str, list[tuple[str, str]]]:
    async def produce(_services: Services, _workspace: uuid.UUID, _params: dict[str, Any]) -> Export:
        return Export(paged([]), None, "x")

    if "rows" not in exports.producers:
        exports.register("rows", produce)
    url = exports.sign(a_context(), "rows", {"uuid": WORKSPACE, "n": [1, "ü"]}, format, **options)
    return url, parse_qsl(urlsplit(url).query)


@pytest.mark.parametrize(
    ("format", "options", "filename", "media_type"),
    [
        (None, {}, "runs.csv.gz", "application/gzip"),
        ("csv", {}, "runs.csv", "text/csv; charset=utf-8"),
        ("csv", {"gzip": True}, "runs.csv.gz", "application/gzip"),
        ("json", {"gzip": True}, "runs.json", "application/json"),
        ("ndjson", {}, "runs.ndjson", "application/x-ndjson"),
    ],
)
def test_a_url_says_what_is_downloaded(format: str | None, options: dict[str, Any], filename: str, media_type: str) -> None:
    url, query = a_link(format, **options)
    assert url.startswith("https://cargo.example/x/v1/downloads/rows?")
    download = exports.verify_download(SECRETS, "rows", query)
    assert download.workspace == WORKSPACE
    assert download.params == {"uuid": str(WORKSPACE), "n": [1, "ü"]}
    assert (download.filename("runs"), download.media_type) == (filename, media_type)


def test_an_unknown_format_is_bad_input() -> None:
    with pytest.raises(Refusal, match="parquet") as reported:
        a_link("xlsx")
    assert (reported.value.status, reported.value.reason) == (400, "invalidInput")


def test_a_url_of_another_kind_is_not_valid() -> None:
    _, query = a_link()
    with pytest.raises(Refusal) as reported:
        exports.verify_download(SECRETS, "others", query)
    assert (reported.value.status, reported.value.reason) == (403, "linkInvalid")


@pytest.mark.parametrize("name", ["params", "format", "workspace", "expires", "signature", "gzip"])
@pytest.mark.parametrize("change", ["drop", "double", "alter"])
def test_a_url_of_which_anything_was_changed_is_not_valid(name: str, change: str) -> None:
    _, query = a_link()
    changed = [pair for pair in query if pair[0] != name]
    (value,) = (given for key, given in query if key == name)
    if change == "double":
        changed += [(name, value), (name, value)]
    if change == "alter":
        changed += [(name, value[:-1] + ("2" if value[-1] != "2" else "1"))]
    with pytest.raises(Refusal) as reported:
        exports.verify_download(SECRETS, "rows", changed)
    assert (reported.value.status, reported.value.reason) == (403, "linkInvalid")


def test_parameters_cannot_be_shifted_into_each_other() -> None:
    query = parse_qsl(urlsplit(signed_urls.sign(SECRETS, "", "GET", "/p", WORKSPACE, {"a": "1", "b": "2"})).query)
    shifted = [("a", "1b2")] + [pair for pair in query if pair[0] not in {"a", "b"}]
    with pytest.raises(Refusal, match="not valid"):
        signed_urls.verify(SECRETS, "GET", "/p", shifted)


def test_a_url_is_for_its_method_and_its_key() -> None:
    query = parse_qsl(urlsplit(signed_urls.sign(SECRETS, "", "GET", "/p", WORKSPACE)).query)
    assert signed_urls.verify(SECRETS, "GET", "/p", query).workspace == WORKSPACE
    for secrets, method in ((SECRETS, "PUT"), (SecretKey(b"another key that is long enough.."), "GET")):
        with pytest.raises(Refusal, match="not valid"):
            signed_urls.verify(secrets, method, "/p", query)


def test_an_expired_url_says_so() -> None:
    query = parse_qsl(urlsplit(signed_urls.sign(SECRETS, "", "GET", "/p", WORKSPACE, seconds=0)).query)
    with pytest.raises(Refusal) as reported:
        signed_urls.verify(SECRETS, "GET", "/p", query)
    assert (reported.value.status, reported.value.reason) == (403, "linkExpired")
