"""The guides are true: what their console blocks say is typed, and answered as they show."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cargo_ai.store.embedded import identity, postgres
from tests.scenarios.story import console

ROOT = Path(__file__).resolve().parents[3]
GUIDES = sorted((ROOT / "docs/guide").glob("*.md"))


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a person who has just cloned the repository; what a page has left running is stopped."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("CARGO_", "XDG_", "MAKE", "MFLAGS"))}
    proxies = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    yield mine | proxies | {"HOME": str(tmp_path), "TMPDIR": str(temporary), "CARGO_AI_PORT": "0"}
    for note in identity.ROOT_HOME.glob("*/data-folder"):  # root's databases lie there and outlive the data folder that a page removes
        data = Path(note.read_text().strip())
        if data.is_relative_to(temporary):
            data.mkdir(parents=True, exist_ok=True)
            (data / identity.ID_FILE).write_text(note.parent.name)
    for data in temporary.glob("*/data"):
        stop = [Path(sys.executable).with_name("cargo-ai"), "server", "stop"]
        subprocess.run(stop, env=mine | {"CARGO_AI_DATA_DIR": str(data)}, check=False, stdout=subprocess.DEVNULL)
        postgres.erase(data)
    for service in temporary.glob("*/service.json"):
        os.kill(json.loads(service.read_bytes())["pid"], signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_the_console_blocks_of_a_guide_work_as_shown(page: Path, environment: dict[str, str], tmp_path: Path) -> None:
    console.run(page, ROOT, environment, tmp_path / "stderr.txt")


def test_a_block_that_names_a_file_is_that_file() -> None:
    console_page = "```python a/b.py\nx = '$1'\n\n$ no command\n```\n```json\n{}\n```\n```console\n$ cat a/b.py\nx\n```\n"
    file, command = console.commands(console_page)
    assert file.typed.splitlines()[1:-1] == ["x = '$1'", "", "$ no command"]
    assert file.typed.startswith("mkdir -p a && cat > a/b.py <<'") and command.typed == "cat a/b.py"


def test_an_answer_is_compared_line_by_line() -> None:
    (command,) = console.commands("```console\n$ one \\\n>  two\nfirst …\n…\nlast\n```\nprose\n")
    assert command.typed == "one \\\n two"
    assert command.pattern.fullmatch("first 1\nx\ny\nlast")
    assert not command.pattern.fullmatch("second 1\nx\nlast")
