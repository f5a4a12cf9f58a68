"""What the command line of the contract has and ours does not accept: commands, flags, values, positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cargo_ai.cli.arguments.parse import flag_table
from cargo_ai.cli.builtin import COMMANDS, OTHER_NAMES, builtin_module
from cargo_ai.cli.output import is_list

Row = dict[str, Any]


def unserved(contract: list[Row], files: Mapping[str, Row]) -> str:
    """One line for each command, flag, value and position of `contract` that the index in `files` does not have."""
    ways = dict(spellings(files))
    lines: list[str] = []
    for command in contract:
        for words in [command["command"], *command.get("aliases", [])]:
            if words not in ways:
                lines.append(words)
            elif ways[words] is not None:
                lines += [f"{words} {missing}" for missing in missing_parts(command, ways[words] or {})]
    return "".join(f"{line}\n" for line in sorted(set(lines)))


def unserved_commands(contract: list[Row], files: Mapping[str, Row]) -> Iterator[str]:
    """The commands of `contract`, by all their words, that the index in `files` does not have at all."""
    ways = dict(spellings(files))
    yield from (words for command in contract for words in [command["command"], *command.get("aliases", [])] if words not in ways)


def spellings(files: Mapping[str, Row]) -> Iterator[tuple[str, Row | None]]:
    """All words of commands with their rows; groups have None."""
    for name in [*COMMANDS, *OTHER_NAMES]:
        module = builtin_module(OTHER_NAMES.get(name, name))
        yield name, module.ROW if module else None
    yield from (("--version", None), ("--help", None), ("(bare cargo-ai)", None))
    for first, entry in files["_root.json"]["domains"].items():
        file = files[entry.get("file") or files["_root.json"]["domains"][entry["alias_of"]]["file"]]
        yield first, None
        yield from ((f"{first} {group}", None) for group in file["groups"])
        for command in file["commands"]:
            for way in [command["words"], *command["aliases"]]:
                yield " ".join([first, *way[1:]]), command


def missing_parts(command: Row, row: Row) -> Iterator[str]:
    """The flags, values and positions of a command that its row does not have."""
    table = flag_table(row)  # pyright: ignore[reportArgumentType]  # rows of the index are plain dictionaries here
    for flag, takes in command.get("flags", {}).items():
        if flag not in table:
            yield flag
        elif is_list(takes) and (values := table[flag].get("values")):
            yield from (f"{flag} {value}" for value in takes if value not in values)
    positions = [arg for arg in row["args"] if arg.get("positional")]
    yield from (f"<{name}>" for name in command.get("positionals", [])[len(positions) :])
