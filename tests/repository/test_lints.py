"""Our lints find what they are for, and find nothing in this repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lint import alone, interfaces, size, words
from tools.lint.tree import Fault, files

ROOT = Path(__file__).resolve().parents[2]


def plant(root: Path, name: str, text: str) -> None:
    """A file of a repository of this test."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def said(found: Iterator[Fault]) -> list[str]:
    """The faults as lines."""
    return [str(fault) for fault in found]


@pytest.mark.parametrize("lint", [interfaces, alone, size, words], ids=lambda lint: lint.__name__)
def test_this_repository_has_no_fault(lint) -> None:
    assert [str(fault) for fault in lint.faults(ROOT) if fault.fails] == []


def test_the_lints_look_at_the_source_of_this_repository() -> None:
    assert {Path("src/cargo_ai/cli/main.py"), Path("tools/lint/interfaces.py"), Path("Makefile")} <= set(files(ROOT))


@pytest.mark.parametrize(
    "line",
    [
        "from cargo_ai.domains.workspace.tables import User",
        "from cargo_ai.domains.workspace import tables",
        "import cargo_ai.domains.workspace.tables",
        "from ...workspace import tables",
        "def late():\n    from cargo_ai.domains.workspace.access_rules import may",
    ],
)
def test_a_domain_that_reaches_past_a_public_interface_is_found(tmp_path: Path, line: str) -> None:
    plant(tmp_path, "src/cargo_ai/domains/orchestration/runs/run.py", line + "\n")
    (fault,) = said(interfaces.faults(tmp_path))
    assert "orchestration reaches into workspace: import cargo_ai.domains.workspace.public" in fault


@pytest.mark.parametrize(
    "line",
    [
        "from cargo_ai.domains.workspace import public",
        "from cargo_ai.domains.workspace.public import person",
        "from cargo_ai.domains.orchestration.tables import Tool",
        "from . import tables",
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from cargo_ai.domains.workspace.tables import User",
    ],
)
def test_interfaces_and_ones_own_modules_are_open(tmp_path: Path, line: str) -> None:
    plant(tmp_path, "src/cargo_ai/domains/orchestration/runs/run.py", line + "\n")
    assert said(interfaces.faults(tmp_path)) == []


@pytest.mark.parametrize(
    "line", ["import httpx", "from cargo_ai.kernel import clock", "from cargo_ai.clipper import cut", "from ..kernel import ids"]
)
def test_a_command_line_that_needs_more_than_python_is_found(tmp_path: Path, line: str) -> None:
    plant(tmp_path, "src/cargo_ai/cli/run.py", line + "\n")
    assert len(said(alone.faults(tmp_path))) == 1


def test_only_the_server_command_may_import_the_server_and_only_when_it_runs(tmp_path: Path) -> None:
    late = "def run():\n    from cargo_ai.server import main\n"
    plant(tmp_path, "src/cargo_ai/cli/builtin/server.py", late)
    assert said(alone.faults(tmp_path)) == []
    plant(tmp_path, "src/cargo_ai/cli/builtin/server.py", "from cargo_ai.server import main\n")
    plant(tmp_path, "src/cargo_ai/cli/builtin/doctor.py", late)
    assert [fault.split(":")[0] for fault in said(alone.faults(tmp_path))] == [
        "src/cargo_ai/cli/builtin/doctor.py",
        "src/cargo_ai/cli/builtin/server.py",
    ]


def test_a_long_file_is_a_warning_and_a_longer_one_a_fault(tmp_path: Path) -> None:
    for lines in (400, 401, 601):
        plant(tmp_path, f"src/cargo_ai/of_{lines}.py", "x = 1\n" * lines)
    assert [(fault.path.stem, fault.fails) for fault in size.faults(tmp_path)] == [("of_601", True), ("of_401", False)]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url" + " https://mirror.example/simple",
        "see https://pypi" + ".org/project/x",
        "open('/ro" + "ot/data.csv')",
        "cd /ho" + "me/ann/project",
        "# TO" + "DO: later",
        "FIX" + "ME",
    ],
)
def test_words_that_no_file_says_are_found(tmp_path: Path, line: str) -> None:
    plant(tmp_path, "docs/page.md", f"First.\n{line}\n")
    assert [fault.line for fault in words.faults(tmp_path)] == [2]


def test_names_that_say_nothing_are_found(tmp_path: Path) -> None:
    plant(tmp_path, "src/cargo_ai/engine/utils.py", "")
    assert said(words.faults(tmp_path)) == ["src/cargo_ai/engine/utils.py: utils says nothing: call the module what it holds"]
