"""Commands: find the one that the words of a command line name."""

from __future__ import annotations

from cargo_ai.cli.builtin import COMMANDS, OTHER_NAMES
from cargo_ai.cli.words.command_index import domains, load, spellings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.failure import Failure
    from cargo_ai.cli.shapes import Domain, Row

GLOBAL_VALUES = (
    "--base-url",
    "--workspace-uuid",
    "--token",
    "--token-file",
    "--timeout",
    "--profile",
    "--output",
    "-o",
    "--fields",
    "--jq",
)
GLOBAL_SWITCHES = ("--all", "--json", "--yes", "--no-input", "--no-color", "--no-pager", "--quiet", "--debug", "--help", "-h", "--version")


class Match:
    """The command or group that words name: `kind` is root, builtin, domain, group or command; `rest` holds the other arguments."""

    def __init__(self, kind: str, words: list[str], rest: list[str], domain: Domain | None = None, row: Row | None = None) -> None:
        self.kind = kind
        self.words = words
        self.rest = rest
        self.domain = domain
        self.row = row


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
        if not words and word in OTHER_NAMES:
            return Match("builtin", [OTHER_NAMES[word]], early + argv[at + 1 :])
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
            if argv[at : at + 2] == ["ai", "ask"]:
                return Match("builtin", ["ask"], early + argv[at + 2 :])
            known = domains()
            domain = load(word, known)
            if domain is None:
                raise _unknown([], argv[at:], [*COMMANDS, *known])
            ways = spellings(domain, word)
        elif words == ["workspace"] and word in ("switch", "list"):
            return Match("builtin", ["switch"], early + argv[at + 1 :])
        elif not any(way[: len(words) + 1] == (*words, word) for way in ways):
            if tuple(words) in ways:
                break
            raise _unknown(words, argv[at:], sorted({way[len(words)] for way in ways if way[: len(words)] == tuple(words)}))
        words.append(word)
        at += 1
        if tuple(words) in ways and not any(len(way) > len(words) and way[: len(words)] == tuple(words) for way in ways):
            break
    rest = early + argv[at:]
    if domain is None:
        return Match("root", [], rest)
    row = ways.get(tuple(words))
    return Match("command" if row else "domain" if len(words) == 1 else "group", words, rest, domain, row)


def _unknown(words: list[str], rest: list[str], next_words: list[str]) -> Failure:
    from cargo_ai.cli.words.suggest import unknown_command  # only for mistakes, so that commands start fast

    return unknown_command(words, rest, next_words)


def _global_length(token: str) -> int:
    name, equals, _ = token.partition("=")
    if name in GLOBAL_VALUES:
        return 1 if equals else 2
    return 1 if token in GLOBAL_SWITCHES else 0
