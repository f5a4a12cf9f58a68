"""`cargo-ai alias set|list|remove`: short names for commands."""

from __future__ import annotations

from cargo_ai.cli.builtin import COMMANDS
from cargo_ai.cli.configuration import aliases
from cargo_ai.cli.failure import FAILED, failure, usage
from cargo_ai.cli.formats.reply import Form
from cargo_ai.cli.words.command_index import domains
from cargo_ai.cli.words.commands import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["alias"],
    "summary": "Give commands that you use often a short name. $1 to $9 in a command are filled with what follows the alias.",
    "examples": [
        "cargo-ai alias set failed 'orchestration run list --workflow-uuid $1 --statuses error --output table'",
        "cargo-ai failed 'Company enrichment'",
        "cargo-ai alias list",
        "cargo-ai alias remove failed",
    ],
    "rows": "aliases",
    "args": [
        {
            "wire": "verb",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "required": True,
            "values": ["set", "list", "remove"],
            "help": "set, list or remove.",
        },
        {"wire": "name", "in": "cli", "type": "string", "flags": [], "positional": True, "help": "The alias."},
        {"wire": "command", "in": "cli", "type": "string", "flags": [], "positional": True, "help": "What it stands for, in quotes."},
    ],
}


def run(parsed: Parsed) -> int:
    """Print what was set or removed, or all."""
    verb, name, command = (parsed.options.get(wire) for wire in ("verb", "name", "command"))
    known = aliases.read()
    if verb == "list":
        reply: dict[str, Any] = {"aliases": [{"name": key, "command": value} for key, value in sorted(known.items())]}
    elif verb == "set":
        reply = {"alias": _set(known, name, command)}
    else:
        if name not in known:
            raise failure(FAILED, "aliasNotFound", f'There is no alias "{name}".', "cargo-ai alias list")
        aliases.write({key: value for key, value in known.items() if key != name})
        reply = {"alias": {"name": name, "command": known[name]}}
    Form(parsed.options).print(ROW, reply)
    return 0


def _set(known: dict[str, str], name: str | None, command: str | None) -> dict[str, str]:
    if not name or not command:
        raise usage("missingArgument", "alias set needs a name, and in quotes what it stands for.", "cargo-ai alias --help")
    if not aliases.NAME.fullmatch(name):
        raise usage("invalidValue", "An alias begins with a letter; letters, digits, dashes and underscores may follow.")
    if name in COMMANDS or name in domains():
        raise usage("invalidValue", f'"{name}" is a command already.')
    if len(known) >= aliases.MAX or len(command) > 4_000:
        raise usage("invalidValue", f"There may be {aliases.MAX} aliases, each of at most 4,000 characters.")
    words = aliases.split(command)
    if words[:1] == [name] or (words[:1] and words[0] in known):
        raise usage("invalidValue", "An alias stands for a command, not for an alias.")
    find([word for word in words if "$" not in word])  # refuses what is not a command
    aliases.write({**known, name: command})
    return {"name": name, "command": command}
