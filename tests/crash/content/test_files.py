"""Workers die while a file is read or indexed: another one does it again, and no passage is there twice or half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import MakeServer
from tests.kit.processes.real_server import wait_until

pytestmark = [pytest.mark.slow]


@pytest.mark.parametrize("point", ["file is read", "file is indexed"])
def test_a_file_is_indexed_though_its_worker_dies(make_server: MakeServer, tmp_path: Path, point: str) -> None:
    once = tmp_path / "once"
    once.touch()
    server = make_server(CRASH_AT=f"{point}@{once}", STALLED_AFTER_SECONDS="2")
    text = "\n\n".join(f"Paragraph {number} " + "words " * 120 for number in range(300))
    response = server.client.post("/v1/content/files/upload", files={"file": ("a.txt", text.encode())})
    assert response.status_code == 200, response.text
    uuid = response.json()["file"]["uuid"]

    def file() -> dict[str, Any]:
        found: dict[str, Any] = server.call("content.file.get", uuid=uuid)["file"]
        return found

    wait_until(lambda: file()["status"] in {"ready", "error"}, 90, "the file")
    assert not once.exists(), "no worker has died"
    assert (file()["status"], file()["chunksCount"]) == ("ready", 300)
    assert server.value("select count(*) from content_chunks") == 300
    assert server.value("select chunks from content_terms where term = 'paragraph'") == 300
