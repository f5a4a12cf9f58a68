"""Parse the flags and positionals of a command line against the command's row in the index."""

from __future__ import annotations

from cargo_ai.cli.arguments.value import Stdin, boolean, convert
from cargo_ai.cli.failure import shell_line, usage
from cargo_ai.cli.output import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.shapes import Arg, Row


TOKENS_BEGIN = "cai_"


def _own(wire: str, kind: str, about: str, hidden: bool = False) -> Arg:
    flag = "--" + wire
    return {"wire": wire, "in": "cli", "type": kind, "flags": [flag], "help": about, "hidden": hidden}


def _choice(wire: str, values: list[str], about: str) -> Arg:
    return {**_own(wire, "string", about), "flags": ["--" + wire, "-o"], "values": values}


GLOBALS: list[Arg] = [
    _own("base-url", "string", "The server to talk to."),
    _own("workspace-uuid", "string", "The workspace to work in."),
    _own("token", "string", "The token to sign in with; - reads it from standard input."),
    _own("token-file", "string", "A file that holds the token."),
    _own("timeout", "number", "Give up after this many seconds."),
    _own("profile", "string", "The saved sign-in to use (cargo-ai login --profile NAME)."),
    _choice(
        "output",
        ["json", "jsonl", "table", "csv"],
        "How to print the reply: a JSON document, a line of JSON for each row, a table, or CSV.",
    ),
    _own("fields", "csv", "Only these fields of each row, such as uuid,run.status."),
    _own("jq", "string", "Print what this jq expression gives, such as .tools[].uuid."),
    _own("all", "boolean", "Go through all pages of a list; --limit is then the size of a page."),
    _own("json", "boolean", "The JSON document also on a terminal; short for --output json.", hidden=True),
    _own("no-pager", "boolean", "Never show long text page by page."),
    _own("yes", "boolean", "Answer yes to confirmations of destructive commands."),
    _own("no-input", "boolean", "Never prompt; fail instead."),
    _own("no-color", "boolean", "No bold text in help and messages."),
    _own("quiet", "boolean", "Print no progress and no warnings."),
    _own("debug", "boolean", "Print requests, ids and timings to stderr, with secrets masked."),
]
WAITING: list[Arg] = [
    _own("wait-until-finished", "boolean", "Wait until the work has ended, then print its final state."),
    _own("polling-interval", "integer", "The most milliseconds between two polls. Default 5000."),
    _own("exit-status", "boolean", "Exit with code 1 when the work ends in error or cancelled."),
]
WRITING: list[Arg] = [
    _own("idempotency-key", "string", "Repeating a request with the same key returns the first reply. Default: a random key.")
]


class Parsed:
    """A parsed command line: `values` are (arg, value) pairs of the request, `options` belong to the command line itself."""

    def __init__(self, words: list[str], rest: list[str]) -> None:
        self.words = words
        self.argv = [*words, *rest]
        self.values: list[tuple[Arg, Any]] = []
        self.options: dict[str, Any] = {}
        self.given: set[str] = set()
        self.stdin = Stdin()

    def get(self, wire: str) -> Any:
        """The value of the arg with that wire name, or None."""
        return next((value for arg, value in self.values if arg["wire"] == wire), None)

    def put(self, arg: Arg, value: Any) -> None:
        """Add a value: lists are extended, anything else is replaced."""
        self.given.update(arg["flags"])
        if arg["in"] == "cli":
            extends = arg["type"] == "texts" and arg["wire"] in self.options
            self.options[arg["wire"]] = self.options[arg["wire"]] + value if extends else value
            return
        for at, (known, old) in enumerate(self.values):
            if known is arg:
                if arg["type"] == "secrets":
                    value = {**as_object(old), **as_object(value)}
                extends = arg["type"] == "csv" and isinstance(old, list) and isinstance(value, list)
                self.values[at] = (arg, [*old, *value] if extends else value)
                return
        self.values.append((arg, value))


def command_flags(row: Row) -> list[Arg]:
    """The args of a command, with those that the command line adds."""
    return [*row["args"], *(WAITING if row.get("until") else []), *(WRITING if row.get("writes") else [])]


def flag_table(row: Row) -> dict[str, Arg]:
    """Every flag of the command; its own win over the global ones."""
    table: dict[str, Arg] = {}
    for arg in [*command_flags(row), *GLOBALS]:
        for flag in arg["flags"]:
            table.setdefault(flag, arg)
    return table


def parse(row: Row, words: list[str], argv: list[str]) -> Parsed:
    """Parse all of `argv`. Raises Failure (2) at the first error."""
    table = flag_table(row)
    parsed = Parsed(words, argv)
    loose: list[str] = []
    at = 0
    while at < len(argv):
        word = argv[at]
        at += 1
        if word == "--":
            loose += argv[at:]
            break
        if not _is_flag(word):
            loose.append(word)
            continue
        at += _flag(row, parsed, table, word, argv[at:])
    _positionals(row, parsed, loose)
    _check(row, words, parsed)
    return parsed


def _is_flag(token: str) -> bool:
    """Not a flag: `-`, a negative number, or a text with spaces that happens to begin with a dash (an SQL comment)."""
    name = token.partition("=")[0]
    return name.startswith("-") and name != "-" and not name[1].isdigit() and not any(character.isspace() for character in name)


