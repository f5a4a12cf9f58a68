"""The skills are true: every command that they show is executed against a real server, one skill after another."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from cargo_ai.cli.arguments.parse import GLOBALS, WAITING, WRITING
from cargo_ai.cli.words.command_index import domains
from cargo_ai.cli.words.commands import find
from tests.kit.processes.real_server import RealServer, real_server
from tests.scenarios.story import console
from tests.scenarios.story.companies import Companies
from tests.simulators.language_models import server as language_models

SKILLS = Path(__file__).resolve().parents[3] / "skills"
ORDER = ("cargo-cli", "-connection", "-storage", "-orchestration", "-analytics", "-ai", "-billing", "-workspace")
"""A skill uses what those before it have made, as the person does who reads on."""


@pytest.fixture(scope="module")
def skilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server of its own, whose language model is an imitation."""
    with (
        language_models.running() as models,
        real_server(tmp_path_factory.mktemp("skilled"), SERVICE_ADDRESSES=f"openAi={models.url}") as server,
    ):
        yield server


@pytest.mark.slow
def test_every_command_of_the_skills_works_as_shown(skilled: RealServer, companies: Companies, tmp_path: Path) -> None:
    shutil.copytree(SKILLS, tmp_path / "skills")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CARGO_", "XDG_"))}
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CARGO_API_URL": skilled.base_url,
        "CARGO_API_TOKEN": skilled.token,
        "SERVICE": companies.url,
        "OPENAI_API_KEY": "sk-test-5f4dcc3b5aa765d61d8327deb882cf99",
    }
    for name in ORDER:
        folder = tmp_path / "skills" / (name if name == ORDER[0] else ORDER[0] + name)
        console.run(folder / "SKILL.md", folder, environment, tmp_path / "stderr.txt")


def test_every_command_in_the_text_of_the_skills_is_one_with_its_flags() -> None:
    """Beside those in blocks, which are executed."""
    known = set(domains())
    seen = 0
    for page in SKILLS.glob("*/SKILL.md"):
        text = page.read_text("utf-8")
        body = re.sub(r"^```console\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        blocks = re.findall(r"^```text\n(.*?)^```", body, flags=re.DOTALL | re.MULTILINE)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", body, flags=re.DOTALL | re.MULTILINE))
        for command in [*lines, *spans]:
            words = command.removeprefix("cargo-ai ").split()
            if len(words) < 3 or words[0] not in known or "…" in words[:3] or not words[1].islower():
                continue
            row = find(list(takewhile(re.compile(r"[a-z][a-z-]*").fullmatch, words))).row
            assert row is not None, f"{page.parent.name}: {command}"
            flags = {flag for arg in row["args"] for flag in arg["flags"]} | {
                flag for arg in (*GLOBALS, *WAITING, *WRITING) for flag in arg["flags"]
            }
            unknown = [word for word in words if word.startswith("--") and word not in flags]
            assert not unknown, f"{page.parent.name}: {command}: {unknown}"
            seen += 1
    assert seen > 40


def test_every_skill_has_what_agents_look_for() -> None:
    assert {folder.name for folder in SKILLS.iterdir()} == {name if name == ORDER[0] else ORDER[0] + name for name in ORDER}
    for page in SKILLS.glob("*/SKILL.md"):
        _, head, body = page.read_text("utf-8").split("---\n", 2)
        fields = dict(line.split(": ", 1) for line in head.splitlines())
        assert fields["name"] == page.parent.name and 80 < len(fields["description"]) < 1_024
        assert "| --- | --- |" in body and "## When something goes wrong" in body and console.commands(body)
        for target in ("references/commands.md",) if page.parent.name != ORDER[0] else ():
            assert f"]({target})" in body and (page.parent / target).is_file()
