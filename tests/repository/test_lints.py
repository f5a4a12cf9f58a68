"""Our lints find what they are for. That they find nothing in this repository is what `make lint` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lint import alone, circles, conformance, interfaces, migrations, size, words
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


def test_the_lints_look_at_the_source_of_this_repository() -> None:
    assert {Path("src/cargo_ai/cli/main.py"), Path("tools/lint/interfaces.py"), Path("Makefile")} <= set(files(ROOT))


@pytest.mark.parametrize(
    "line",
    [
        "from cargo_ai.domains.workspace.tables import User",
        "from cargo_ai.domains.workspace import tables",
        "import cargo_ai.domains.workspace.tables",
        "from ...workspace import tables",
        "def late():\n    from cargo_ai.domains.workspace.members.access_rules import may",
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


def test_the_server_enters_a_domain_through_its_public_interface(tmp_path: Path) -> None:
    plant(tmp_path, "src/cargo_ai/server/compose.py", "from cargo_ai.domains.storage.records import ingest\n")
    plant(tmp_path, "src/cargo_ai/server/routes/files/uploads.py", "from cargo_ai.domains.workspace.public import file\n")
    plant(tmp_path, "src/cargo_ai/server/routes/ingest.py", "from cargo_ai.domains.storage.records import ingest\n")
    (fault,) = said(interfaces.faults(tmp_path))
    assert fault.startswith("src/cargo_ai/server/routes/ingest.py:1: server reaches into storage")


def test_modules_that_import_each_other_are_found_once_a_circle_also_inside_functions(tmp_path: Path) -> None:
    plant(tmp_path, "src/cargo_ai/engine/a.py", "from cargo_ai.engine import b\n")
    plant(tmp_path, "src/cargo_ai/engine/b.py", "def late():\n    from cargo_ai.engine.c import name\n")
    plant(tmp_path, "src/cargo_ai/engine/c.py", "from cargo_ai.engine.a import name\nfrom cargo_ai.engine import d\n")
    plant(tmp_path, "src/cargo_ai/engine/d.py", "import json\n")
    (fault,) = said(circles.faults(tmp_path))
    names = fault.rpartition(": ")[2].replace("cargo_ai.engine.", "").split(" → ")
    assert names[0] == names[-1]
    assert "".join(names[:-1]) in {"abc", "bca", "cab"}


def test_a_migration_that_imports_living_code_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "src/cargo_ai/store/migrations/versions/0001_x.py", "from alembic import op\nfrom cargo_ai.engine import tables\n")
    plant(tmp_path, "src/cargo_ai/store/migrations/env.py", "from cargo_ai.store import rows\n")
    (fault,) = said(migrations.faults(tmp_path))
    assert "versions/0001_x.py:2: a migration imports cargo_ai.engine.tables" in fault


def test_migrations_that_follow_the_same_one_are_found(tmp_path: Path) -> None:
    for number, follows in (("0001", None), ("0002", "0001"), ("0003", "0001")):
        plant(tmp_path, f"src/cargo_ai/store/migrations/versions/{number}_x.py", f"revision = {number!r}\ndown_revision = {follows!r}\n")
    (fault,) = said(migrations.faults(tmp_path))
    assert "versions/0003_x.py: follows 0001, as 0002_x.py does" in fault


def test_an_integration_without_a_conformance_test_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "src/cargo_ai/integrations/kit/__init__.py", "")
    for name in ("hunter", "slack", "sql"):
        plant(tmp_path, f"src/cargo_ai/integrations/{name}/__init__.py", "INTEGRATION = 1\n")
    plant(tmp_path, "tests/kit/conformance/lists.py", "class ListTests:\n    async def test_pages(self): ...\n")
    plant(tmp_path, "tests/integrations/engagement/test_slack.py", "class TestSlack:\n    pass\n")
    plant(
        tmp_path, "tests/integrations/storage/test_sql.py", "class TestSql(IntegrationConformance):\n    async def test_pages(self): ...\n"
    )
    without, other, less = said(conformance.faults(tmp_path))
    assert without.startswith("src/cargo_ai/integrations/hunter/__init__.py: this integration has no conformance test")
    assert other.startswith("src/cargo_ai/integrations/slack/__init__.py")
    assert less.startswith("tests/integrations/storage/test_sql.py:2: test_pages replaces")


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


def test_long_files_and_crowded_folders_are_found(tmp_path: Path) -> None:
    for lines in (400, 401, 601):
        plant(tmp_path, f"src/cargo_ai/of_{lines}.py", "x = 1\n" * lines)
    for folder, count in (("roomy", 16), ("crowded", 17)):
        for number in range(count):
            plant(tmp_path, f"src/cargo_ai/{folder}/m{number}.py", "")
    assert [fault.path.stem for fault in size.faults(tmp_path)] == ["of_601", "of_401", "crowded"]


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


def test_words_that_are_not_the_field_s_are_found_and_values_are_not(tmp_path: Path) -> None:
    line = "# The queue is to" + "ld by who" + "ever waits\n"
    plant(tmp_path, "src/cargo_ai/engine/queue.py", line)
    user = "no" + "body"
    plant(tmp_path, "tests/unit/engine/test_queue.py", f"user, url = '{user}', 'postgresql://{user}@host/{user}.example'\n{line}")
    assert [(fault.path.parts[0], fault.line) for fault in words.faults(tmp_path)] == [("src", 1)] * 2 + [("tests", 2)] * 2


def test_names_that_say_nothing_are_found(tmp_path: Path) -> None:
    plant(tmp_path, "src/cargo_ai/engine/utils.py", "")
    assert said(words.faults(tmp_path)) == ["src/cargo_ai/engine/utils.py: utils says nothing: call the module what it holds"]
