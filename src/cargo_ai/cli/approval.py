"""The approval hook of coding agents: commands that only read pass, others are asked about, removing and signing in are never allowed.

What it cannot read with certainty it never lets pass: a command passes only when all of it is commands of ours that read, and filters that
write nothing. About anything without a command of ours it says nothing, so that the agent's own rules hold.
"""

from __future__ import annotations

import json
import re

from cargo_ai.cli import output
from cargo_ai.cli.configuration import aliases
from cargo_ai.cli.failure import Failure
from cargo_ai.cli.words.commands import before_dashes, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROGRAM = re.compile(r"(^|/)cargo-ai$")
FILTERS = frozenset({"jq", "head", "tail", "wc"})
FILE_FLAGS = re.compile(r"-[A-Za-z]*[fL]|--(from-file|slurpfile|rawfile|library-path|args|jsonargs)\b.*")
NEVER_VERBS = ("remove", "delete", "empty", "archive", "forget")
NEVER_BUILTIN = frozenset({"login", "logout", "start"})
READING_BUILTIN = frozenset({"whoami", "doctor", "version", "help", "completion", "profile"})
LISTING_BUILTIN = frozenset({"alias", "skills"})
"""Those that only read when their verb is list."""
UNSAFE = frozenset("`<>&;(){}*?~!#\n\r\\")
"""Outside of quotes these make more of a line than the commands that can be read in it."""
UNSAFE_IN_QUOTES = frozenset("`\\!")
SILENCED = re.compile(r"2> ?/dev/null(?=[ |]|$)")
VARIABLE = re.compile(r"\$[A-Za-z_]")
REASONS = {
    "allow": "It only reads.",
    "ask": "It changes something, or more happens than can be read from it.",
    "deny": "Removing, signing in and tokens are for people: show them the command instead.",
}


def answer(text: str) -> None:
    """Print what the agent may do with the command that its hook sends, in the form of that agent; nothing when it is not about us."""
    try:
        asked = output.as_object(json.loads(text))
    except ValueError:
        asked = {}
    inner = output.as_object(asked.get("tool_input"))
    command: Any = inner.get("command", asked.get("command"))
    verdict = decide(command) if isinstance(command, str) else None
    if verdict is None:
        return
    if inner:
        about = {"hookEventName": "PreToolUse", "permissionDecision": verdict, "permissionDecisionReason": REASONS[verdict]}
        output.print_document({"hookSpecificOutput": about})
    else:
        output.print_document({"permission": verdict, "userMessage": REASONS[verdict], "agentMessage": REASONS[verdict]})


def decide(command: str) -> str | None:
    """allow, ask or deny; None when no command of ours is in the line."""
    if "cargo-ai" not in command:
        return None
    pieces = _pieces(command)
    verdicts = [_of_piece(piece) for piece in pieces]
    if "deny" in verdicts:
        return "deny"
    ours = [verdict for verdict in verdicts if verdict != "filter"]
    is_read = ours == ["allow"] and verdicts[0] == "allow" and _is_plain(command)
    return "allow" if is_read else "ask"


def _is_plain(command: str) -> bool:
    """Whether the line is words, quotes, variables and pipes alone."""
    quote, at = "", 0
    while at < len(command):
        character = command[at]
        silenced = SILENCED.match(command, at) if not quote else None
        if silenced:
            at = silenced.end()
            continue
        if character == quote:
            quote = ""
        elif quote != "'":
            if character in (UNSAFE_IN_QUOTES if quote else UNSAFE) or (character == "$" and not VARIABLE.match(command, at)):
                return False
            if not quote and character in "'\"":
                quote = character
            elif not quote and command.startswith("||", at):
                return False
        at += 1
    return not quote and len(command) < 100_000


def _pieces(command: str) -> list[list[str]]:
    """The words of each command of the line, as far as they can be recognised; others are looked for where our name stands."""
    import shlex

    lexer = shlex.shlex(SILENCED.sub("", command), posix=True, punctuation_chars="|&;()<>\n`")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    lexer.commenters = ""
    pieces: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word and all(character in "|&;()<>\n`" for character in word):
                pieces.append([])
            else:
                pieces[-1].append(word)
    except ValueError:  # open quotes
        pieces = [command.split()]
    more: list[list[str]] = []
    for piece in pieces:
        for at, word in enumerate(piece):
            if at and (PROGRAM.search(word) or "cargo-ai " in word):
                more.append(piece[at:] if PROGRAM.search(word) else _pieces_of_text(word))
    return [piece for piece in [*pieces, *more] if piece]


def _pieces_of_text(text: str) -> list[str]:
    """The words from the program's name on in a text that is handed to another shell."""
    return ["cargo-ai", *text.split("cargo-ai ", 1)[1].split()]


def _of_piece(words: list[str]) -> str:
    """allow, ask or deny for a command of ours; filter for one that writes nothing; else ask."""
    if not PROGRAM.search(words[0]):
        if words[0] in FILTERS and not any(FILE_FLAGS.fullmatch(word) for word in words[1:]):
            return "filter"
        return "ask"
    try:
        argv = aliases.expand(words[1:])
        match = find(argv)
    except Failure:
        return "deny" if _is_named_never(words[1:]) else "ask"
    elsewhere = any(word.startswith(("--token", "--base-url")) for word in match.rest)
    if match.kind == "builtin":
        verdict = _of_builtin(match.words[0], match.rest)
        return "ask" if elsewhere and verdict == "allow" else verdict
    if _is_named_never(match.words) or any("$" in word for word in match.words):
        return "deny"
    if match.row is None or "--help" in before_dashes(match.rest) or "-h" in before_dashes(match.rest):
        return "allow"
    return "ask" if elsewhere or match.row.get("writes") else "allow"


def _of_builtin(name: str, rest: list[str]) -> str:
    if name in NEVER_BUILTIN or any("token" in word.lower() for word in rest if name in ("server", "api")):
        return "deny"
    if name == "api" and "DELETE" in [word.upper() for word in rest]:
        return "deny"
    if name == "api" and rest[:1] and rest[0].upper() == "GET":
        return "allow"
    return "allow" if name in READING_BUILTIN or (name in LISTING_BUILTIN and rest[:1] == ["list"]) else "ask"


def _is_named_never(words: list[str]) -> bool:
    named = [word for word in words if not word.startswith("-")][:4]
    return "token" in named or any(word.startswith(NEVER_VERBS) for word in named) or any(word in NEVER_BUILTIN for word in named[:1])
