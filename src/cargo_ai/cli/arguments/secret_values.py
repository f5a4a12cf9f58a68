"""Secrets of a command: read from a file, a variable, standard input or a prompt, and never from the command line itself."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli import output
from cargo_ai.cli.arguments.value import Stdin, read_text
from cargo_ai.cli.failure import FAILED, Failure, failure, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.configuration.settings import Settings

WAYS = "NAME=@FILE, NAME=env:VARIABLE, NAME=- for standard input, NAME=secret://… for one that is kept elsewhere, or NAME alone to be asked"

LONGEST_NAME = 32


def of_flag(flag: str, text: str, stdin: Stdin) -> dict[str, str | None]:
    """The secret that one flag names, and its value; None: it is to be asked for. Failure (2) for a value that is spelled out."""
    name, equals, source = text.partition("=")
    if not name.strip():
        raise usage("invalidValue", f"{flag} takes {WAYS}.")
    return {name.strip(): _value(f"{flag} {name.strip()}", source, stdin) if equals else None}


def _value(flag: str, source: str, stdin: Stdin) -> str:
    if source.startswith("secret://"):
        return source
    if source == "-":
        value, place = stdin.read(flag), "standard input"
    elif source.startswith("@"):
        value, place = read_text(source[1:], flag), source[1:]
    elif source.startswith("env:"):
        value, place = os.environ.get(source[4:], ""), f"the variable {source[4:]}"
    else:
        raise usage("secretOnCommandLine", f"{flag}: a secret that is written here stays in the shell's history. Write {WAYS}.")
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise usage("invalidValue", f"{flag}: {place} is empty.")
    return value


def ask(parsed: Parsed, settings: Settings) -> None:
    """Ask for the secrets that have no value yet, without showing what is typed. Failure (2) where no one can be asked."""
    for arg, value in parsed.values:
        if arg["type"] == "secrets":
            for name, known in list(value.items()):
                if known is None:
                    value[name] = _ask(arg["flags"][0], name, settings)


def _ask(flag: str, name: str, settings: Settings) -> str:
    if settings.no_input or not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
        # Who writes the secret itself in place of its name should not find it in a log.
        shown = name if len(name) <= LONGEST_NAME else f"{name[:4]}…"
        raise usage("missingValue", f"{flag} {shown}: no one can be asked for it here. Write {WAYS}.")
    from getpass import getpass

    try:
        typed = getpass(f"{name}: ", stream=sys.stderr).strip()
    except (EOFError, KeyboardInterrupt):
        raise _nothing() from None
    if not typed:
        raise _nothing()
    return typed


def _nothing() -> Failure:
    return failure(FAILED, "notConfirmed", "No secret was typed: nothing was done.")
