"""Manual pages: the help of all commands in the form that `man` reads, one page for the program and one for each domain."""

from __future__ import annotations

from cargo_ai import __version__
from cargo_ai.cli.arguments.parse import GLOBALS, command_flags, placeholder
from cargo_ai.cli.builtin import COMMANDS
from cargo_ai.cli.words.command_index import domains, read_index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.shapes import Arg, Domain, Row


def pages() -> dict[str, str]:
    """The pages by file name."""
    known = {name: entry for name, entry in domains().items() if "alias_of" not in entry}
    texts = {"cargo-ai.1": _program({name: entry.get("summary", "") for name, entry in known.items()})}
    for name, entry in known.items():
        domain: Domain = read_index(entry.get("file", f"{name}.json"))
        texts[f"cargo-ai-{name}.1"] = _domain(domain)
    return texts


def _program(summaries: dict[str, str]) -> str:
    lines = [*_head("cargo-ai", "self-hosted revenue workflows, from the command line"), ".B cargo-ai", "DOMAIN NOUN VERB [flags]"]
    lines += [".SH COMMANDS"]
    for name, about in COMMANDS.items():
        lines += _item(name, about)
    lines += [".SH DOMAINS"]
    for name, about in summaries.items():
        lines += _item(f"{name} (see cargo-ai-{name}(1))", about)
    lines += [".SH FLAGS OF EVERY COMMAND", *(line for arg in GLOBALS if not arg.get("hidden") for line in _flag(arg))]
    from cargo_ai.cli.help import ENVIRONMENT, EXIT_CODES

    return "\n".join([*lines, ".SH EXIT STATUS", _text(EXIT_CODES), ".SH ENVIRONMENT", _text(ENVIRONMENT)]) + "\n"


def _domain(domain: Domain) -> str:
    name = domain["domain"]
    lines = [*_head(f"cargo-ai-{name}", domain["summary"]), f".B cargo-ai {name}", "NOUN VERB [flags]", ".SH COMMANDS"]
    for row in domain["commands"]:
        lines += _command(row)
    return "\n".join([*lines, ".SH SEE ALSO", ".BR cargo-ai (1)"]) + "\n"


def _command(row: Row) -> list[str]:
    lines = [f'.SS "cargo-ai {" ".join(row["words"])}"', _text(row["summary"])]
    for arg in command_flags(row):
        if not arg.get("hidden"):
            lines += _flag(arg)
    if row.get("examples"):
        lines += [".PP", ".nf", *(_text(example) for example in row.get("examples", [])), ".fi"]
    return lines


def _head(name: str, about: str) -> list[str]:
    heading = f'.TH {name.upper()} 1 "" "cargo-ai {__version__}"'
    return [heading, ".SH NAME", f"{_text(name)} \\- {_text(about.rstrip('.'))}", ".SH SYNOPSIS"]


def _flag(arg: Arg) -> list[str]:
    names = [f"<{arg['wire']}>"] if arg.get("positional") else []
    value = "" if arg["type"] == "boolean" or not arg["flags"] else f" {placeholder(arg)}"
    return _item(", ".join([*names, *arg["flags"]]) + value, arg.get("help", ""))


def _item(term: str, about: str) -> list[str]:
    return [".TP", f".B {_text(term)}", _text(about) or "\\&"]


def _text(text: str) -> str:
    """Text that is nothing but text to the formatter: no escapes, no requests, dashes that can be copied."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    plain = "".join(character if character.isascii() else f"\\[u{ord(character):04X}]" for character in plain)
    return f"\\&{plain}" if plain.startswith(".") else plain
