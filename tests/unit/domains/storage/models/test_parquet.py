"""Parquet in and out: types from the schema, values as they were, files that are none, and what never gets into the server's memory."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.files import parquet
from cargo_ai.files.text_files import InvalidFile
from tests.kit.api_client import ApiClient
from tests.kit.property_examples import examples
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

# pyarrow has no types of its own.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")

WHEN = datetime(2020, 1, 2, 3, 4, 5, 678000, UTC)


def file_of(**columns: Any) -> bytes:
    """A Parquet file of some columns, in row groups of two."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=2)
    return out.getvalue()


SAMPLE = {
    "Id": pa.array(["a", "b", "c"]),
    "ref": pa.array([2**60, 1, 2]),
    "amount": pa.array([Decimal("1.50"), None, Decimal("2.00")]),
    "at": pa.array([WHEN.replace(tzinfo=None), None, None]),
    "ok": pa.array([True, False, None]),
    "tags": pa.array([["x", "y"], [], None]),
    "more": pa.array([{"n": 1}, None, {"n": None}]),
    "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
}


async def test_a_model_from_parquet_has_the_types_of_the_schema(api: ApiClient) -> None:
    key = await upload(api, file_of(**SAMPLE), "data.parquet")
    uid = await api.model("uploaded", "uploadFile", s3Filename=key)
    model = (await api.call("storage.model.get", uuid=uid))["model"]
    types = ["string", "string", "number", "date", "boolean", "array", "object", "string"]
    assert [column["type"] for column in model["columns"]] == types
    first, second, third = await api.records(uid)
    assert (first["_id"], first["ref"], first["amount"], first["at"]) == ("a", str(2**60), 1.5, "2020-01-02T03:04:05.678Z")
    assert (first["ok"], first["tags"], first["more"], first["kind"]) == (True, ["x", "y"], {"n": 1}, "u")
    assert (second["amount"], second["tags"], second["more"], third["more"]) == (None, [], None, {"n": None})


async def test_what_a_model_gives_as_parquet_it_takes_back_unchanged(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(
        uid,
        {"domain": "a.com", "name": 'say "hi",\nü', "employees": 3, "founded": "2020-01-02T03:04:05.678Z", "is_public": True},
        {"domain": "b.com", "employees": 1.5, "facts": {"x": [1, None]}, "tags": []},
    )
    url = (await api.call("storage.record.download", modelUuid=uid, format="parquet"))["url"]
    body = (await api.http.get(url.partition("http://test")[2])).content
    table = pq.read_table(io.BytesIO(body))
    assert [str(table.schema.field(name).type) for name in ("employees", "founded", "is_public", "facts")] == [
        "double", "timestamp[us, tz=UTC]", "bool", "string",
    ]  # fmt: skip
    assert table.column("founded").to_pylist() == [WHEN, None]
    found = await api.call("storage.record.ingest", modelUuid=uid, s3Filename=await upload(api, body, "back.parquet"))
    assert (found["unchanged"], found["updated"], found["added"]) == (2, 0, 0)


async def test_a_value_that_does_not_fit_names_its_row(api: ApiClient) -> None:
    uid = await api.model()
    key = await upload(api, file_of(domain=["a.com", "b.com", "c.com"], employees=["1", "2", "many"]), "data.parquet")
    said = await api.refusal_message("storage.record.ingest", modelUuid=uid, s3Filename=key)
    assert 'data.parquet, row 3, column employees: "many" is not a number' in said
    assert await api.records(uid) == []


async def test_a_query_is_downloaded_as_parquet(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "employees": 2})
    url = (
        await api.call("storage.query.download", query="select domain, employees, null as nothing from default.companies", format="parquet")
    )["url"]
    body = (await api.http.get(url.partition("http://test")[2])).content
    assert pq.read_table(io.BytesIO(body)).to_pylist() == [{"domain": "a.com", "employees": 2, "nothing": None}]


@pytest.mark.parametrize("body", [b"", b"PAR1", b"hello" * 1000, file_of(a=[1])[:-20]])
async def test_what_is_no_parquet_is_refused_in_words(api: ApiClient, body: bytes) -> None:
    uid = await api.model()
    key = await upload(api, body or b" ", "data.parquet")
    assert await api.refused("storage.record.ingest", modelUuid=uid, s3Filename=key) == (400, "fileInvalid")


def test_the_server_does_not_load_pyarrow() -> None:
    code = "import sys, cargo_ai.server.api.app, cargo_ai.server.processes.worker; sys.exit('pyarrow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


async def parts(*given: bytes) -> AsyncIterator[bytes]:
    for one in given:
        yield one


async def test_rows_that_break_off_make_no_file() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b'{"a":1}\n'
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        _ = [part async for part in parquet.encode(broken(), "lines", None, None)]


async def test_a_file_that_is_none_is_reported_by_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidFile, match="cannot be read as Parquet"):
        await parquet.read_shape(path)


VALUES = st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(codec="utf-8")))


@settings(max_examples=examples(8), deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), min_size=1, max_size=30))
async def test_rows_of_any_values_keep_them(rows: list[dict[str, Any]]) -> None:
    import json

    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    body = b"".join([part async for part in parquet.encode(parts(text), "lines", None, None)])
    for row, back in zip(rows, pq.read_table(io.BytesIO(body)).to_pylist(), strict=True):
        for name, value in row.items():
            kinds: set[type[object]] = {type(one[name]) for one in rows if one[name] is not None}
            assert back[name] == (value if len(kinds) < 2 or value is None else json.dumps(value, ensure_ascii=False))
