"""The index of commands: read its files, and list every spelling of a domain's commands."""

from __future__ import annotations

import os

from cargo_ai.cli.configuration.environment import variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.shapes import Domain, RootEntry, Row


def read_index(name: str) -> Any:
    """A file of the index; an empty object when it is missing."""
    import json

    folder = variable("CARGO_AI_CLI_INDEX") or os.path.join(os.path.dirname(os.path.dirname(__file__)), "index")
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def domains() -> dict[str, RootEntry]:
    """Every first word of the index."""
    return read_index("_root.json").get("domains", {})


def load(name: str, known: dict[str, RootEntry]) -> Domain | None:
    """The domain of a first word, or None."""
    entry = known.get(name)
    if entry is None:
        return None
    if "alias_of" in entry:
        return load(entry["alias_of"], known)
    return read_index(entry.get("file", name + ".json")) or None


def spellings(domain: Domain, first: str | None = None) -> dict[tuple[str, ...], Row]:
    """Every spelling of the domain's commands; `first` adds those that begin with another name of the domain."""
    by_words: dict[tuple[str, ...], Row] = {}
    for row in domain["commands"]:
        for words in [row["words"], *row.get("aliases", [])]:
            by_words.setdefault(tuple(words), row)
    if first and first != domain["domain"]:
        for words, row in list(by_words.items()):
            by_words.setdefault((first, *words[1:]), row)
    return by_words
