"""Aliases: short names that people give to commands, kept beside the credentials."""

from __future__ import annotations

import os
import re

from cargo_ai.cli.failure import FAILED, failure, usage
from cargo_ai.cli.output import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
PLACE = re.compile(r"\$([1-9])")
MAX = 500


def path() -> str:
    """The path of the file."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "cargo-ai", "aliases.json")


def read() -> dict[str, str]:
    """The command of each alias; Failure (2) when the file is not what it should be."""
    import json

    try:
        with open(path(), encoding="utf-8-sig") as file:
            document: Any = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise usage("invalidAliases", f"{path()} cannot be read: {error}.") from None
    return {name: str(command) for name, command in as_object(document).items()}


def write(aliases: dict[str, str]) -> None:
    """Replace the file; Failure (1) when it cannot be written."""
    import json

    draft = f"{path()}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path()), mode=0o700, exist_ok=True)
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(aliases, file, indent=2, sort_keys=True)
            file.write("\n")
        os.replace(draft, path())
    except OSError as error:
        raise failure(FAILED, "aliasesNotSaved", f"{path()} cannot be written: {error.strerror}.") from None


def expand(argv: list[str]) -> list[str]:
    """The arguments with an alias in front replaced by its command: `$1` to `$9` become what is given, the rest is added at the end."""
    command = read().get(argv[0]) if argv and NAME.fullmatch(argv[0]) else None
    if command is None:
        return argv
    words, given = split(command), argv[1:]
    places = max((int(number) for word in words for number in PLACE.findall(word)), default=0)
    if len(given) < places:
        raise usage("missingArgument", f'The alias "{argv[0]}" stands for "{command}" and needs {places} arguments.')
    filled = [PLACE.sub(lambda match: given[int(match[1]) - 1], word) for word in words]
    return [*filled, *given[places:]]


def split(command: str) -> list[str]:
    """The words of a command as a shell would split it, without the name of the program; Failure (2) for open quotes."""
    import shlex

    try:
        words = shlex.split(command)
    except ValueError as error:
        raise usage("invalidValue", f"The command of an alias is written as in a shell: {error}.") from None
    return words[1:] if words[:1] == ["cargo-ai"] else words
