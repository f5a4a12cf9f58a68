"""Suggestions: what was probably meant by an unknown command or flag, and a `fix` only where following it blindly does no harm."""

from __future__ import annotations

import re

from cargo_ai.cli.builtin import COMMANDS
from cargo_ai.cli.failure import Failure, shell_line, usage
from cargo_ai.cli.words.command_index import domains, load, read_index, spellings
from cargo_ai.cli.words.similar import near, or_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.shapes import Arg

CLOSE = 0.8
"""What is less similar is named, but is not a `fix`: an agent runs that without a thought."""
NEVER_MEANT = frozenset({"--yes", "--token", "--token-file", "--no-input"})
"""Flags that give consent or hold secrets: a slip must not turn into one of them."""
REMOVING = frozenset(
    {"remove", "remove-all", "delete", "archive", "cancel", "clear", "merge", "undo", "rollback", "revoke", "rotate", "logout"}
)
"""Words of commands that take something away. They are suggested to people, and never a `fix`."""
CARD = frozenset({"--card-number", "--card-exp", "--card-cvc", "--card-stdin"})
OF_SOME = frozenset({"--wait-until-finished", "--exit-status", "--file", "--chart"})
"""Flags of the command line itself that only some commands have."""
IN_SEGMENT = '{"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"segment","operator":"in","segmentUuid":"NAME"}]}]}'
ELSEWHERE = {"--segment-uuid": f"Give the model, and a filter; for the records of a segment: --filter '{IN_SEGMENT}'."}
"""What stands for a flag that commands without it are often given."""
MAX_FLAGS = 12
LEAST_PART = 4
"""Letters of a flag that are enough to find it by them: `--file` is asked of a command that has `--s3-filename`."""
PROJECTS = "Workflows are kept as JSON here: `cargo-ai orchestration draft-release get` and `update` read and write them."
INSTEAD = {
    "cdk": PROJECTS,
    "project": PROJECTS,
    "mailboxManagement": "Workflows send e-mail through the integration smtp: `cargo-ai connection integration get smtp`.",
    "context": "Agents read uploaded files: `cargo-ai content file upload`.",
    "domain-management": "Domains are bought at a registrar; workflows send e-mail: `cargo-ai connection integration get smtp`.",
    "hosting": "Forms and hooks of tools are served by themselves: `cargo-ai orchestration tool --help`. A program of yours is called as a "
    "custom integration: `cargo-ai connection custom-integration create --help`.",
    "revenue-organization": "Members and territories are kept as models, and a play assigns records to them: "
    "`cargo-ai orchestration template get lead-routing`.",
    "system-of-record": "Records live in the PostgreSQL of this server; models are filled from warehouses by connectors: "
    "`cargo-ai connection integration list --has-extractors true`.",
    "workspaceManagement": "Secrets are kept by connectors: `cargo-ai connection connector create --help`.",
}
"""By the first word of commands that are not served: what there is."""


def is_fix(typed: str, meant: str) -> bool:
    """Whether a word is so like the one that was typed, and so harmless, that a `fix` may have it."""
    return meant not in REMOVING and meant not in NEVER_MEANT and bool(near(typed, [meant], CLOSE))


def unknown_flag(words: list[str], argv: list[str], table: dict[str, Arg], token: str) -> Failure:
    """The usage failure for an unknown flag. `table`: the command's flags by name; `token`: as it was typed."""
    flag, _, _ = token.partition("=")
    sentence = f'"cargo-ai {" ".join(words)}" has no flag {flag}.'
    if flag in CARD:
        card = "A card is typed at the payment page only: without this flag, the command gives its address."
        return usage("unknownFlag", f"{sentence} {card}", shell_line(words))
    if flag in ELSEWHERE:
        return usage("unknownFlag", f"{sentence} {ELSEWHERE[flag]}", shell_line([*words, "--help"]))
    names = [name for name, arg in table.items() if not arg.get("hidden") and name not in NEVER_MEANT]
    typed = flag[2:]
    own = [name for name, arg in table.items() if (arg.get("in") != "cli" or name in OF_SOME) and not arg.get("hidden")]
    within = [name[2:] for name in own if name in names and len(typed) >= LEAST_PART and typed in name]
    close = within[:2] or near(typed, [name[2:] for name in names])
    if close:
        repaired = ["--" + close[0] + word[len(flag) :] if word == token else word for word in argv]
        fix = shell_line(repaired) if is_fix(typed, close[0]) else None
        return usage("unknownFlag", f"{sentence} Did you mean {or_list(['--' + name for name in close])}?", fix)
    known = f" It has {or_list(own[:MAX_FLAGS])}{' and more' if len(own) > MAX_FLAGS else ''}." if own else ""
    return usage("unknownFlag", sentence + known, shell_line([*words, "--help"]))


