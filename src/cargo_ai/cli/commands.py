"""The index of commands: loads one room, finds what the words name, suggests what was meant."""

from __future__ import annotations

import os

from cargo_ai.cli.builtin import COMMANDS
from cargo_ai.cli.environment import variable
from cargo_ai.cli.failure import Failure, shell_line, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.shapes import Room, RootEntry, Row

GLOBAL_VALUES = ("--base-url", "--workspace-uuid", "--token", "--token-file", "--timeout")
GLOBAL_SWITCHES = ("--yes", "--no-input", "--no-color", "--quiet", "--debug", "--help", "-h", "--version")


class Match:
    """What the words name: `kind` is root, builtin, room, group or command; `rest` is what was not a word of it."""

    def __init__(self, kind: str, words: list[str], rest: list[str], room: Room | None = None, row: Row | None = None) -> None:
        self.kind = kind
        self.words = words
        self.rest = rest
        self.room = room
        self.row = row


def _read(name: str) -> Any:
    import json

    folder = variable("CARGO_AI_CLI_INDEX") or os.path.join(os.path.dirname(__file__), "index")
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def rooms() -> dict[str, RootEntry]:
    """Every first word of the index."""
    return _read("_root.json").get("rooms", {})


def load(name: str, known: dict[str, RootEntry]) -> Room | None:
    """The room behind a first word, or None."""
    entry = known.get(name)
    if entry is None:
        return None
    if "alias_of" in entry:
        return load(entry["alias_of"], known)
    return _read(entry.get("file", name + ".json")) or None


def spellings(room: Room, first: str | None = None) -> dict[tuple[str, ...], Row]:
    """Every way to write a command of the room; `first` adds the ways that begin with another name of the room."""
    found: dict[tuple[str, ...], Row] = {}
    for row in room["commands"]:
        for words in [row["words"], *row.get("aliases", [])]:
            found.setdefault(tuple(words), row)
    if first and first != room["room"]:
        for words, row in list(found.items()):
            found.setdefault((first, *words[1:]), row)
    return found


def before_dashes(argv: list[str]) -> list[str]:
    """The arguments that may be flags: all up to `--`."""
    return argv[: argv.index("--")] if "--" in argv else argv


def find(argv: list[str]) -> Match:
    """Reads the words of a command; global flags may stand between them. Raises Failure (2) for words that name nothing."""
    words: list[str] = []
    early: list[str] = []
    room: Room | None = None
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
            known = rooms()
            room = load(word, known)
            if room is None:
                raise unknown_command([], argv[at:], [*COMMANDS, *known])
            ways = spellings(room, word)
        elif not any(way[: len(words) + 1] == (*words, word) for way in ways):
            if tuple(words) in ways:
                break
            raise unknown_command(words, argv[at:], sorted({way[len(words)] for way in ways if way[: len(words)] == tuple(words)}))
        words.append(word)
        at += 1
        if tuple(words) in ways and not any(len(way) > len(words) and way[: len(words)] == tuple(words) for way in ways):
            break
    rest = early + argv[at:]
    if room is None:
        return Match("root", [], rest)
    row = ways.get(tuple(words))
    return Match("command" if row else "room" if len(words) == 1 else "group", words, rest, room, row)


def _global_length(token: str) -> int:
    name, equals, _ = token.partition("=")
    if name in GLOBAL_VALUES:
        return 1 if equals else 2
    return 1 if token in GLOBAL_SWITCHES else 0


def near(word: str, choices: list[str], alike: float = 0.6) -> list[str]:
    """The choices most like a word, best first, at most three."""
    from difflib import get_close_matches

    by_lower = {choice.lower(): choice for choice in reversed(choices)}
    return [by_lower[match] for match in get_close_matches(word.lower(), list(by_lower), 3, alike)]


def or_list(choices: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return choices[0] if len(choices) == 1 else ", ".join(choices[:-1]) + " or " + choices[-1]


def unknown_command(words: list[str], rest: list[str], next_words: list[str]) -> Failure:
    """The usage failure for a word that names nothing, with what was probably meant."""
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
    """Commands of all rooms that end in the words typed, else those that look most like them, each with how many words it replaces."""
    known = rooms()
    every = [way for name, entry in known.items() if "file" in entry and (room := load(name, known)) for way in spellings(room)]
    for length in range(len(typed), 0, -1):
        wanted = tuple(typed[:length])
        matches = [list(way) for way in every if way[-length:] == wanted]
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