def _flag(row: Row, parsed: Parsed, table: dict[str, Arg], token: str, after: list[str]) -> int:
    """Parse one flag; the number of arguments after it that belong to it."""
    flag, equals, text = token.partition("=")
    arg = table.get(flag)
    if arg is None:
        opposite = table.get("--" + flag[5:]) if flag.startswith("--no-") else None
        if opposite is None or opposite["type"] != "boolean":
            from cargo_ai.cli.words.suggest import unknown_flag  # only for mistakes, so that commands start fast

            raise unknown_flag(parsed.words, parsed.argv, table, token)
        parsed.put(opposite, not boolean(flag, text) if equals else False)
        return 0
    if equals:
        parsed.put(arg, _value(arg, flag, text, parsed.stdin))
        return 0
    if arg["type"] == "boolean":
        words = ("true", "false", "none", "null") if arg.get("nullable") else ("true", "false")
        spelled = bool(after) and after[0].lower() in words
        parsed.put(arg, convert(arg, flag, after[0], parsed.stdin) if spelled else True)
        return int(spelled)
    if not after or after[0] == "--" or (after[0].startswith("--") and after[0].partition("=")[0] in table):
        raise usage("missingValue", f"{flag} needs a value: {flag} {placeholder(arg)}.", shell_line([*row["words"], "--help"]))
    parsed.put(arg, _value(arg, flag, after[0], parsed.stdin))
    return 1


def _value(arg: Arg, flag: str, text: str, stdin: Stdin) -> Any:
    if arg["type"] == "secrets":
        from cargo_ai.cli.arguments import secret_values  # only where there are some, so that commands start fast

        return secret_values.of_flag(flag, text, stdin)
    return convert(arg, flag, text, stdin)


def _positionals(row: Row, parsed: Parsed, loose: list[str]) -> None:
    places = [arg for arg in row["args"] if arg.get("positional") and not parsed.given.intersection(arg["flags"] or [arg["wire"]])]
    for at, text in enumerate(loose):
        if at < len(places):
            arg = places[at]
        elif places and places[-1]["type"] in ("csv", "texts"):
            arg = places[-1]
        else:
            raise usage("unexpectedArgument", _unexpected(row, parsed, text), shell_line([*row["words"], "--help"]))
        name = f"<{arg['wire']}>"
        parsed.put(arg, convert(arg, name, text, parsed.stdin))


def _unexpected(row: Row, parsed: Parsed, text: str) -> str:
    given = {arg["wire"] for arg, _ in parsed.values}
    missing = [arg for arg in row["args"] if arg.get("required") and arg["wire"] not in given and arg["flags"]]
    if len(missing) == 1 and not text.startswith(TOKENS_BEGIN):
        return f'Unexpected argument "{text}": it has to follow {missing[0]["flags"][0]}.'
    before = parsed.argv[parsed.argv.index(text) - 1]
    arg = flag_table(row).get(before)
    if arg is not None and arg["type"] == "boolean":
        return f'{before} takes true or false, not "{text}".'
    if text.startswith(TOKENS_BEGIN):
        return "Unexpected argument: a token is given by --token, or by --token - from standard input."
    return f'Unexpected argument "{text}".'


def _check(row: Row, words: list[str], parsed: Parsed) -> None:
    present = {arg["wire"] for arg, _ in parsed.values}
    given = present | set(parsed.options)
    missing = [arg for arg in row["args"] if arg.get("required") and arg["wire"] not in given and arg.get("or") not in given]
    if missing:
        names = [f"<{arg['wire']}>" if arg.get("positional") else f"{arg['flags'][0]} {placeholder(arg)}" for arg in missing]
        instead = next((f" (or --{arg['or']} FILE)" for arg in missing if "or" in arg), "")
        example = _example(row)
        shown = f" For example: {example}" if example else ""
        sentence = f'"cargo-ai {" ".join(words)}" needs {" and ".join(names)}{instead}.{shown}'
        raise usage("missingFlag", sentence, shell_line([*words, "--help"]))
    timeout = parsed.options.get("timeout")
    if timeout is not None and timeout <= 0:
        raise usage("invalidValue", "--timeout takes a number of seconds above 0.")
    interval = parsed.options.get("polling-interval")
    if interval is not None and interval < 1:
        raise usage("invalidValue", "--polling-interval takes a number of milliseconds above 0.")
    if parsed.options.get("exit-status") and not parsed.options.get("wait-until-finished"):
        raise usage("missingFlag", "--exit-status needs --wait-until-finished.", shell_line([*parsed.argv, "--wait-until-finished"]))


def _example(row: Row) -> str | None:
    examples = row.get("examples")
    return examples[0] if examples else None


def placeholder(arg: Arg) -> str:
    """The placeholder for the value in a usage line."""
    if arg.get("values") and arg["type"] != "csv":
        return "|".join(str(value) for value in arg.get("values") or [])
    names = {
        "integer": "N",
        "number": "NUMBER",
        "boolean": "true|false",
        "json": "JSON",
        "csv": "A,B",
        "path": "FILE",
        "secrets": "NAME=@FILE",
    }
    if arg.get("noun"):
        return "UUID|NAME" if arg["type"] == "string" else "UUID|NAME,…"
    return names.get(arg["type"], "UUID" if arg["flags"] and arg["flags"][0].endswith("uuid") else "TEXT")
