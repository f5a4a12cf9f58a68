"""What the server proposes as a `fix` is a command that can be run as it stands and takes nothing away."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cargo_ai.cli.arguments.parse import parse
from cargo_ai.cli.builtin import COMMANDS
from cargo_ai.cli.failure import Failure
from cargo_ai.cli.words.commands import find
from cargo_ai.cli.words.suggest import NEVER_MEANT, REMOVING

SOURCE = Path(__file__).parents[2] / "src" / "cargo_ai"
UUID = "0198c5f0-0000-7000-8000-000000000001"


def text_of(value: ast.expr) -> str | None:
    """The text of a string, with a uuid or JSON where a value is put in; None for another expression."""
    if not isinstance(value, ast.JoinedStr):
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    text = ""
    for part in value.values:
        text += str(part.value) if isinstance(part, ast.Constant) else "{}" if text.endswith("'") else UUID
    return text


def is_fix(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "fix"


def fixes() -> Iterator[tuple[str, str]]:
    """Every text that a module passes or assigns as `fix`, with its place."""
    for path in sorted(SOURCE.rglob("*.py")):
        if SOURCE / "cli" in path.parents:
            continue
        source = path.read_text("utf-8")
        if "fix" not in source or "cargo-ai " not in source:
            continue  # to parse everything would take seconds
        for part in ast.walk(ast.parse(source)):
            if isinstance(part, ast.Assign):
                value = part.value if any(map(is_fix, part.targets)) else None
            else:
                value = part.value if isinstance(part, ast.keyword) and part.arg == "fix" else None
            for choice in [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value] if value else []:
                text = text_of(choice)
                if text is not None and text.startswith("cargo-ai "):
                    yield f"{path.relative_to(SOURCE)}:{choice.lineno}", text


def test_fixes_can_be_followed_blindly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARGO_AI_CLI_INDEX", raising=False)
    found = list(fixes())
    assert len(found) > 100
    for place, fix in found:
        follow(place, fix)


def follow(place: str, fix: str) -> None:
    words = shlex.split(fix.removeprefix("cargo-ai "))
    assert not NEVER_MEANT.intersection(words), place
    assert not any(character in fix for character in "<>@"), f"{place}: a reader would have to fill something in"
    if words[0] in COMMANDS or UUID in words[:3]:
        return  # a command of the command line itself, or one whose words are put in
    try:
        match = find(words)
        assert match.words[-1] not in REMOVING or "--dry-run" in words, place
        if words[-1] != "--help":
            assert match.row is not None
            parse(match.row, match.words, match.rest)
    except Failure as failure:
        pytest.fail(f"{place}: {fix}: {failure}")
