"""The demonstration works, twice at once, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """`tools/demo.py` with a temporary folder of its own, its two outputs as one."""
    folder.mkdir()
    environment = os.environ | {"TMPDIR": str(folder), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    command = [sys.executable, "tools/demo.py", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
@pytest.mark.alone
def test_two_demonstrations_at_once_both_work_and_leave_nothing(tmp_path: Path) -> None:
    both = [start(tmp_path / name) for name in ("one", "two")]
    said = [process.communicate(timeout=120)[0] for process in both]
    for process, text in zip(both, said, strict=True):
        assert process.returncode == 0, text
        assert "batch success: 476 runs" in text
        assert "Granitepath Freight    granitepath-freight.example" in text
        assert "run success, " in text
        assert "; 0 after an answer" in text
    assert [list((tmp_path / name).iterdir()) for name in ("one", "two")] == [[], []]


@pytest.mark.slow
def test_a_demonstration_that_fails_says_where_and_leaves_nothing(tmp_path: Path) -> None:
    graph = json.loads((ROOT / "examples/enrich-model.json").read_text("utf-8"))
    copy = tmp_path / "copy"
    (copy / "examples").mkdir(parents=True)
    for name in ("companies.csv", "enrichment_service.py"):
        (copy / "examples" / name).write_bytes((ROOT / "examples" / name).read_bytes())
    graph[2]["childrenUuids"] = []
    (copy / "examples/enrich-model.json").write_text(json.dumps(graph), "utf-8")
    process = start(tmp_path / "temporary", "--root", str(copy))
    text = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert "The demonstration failed at:" in text
    assert "childrenUuidsInvalid" in text
    assert "The end of the server's log:" in text
    assert list((tmp_path / "temporary").iterdir()) == []
