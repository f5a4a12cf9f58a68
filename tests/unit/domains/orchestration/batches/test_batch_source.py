"""What a worker reads a batch from: only files of the batch's own workspace, from where another worker stopped."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.engine.dispatch.enumerate import SourceFailed, Sources
from cargo_ai.kernel import ids
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.compose import compose, services_of
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database

# pyarrow has no types of its own.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")

OURS, THEIRS = ids.new(), ids.new()


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore.of(Settings({"CARGO_AI_DATA_DIR": str(tmp_path)}))


@pytest.fixture
async def sources(files: FileStore, tmp_path: Path) -> AsyncIterator[Sources]:
    """The sources of a worker, as the room brings them."""
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    async with http_client.client(Settings({})) as client:
        key = SecretKey(b"only for tests: 32 bytes or more")
        yield compose(services_of(Settings({}), database, files, key, client)).sources
    await database.close()


async def read(sources: Sources, key: str, skip: int = 0, kind: str = "file", **more: Any) -> list[dict[str, Any]]:
    return [row async for chunk in sources.kinds[kind](OURS, {"kind": kind, "s3Filename": key, **more}, skip, ids.new()) for row in chunk]


@pytest.mark.parametrize("name", ["c.csv", "c.ndjson", "C.JSONL"])
@pytest.mark.parametrize("skip", [0, 1, 999, 1_000, 2_499, 2_500])
async def test_reading_goes_on_behind_what_was_enrolled(sources: Sources, files: FileStore, name: str, skip: int) -> None:
    key = files.new_key(OURS, "uploads", name)
    lines = [f"{at}" for at in range(2_500)] if name == "c.csv" else [f'{{"a":"{at}"}}' for at in range(2_500)]
    await files.put(key, "\n".join([*(["a"] if name == "c.csv" else []), *lines]).encode())
    assert await read(sources, key, skip) == [{"a": str(at)} for at in range(skip, 2_500)]


@pytest.mark.parametrize("skip", [0, pytest.param(1_000, marks=pytest.mark.slow), 8_300])
async def test_parquet_is_read_like_csv_wherever_reading_goes_on(sources: Sources, files: FileStore, skip: int) -> None:
    count = 8_300
    out = io.BytesIO()
    columns = {"a": [f"x{at}" for at in range(count)], "n": [1.5, *range(1, count)], "tags": [["t"], *[None] * (count - 1)]}
    pq.write_table(pa.table(columns), out, row_group_size=1_000)
    key = files.new_key(OURS, "uploads", "C.parquet")
    await files.put(key, out.getvalue())
    rows = await read(sources, key, skip)
    assert [row["a"] for row in rows] == columns["a"][skip:]
    if not skip:
        assert rows[:2] == [{"a": "x0", "n": "1.5", "tags": '["t"]'}, {"a": "x1", "n": "1", "tags": ""}]
        assert (await read(sources, key, mappings={"number": "n"}))[1] == {"number": "1"}


async def test_what_is_no_parquet_is_reported(sources: Sources, files: FileStore) -> None:
    key = files.new_key(OURS, "uploads", "c.parquet")
    await files.put(key, b"nothing of the kind")
    with pytest.raises(SourceFailed, match="cannot be read as Parquet"):
        await read(sources, key)


@pytest.mark.parametrize("kind", ["file", "records"])
async def test_a_file_of_another_workspace_is_never_read(sources: Sources, files: FileStore, kind: str) -> None:
    theirs = files.new_key(THEIRS, "uploads", "c.csv")
    await files.put(theirs, b"a\n1\n")
    for key in (theirs, f"{OURS}/../{theirs}", f"{OURS}/", "", str(OURS)):
        with pytest.raises(SourceFailed, match="not of this workspace"):
            await read(sources, key, kind=kind)


async def test_a_file_that_is_gone_is_reported(sources: Sources) -> None:
    with pytest.raises(SourceFailed, match="no longer exists: upload it again"):
        await read(sources, f"{OURS}/uploads/gone.csv")


async def test_a_file_that_cannot_be_read_is_reported_with_its_row(sources: Sources, files: FileStore) -> None:
    key = files.new_key(OURS, "uploads", "c.csv")
    await files.put(key, b"a,b\n1,2\n1,2,3\n")
    with pytest.raises(SourceFailed, match="Row 3 has 3 values"):
        await read(sources, key)


async def test_a_mapping_takes_only_what_it_names(sources: Sources, files: FileStore) -> None:
    key = files.new_key(OURS, "uploads", "c.csv")
    await files.put(key, b"Company,Site\nAcme,acme.com\n")
    assert await read(sources, key, mappings={"name": "Company", "x": "Gone"}) == [{"name": "Acme", "x": ""}]
    assert await read(sources, key, mappings={}) == [{"Company": "Acme", "Site": "acme.com"}]
