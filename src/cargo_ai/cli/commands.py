"""The index of commands: load a domain, find the command that words name, and suggest near misses."""

from __future__ import annotations

import os

from cargo_ai.cli.builtin import COMMANDS
from cargo_ai.cli.environment import variable
from cargo_ai.cli.failure import Failure, shell_line, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.shapes import Domain, RootEntry, Row

GLOBAL_VALUES = ("--base-url", "--workspace-uuid", "--token", "--token-file", "--timeout")
GLOBAL_SWITCHES = ("--yes", "--no-input", "--no-color", "--quiet", "--debug", "--help", "-h", "--version")


class Match:
    """The command or group that words name: `kind` is root, builtin, domain, group or command; `rest` holds the other arguments."""

    def __init__(self, kind: str, words: list[str], rest: list[str], domain: Domain | None = None, row: Row | None = None) -> None:
        self.kind = kind
        self.words = words
        self.rest = rest
        self.domain = domain
        self.row = row


def _read(name: str) -> Any:
    import json

    folder = variable("CARGO_AI_CLI_INDEX") or os.path.join(os.path.dirname(__file__), "index")
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def domains() -> dict[str, RootEntry]:
    """Every first word of the index."""
    return _read("_root.json").get("domains", {})


def load(name: str, known: dict[str, RootEntry]) -> Domain | None:
    """The domain of a first word, or None."""
    entry = known.get(name)
    if entry is None:
        return None
    if "alias_of" in entry:
        return load(entry["alias_of"], known)
    return _read(entry.get("file", name + ".json")) or None


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


def before_dashes(argv: list[str]) -> list[str]:
    """The arguments that may be flags: all up to `--`."""
    return argv[: argv.index("--")] if "--" in argv else argv


def find(argv: list[str]) -> Match:
    """Find the command of an argument list; global flags may stand between its words. Raises Failure (2) for unknown words."""
    words: list[str] = []
    early: list[str] = []
    domain: Domain | None = None
    ways: dict[tuple[str, ...], Row] = {}
    at = 0
    while at < len(argv):
        word = argv[at]
        if word.startswith("-") and word != "-":
            length = _global_length(word)
            if not length:
                break
            early += argv[at : at + length]
            at += length
            continue
        if not words:
            if word in COMMANDS:
                return Match("builtin", [word], early + argv[at + 1 :])
            known = domains()
            domain = load(word, known)
            if domain is None:
                raise unknown_command([], argv[at:], [*COMMANDS, *known])
            ways = spellings(domain, word)
        elif not any(way[: len(words) + 1] == (*words, word) for way in ways):
            if tuple(words) in ways:
                break
            raise unknown_command(words, argv[at:], sorted({way[len(words)] for way in ways if way[: len(words)] == tuple(words)}))
        words.append(word)
        at += 1
        if tuple(words) in ways and not any(len(way) > len(words) and way[: len(words)] == tuple(words) for way in ways):
            break
    rest = early + argv[at:]
    if domain is None:
        return Match("root", [], rest)
    row = ways.get(tuple(words))
    return Match("command" if row else "domain" if len(words) == 1 else "group", words, rest, domain, row)


def _global_length(token: str) -> int:
    name, equals, _ = token.partition("=")
    if name in GLOBAL_VALUES:
        return 1 if equals else 2
    return 1 if token in GLOBAL_SWITCHES else 0


def near(word: str, choices: list[str], cutoff: float = 0.6) -> list[str]:
    """The choices most like a word, best first, at most three."""
    from difflib import get_close_matches

    by_lower = {choice.lower(): choice for choice in reversed(choices)}
    return [by_lower[match] for match in get_close_matches(word.lower(), list(by_lower), 3, cutoff)]


def or_list(choices: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return choices[0] if len(choices) == 1 else ", ".join(choices[:-1]) + " or " + choices[-1]


def unknown_command(words: list[str], rest: list[str], next_words: list[str]) -> Failure:
    """The usage failure for an unknown word, with the commands that were probably meant."""
    tail: list[str] = []
    for token in rest:
        if token.startswith("-"):
            break
        tail.append(token)
    guesses: list[tuple[list[str], int]] = [([*words, guess], 1) for guess in near(rest[0], next_words)]
    guesses = guesses or ([] if words else _guesses_anywhere(tail))
    typed = " ".join([*words, rest[0]])
    if not guesses:
        known = f" There is: {', '.join(next_words)}." if words else ""
        return usage("unknownCommand", f'There is no command "{typed}".{known}', shell_line([*words, "--help"]))
    shown = or_list(['"' + " ".join(["cargo-ai", *guess]) + '"' for guess, _ in guesses])
    best, used = guesses[0]
    return usage("unknownCommand", f'There is no command "{typed}". Did you mean {shown}?', shell_line([*best, *rest[used:]]))


def _guesses_anywhere(typed: list[str]) -> list[tuple[list[str], int]]:
    """Commands of all domains that end in the typed words, else the most similar ones, each with how many words it replaces."""
    known = domains()
    every = [way for name, entry in known.items() if "file" in entry and (domain := load(name, known)) for way in spellings(domain)]
    for length in range(len(typed), 0, -1):
        ending = tuple(typed[:length])
        matches = [list(way) for way in every if way[-length:] == ending]
        if matches:
            return [(match, length) for match in matches[:3]]
    groups = near(typed[0], sorted({way[1] for way in every if len(way) > 2}))
    matches = [list(way) for way in every if way[1] in groups and way[2:] == tuple(typed[1 : len(way) - 1])]
    if matches:
        return [(match, len(match) - 1) for match in matches[:3]]
    by_text = {" ".join(way): list(way) for way in every}
    for length in (3, 2, 4):
        close = near(" ".join(typed[:length]), list(by_text), 0.8)
        if close:
            return [(by_text[text], min(length, len(typed))) for text in close]
    return []
