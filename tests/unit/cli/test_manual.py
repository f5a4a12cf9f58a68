"""The manual pages: whole, and nothing in them is taken for a request of the formatter."""

from __future__ import annotations

import pytest

from cargo_ai.cli import manual
from cargo_ai.cli.words.command_index import domains, load

REQUESTS = {".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".PP", ".nf", ".fi"}


@pytest.fixture(autouse=True)
def installed_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARGO_AI_CLI_INDEX", raising=False)


def test_every_command_has_its_place_and_every_line_is_text_or_a_request() -> None:
    pages = manual.pages()
    known = domains()
    names = {name for name, entry in known.items() if "alias_of" not in entry}
    assert set(pages) == {"cargo-ai.1", *(f"cargo-ai-{name}.1" for name in names)}
    for name in names:
        domain = load(name, known)
        assert domain is not None
        for command in domain["commands"]:
            assert f'.SS "cargo-ai {" ".join(command["words"])}"\n' in pages[f"cargo-ai-{name}.1"]
    for page in pages.values():
        assert {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))} <= REQUESTS
        assert "" not in page.splitlines()