def unknown_command(words: list[str], rest: list[str], next_words: list[str]) -> Failure:
    """The usage failure for an unknown word, with the commands that were probably meant. `words`: those that are known."""
    tail: list[str] = []
    for token in rest:
        if token.startswith("-"):
            break
        tail.append(token)
    typed = " ".join([*words, rest[0]])
    if planned := _planned([*words, *tail]):
        sentence = f'"cargo-ai {planned}" is a command of the public cargo-ai that this server does not have.{_instead(planned)}'
        return usage("notBuiltYet", sentence, shell_line([*words, "--help"]))
    guesses: list[tuple[list[str], int]] = [([*words, guess], 1) for guess in near(rest[0], next_words)]
    guesses = guesses or ([] if words else _guesses_anywhere(tail))
    if not guesses:
        known = f" There is: {', '.join(next_words)}." if words else ""
        return usage("unknownCommand", f'There is no command "{typed}".{known}', shell_line([*words, "--help"]))
    shown = or_list(['"' + " ".join(["cargo-ai", *guess]) + '"' for guess, _ in guesses])
    best, used = guesses[0]
    is_certain = is_fix(rest[0], best[-1]) if words else _is_certain(tail, [guess for guess, _ in guesses])
    fix = shell_line([*best, *rest[used:]]) if is_certain else None
    return usage("unknownCommand", f'There is no command "{typed}". Did you mean {shown}?', fix)


def _planned(typed: list[str]) -> str | None:
    """What was typed of a command of the public command line that this version does not serve."""
    planned: list[str] = read_index("_planned.json").get("commands", [])
    if typed[0] not in domains():
        # A domain as the API spells it.
        spelled = re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"-{match[1].lower()}", typed[0])
        first = spelled if any(command.startswith(f"{spelled} ") for command in planned) else typed[0]
        typed = [first, *typed[1:]]
    if typed[0] not in domains() and any(command.startswith(f"{typed[0]} ") for command in planned):
        return " ".join(typed[:3])
    begins = {" ".join(words[:length]) for words in map(str.split, planned) for length in range(1, len(words) + 1)}
    return next((begun for length in range(len(typed), 0, -1) if (begun := " ".join(typed[:length])) in begins - {*domains()}), None)


def _instead(planned: str) -> str:
    """What there is in place of a command of a domain that is not served, as a sentence to add."""
    first = planned.split()[0]
    return f" {INSTEAD[first]}" if first in INSTEAD else ""


def _is_certain(typed: list[str], guesses: list[list[str]]) -> bool:
    """Whether the first of the guesses for a command without its domain is what was typed, but for a letter or the domain."""
    best = guesses[0]
    if best[-1] in REMOVING:
        return False
    if len(best) == 1 or len(guesses) == 1:
        return True
    return len(typed) > 1 and " ".join(best).endswith(" ".join(typed[: len(best) - 1]))


def _guesses_anywhere(typed: list[str]) -> list[tuple[list[str], int]]:
    """Commands of all domains that end in the typed words, else the most similar ones, each with how many words it replaces."""
    known = domains()
    every = [way for name, entry in known.items() if "file" in entry and (domain := load(name, known)) for way in spellings(domain)]
    for length in range(len(typed), 0, -1):
        ending = tuple(typed[:length])
        matches = [list(way) for way in every if way[-length:] == ending]
        if matches:
            return [(match, length) for match in matches[:3]]
    if builtin := near(typed[0], [*COMMANDS]):
        return [([word], 1) for word in builtin]
    groups = near(typed[0], sorted({way[1] for way in every if len(way) > 2}))
    matches = [list(way) for way in every if way[1] in groups and way[2:] == tuple(typed[1 : len(way) - 1])]
    if matches:
        return [(match, len(match) - 1) for match in matches[:3]]
    by_text = {" ".join(way): list(way) for way in every}
    for length in (3, 2, 4):
        close = near(" ".join(typed[:length]), list(by_text), CLOSE)
        if close:
            return [(by_text[text], min(length, len(typed))) for text in close]
    return []
