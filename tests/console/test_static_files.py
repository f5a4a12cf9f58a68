"""Static files of the console."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest

from cargo_ai.console import static_files
from tests.console.conftest import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_files_are_kept_for_ever_by_the_hash_in_their_path(visitor: Browser) -> None:
    response = await visitor.get(static_files.url("console.css"))
    assert response.status_code == 200
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"
    older = await visitor.get("/console/static/000000000000/console.css")
    assert older.headers["cache-control"] == "no-cache"
    assert (await visitor.get("/console/static/0/..%2fapp.py")).status_code == 404


async def test_all_files_together_are_small() -> None:
    assert sum(len(gzip.compress(file.content)) for file in static_files.files().values()) < 60_000


async def test_vendored_files_are_those_of_their_packages() -> None:
    table = (static_files.FOLDER / "VENDORED.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `([^`]+\.js)` .* `([0-9a-f]{64})` \|$", table, re.MULTILINE))
    assert set(listed) == {path.name for path in static_files.FOLDER.glob("*.js")} - {"console.js"}
    for name, digest in listed.items():
        assert hashlib.sha256((static_files.FOLDER / name).read_bytes()).hexdigest() == digest
        assert (static_files.FOLDER / f"{name.removesuffix('.min.js')}.LICENSE.txt").is_file()
