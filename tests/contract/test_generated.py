"""What is generated and committed: up to date, the same each time, and every example in it can be run."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from cargo_ai.cli.arguments import parse
from cargo_ai.cli.failure import Failure
from cargo_ai.cli.words import commands
from tests.kit.examples import EXAMPLES, INDEX, argv

ROOT = Path(__file__).parents[2]


def gen(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / "tools/gen.py", *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow  # `make lint` asks the same
def test_what_is_committed_is_what_the_registry_says() -> None:
    done = gen("--check")
    assert done.returncode == 0, f"run `make gen`:\n{done.stdout}{done.stderr}"


@pytest.mark.slow
def test_generating_twice_gives_the_same_bytes_and_check_notices_a_change(tmp_path: Path) -> None:
    assert gen("--root", str(tmp_path)).returncode == 0
    assert gen("--root", str(tmp_path), "--check").stdout == ""
    page = tmp_path / "docs/reference/workspace.md"
    page.write_text(page.read_text("utf-8") + "x", "utf-8")
    left_over = tmp_path / "docs/reference/gone.md"
    left_over.write_text("x", "utf-8")
    done = gen("--root", str(tmp_path), "--check")
    assert done.returncode == 1
    assert done.stdout.split() == ["stale", "docs/reference/gone.md", "stale", "docs/reference/workspace.md"]
    gen("--root", str(tmp_path))
    assert not left_over.exists()


@pytest.mark.slow
def test_what_is_pending_cannot_grow(tmp_path: Path) -> None:
    pending = tmp_path / "tests/contract/pending.txt"
    pending.parent.mkdir(parents=True)
    pending.write_text("hosting.app.create\n", "utf-8")
    done = gen("--root", str(tmp_path))
    assert done.returncode == 1
    assert "may only shrink" in done.stderr
    assert pending.read_text("utf-8") == "hosting.app.create\n"


def test_every_example_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARGO_AI_CLI_INDEX", raising=False)
    assert EXAMPLES
    for number, example in enumerate(EXAMPLES):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"{}")))
        given = argv(example)
        found = commands.find(given)
        assert found.kind == "command" and found.row is not None, example
        read = {flag for arg in found.row["args"] for flag in arg.get("fileFlags", ())}
        for before, word in pairwise(["", *given]):
            if word.startswith("@") or before in read:
                file = Path(word.removeprefix("@"))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("{}", "utf-8")
        try:
            parse.parse(found.row, found.words, found.rest)
        except Failure as refusal:
            pytest.fail(f"{example}: {refusal.document}")


@pytest.mark.parametrize("path", sorted(INDEX.glob("[!_]*.json")), ids=lambda path: path.stem)
def test_every_command_has_an_example_and_flags_of_its_own(path: Path) -> None:
    for command in json.loads(path.read_text("utf-8"))["commands"]:
        name = " ".join(command["words"])
        assert command["examples"], name
        flags = [flag for arg in command["args"] for flag in arg["flags"]]
        assert len(flags) == len(set(flags)), name
        assert all(flag.startswith("--") for flag in flags), name


@pytest.mark.parametrize("path", sorted(INDEX.glob("[!_]*.json")), ids=lambda path: path.stem)
def test_every_room_and_group_is_reported_in_words_for_its_users(path: Path) -> None:
    """What is missing is added to ROOMS or GROUPS of the room's package in cargo_ai.contract."""
    room = json.loads(path.read_text("utf-8"))
    reported = {room["domain"]: room["summary"], **room["groups"]}
    assert [name for name, summary in reported.items() if not summary.endswith(".") or len(summary) > 100] == []
    assert [name for name, summary in reported.items() if "wire" in summary.lower() or "contract" in summary.lower()] == []


@pytest.mark.parametrize("path", sorted(INDEX.glob("[!_]*.json")), ids=lambda path: path.stem)
def test_no_reason_shows_an_unfilled_place(path: Path) -> None:
    sentences = [said for command in json.loads(path.read_text("utf-8"))["commands"] for said in command["reasons"].values()]
    assert [said for said in sentences if re.search(r"{\w", said)] == []
