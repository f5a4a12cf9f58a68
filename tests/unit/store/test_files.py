"""The file store on a folder."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cargo_ai.kernel.settings import Settings
from cargo_ai.store.files import FileMissing, FileStore, FilesUnavailable, require_owner, safe_name

WORKSPACE = "0198c5f0-0000-7000-8000-000000000001"


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore.of(Settings({"CARGO_AI_DATA_DIR": str(tmp_path)}))


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def megabytes(count: int, then: BaseException | None = None) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 1024 * 1024
    if then is not None:
        raise then


async def test_a_stream_is_kept_and_comes_back(store: FileStore) -> None:
    key = FileStore.new_key(WORKSPACE, "uploads", "a b.csv")
    assert await store.put(key, megabytes(5)) == 5 * 1024 * 1024 == await store.size(key)
    assert sum([len(chunk) async for chunk in store.stream(key)]) == 5 * 1024 * 1024
    assert sum([len(chunk) async for chunk in store.stream(key, start=5 * 1024 * 1024 - 3)]) == 3


@pytest.mark.parametrize("fault", [OSError("mine"), ValueError("mine"), KeyError("mine")])
async def test_a_stream_that_raises_leaves_nothing_and_its_error_passes(store: FileStore, tmp_path: Path, fault: Exception) -> None:
    with pytest.raises(type(fault), match="mine"):
        await store.put(f"{WORKSPACE}/x/1/f", megabytes(5, fault))
    assert files_in(tmp_path) == []


async def test_a_cancelled_write_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"x" * 3 * 1024 * 1024
        begun.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(store.put(f"{WORKSPACE}/x/1/f", stuck()))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert files_in(tmp_path) == []


async def test_what_a_killed_process_has_left_of_a_file_is_removed_after_a_day(store: FileStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"x" * 3 * 1024 * 1024
        begun.set()
        await asyncio.Event().wait()

    await store.put(f"{WORKSPACE}/x/1/whole", b"all of it")
    writing = asyncio.create_task(store.put(f"{WORKSPACE}/x/1/f", stuck()))
    await begun.wait()
    (part,) = (file for file in files_in(tmp_path) if file.name != "whole")

    await store.remove_cut_off()
    assert part.exists()
    for file in files_in(tmp_path):
        os.utime(file, (0, 0))
    await store.remove_cut_off()
    assert [file.name for file in files_in(tmp_path)] == ["whole"]
    # Who is cancelled, rather than killed, removes it.
    part.touch()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def test_a_store_that_is_gone_is_reported_as_unavailable(store: FileStore, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "files")
    (tmp_path / "files").write_text("a file where the folder was")
    with pytest.raises(FilesUnavailable):
        await store.put(f"{WORKSPACE}/x/1/f", megabytes(3))
    with pytest.raises(FilesUnavailable):
        await store.put(f"{WORKSPACE}/x/1/f", b"small")


@pytest.mark.parametrize("key", [f"{WORKSPACE}/none", f"{WORKSPACE}/../../../etc/passwd", f"{WORKSPACE}//x", f"{WORKSPACE}/a\0b"])
async def test_what_is_not_there_is_missing(store: FileStore, key: str) -> None:
    with pytest.raises(FileMissing):
        await store.size(key)
    with pytest.raises(FileMissing):
        await store.read(key)
    with pytest.raises(FileMissing):
        await anext(store.stream(key))


async def test_removing_is_final_and_repeatable(store: FileStore, tmp_path: Path) -> None:
    key = f"{WORKSPACE}/x/1/f"
    await store.put(key, b"1")
    await store.remove(key)
    await store.remove(key)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        WORKSPACE,
        f"{WORKSPACE}/",
        f"/{WORKSPACE}/x",
        f"{WORKSPACE}x/y",
        "0198c5f0-0000-7000-8000-000000000002/x",
        f"{WORKSPACE}/../0198c5f0-0000-7000-8000-000000000002/x",
        f"{WORKSPACE}/./x",
        f"{WORKSPACE}//x",
    ],
)
def test_a_key_that_is_not_the_workspaces_is_missing(key: str) -> None:
    with pytest.raises(FileMissing):
        require_owner(key, WORKSPACE)


def test_a_key_of_the_workspace_is_owned() -> None:
    key = FileStore.new_key(WORKSPACE, "uploads", "../../etc/passwd")
    assert require_owner(key, WORKSPACE) == key
    assert key.endswith("/passwd")


@pytest.mark.parametrize(
    ("name", "safe"),
    [("../../x.csv", "x.csv"), ("C:\\a\\b.csv", "b.csv"), (".hidden", "hidden"), ("..", "file"), ("", "file"), ("é a.csv", "_a.csv")],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("x" * 300 + ".csv").endswith("x.csv")
    assert len(safe_name("x" * 300 + ".csv")) == 100
