"""What holds for the repository as a whole: hand-written parts have a decision, requirements are pinned, examples are what they say."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from pathlib import Path

import pytest

from examples import make_companies
from tools import licences

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = "\n".join(page.read_text("utf-8") for page in sorted((ROOT / "docs/decisions").glob("*.md")))


@pytest.mark.parametrize("folder", ["cli/builtin", "server/routes"])
def test_every_hand_written_command_and_route_has_a_decision(folder: str) -> None:
    source = ROOT / "src/cargo_ai"
    paths = sorted(path.relative_to(source).as_posix() for path in (source / folder).rglob("*.py") if path.name != "__init__.py")
    assert len(paths) > 10
    assert [path for path in paths if f"`{path}`" not in DECISIONS] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_dependency_has_a_line_of_why() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dependencies"] == []
    extras: dict[str, list[str]] = project["optional-dependencies"]
    named = {name for wishes in extras.values() for wish in wishes for name in re.findall(r"^[\w-]+", wish)}
    page = (ROOT / "docs/decisions/0004-dependencies.md").read_text("utf-8")
    assert sorted(name for name in named if f"`{name}`" not in page) == []


def test_no_licence_comes_in_that_would_bind_who_runs_or_changes_cargo_ai() -> None:
    packages = list(licences.pinned(ROOT))
    assert len(packages) > 100
    assert [package.line for package in packages if licences.is_forbidden(package.licence)] == []
    assert [package.line for package in packages if package.licence == "unknown"] == []


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("AGPL-3.0-only", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("GPL-2.0", True),
        ("BUSL-1.1", True),
        ("LGPL-3.0-only", False),
        ("GPL-2.0-only OR MIT", False),
        ("GPL-2.0 WITH Classpath-exception-2.0", False),
        ("MIT", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", False),
    ],
)
def test_which_licences_are_forbidden(licence: str, forbidden: bool) -> None:
    assert licences.is_forbidden(licence) is forbidden


@pytest.mark.parametrize("name", ["server", "sdk", "dev"])
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert [line for line in lines if not re.match(r"[\w.-]+==[\w.+!-]+( ;[^#]*)?\s+--hash=sha256:", line)] == []


@pytest.mark.parametrize("name", ["server", "sdk"])
def test_the_requirements_of_an_extra_are_those_that_the_tests_run_with(name: str) -> None:
    ours, tested = [
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / f"requirements/{file}.txt").read_text("utf-8"), re.MULTILINE))
        for file in (name, "dev")
    ]
    assert ours.items() <= tested.items()


def test_the_example_companies_are_what_their_generator_makes() -> None:
    text = (ROOT / "examples/companies.csv").read_text("utf-8")
    assert text == make_companies.text()
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 500
    assert all(row["domain"].endswith(".example") for row in rows if row["domain"])
    assert 5 <= sum(not row["domain"] for row in rows) <= 50


def test_the_example_graph_names_its_connector_by_a_placeholder() -> None:
    nodes = json.loads((ROOT / "examples/enrich-company.json").read_text("utf-8"))
    assert [node["connectorUuid"] for node in nodes if node["kind"] == "connector"] == ["__CONNECTOR_UUID__"]
