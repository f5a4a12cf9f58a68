"""`cargo-ai completion SHELL`: print a script that completes commands, flags and values from the index."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.arguments.parse import flag_table
from cargo_ai.cli.builtin import COMMANDS, builtin_module
from cargo_ai.cli.failure import Failure
from cargo_ai.cli.words.command_index import domains, spellings
from cargo_ai.cli.words.commands import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Arg, Row
    from cargo_ai.cli.words.commands import Match

ROW: Row = {
    "words": ["completion"],
    "summary": "Print the completion script for a shell.",
    "examples": [
        'eval "$(cargo-ai completion bash)"',
        "cargo-ai completion zsh > ~/.zfunc/_cargo-ai",
        "cargo-ai completion fish > ~/.config/fish/completions/cargo-ai.fish",
    ],
    "args": [
        {
            "wire": "shell",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "required": True,
            "values": ["bash", "zsh", "fish"],
            "help": "The shell.",
        }
    ],
}

SCRIPTS = {
    "bash": r"""_cargo_ai() {
  local IFS=$'\n' about=$'\t'
  local -a lines
  lines=($(cargo-ai __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if (( ${#lines[@]} == 1 )); then
    COMPREPLY=("${lines[0]%%$about*}")
  else
    COMPREPLY=("${lines[@]//$about/  -- }")
  fi
}
complete -o default -F _cargo_ai cargo-ai
""",
    "zsh": r"""#compdef cargo-ai
_cargo_ai() {
  local -a found
  local word about
  while IFS=$'\t' read -r word about; do
    found+=("${word//:/\\:}:$about")
  done < <(cargo-ai __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then _describe 'cargo-ai' found; else _files; fi
}
compdef _cargo_ai cargo-ai
""",
    "fish": r"""function __cargo_ai_complete
  set -l before (commandline -opc)
  cargo-ai __complete $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c cargo-ai -f -a '(__cargo_ai_complete)'
""",
}


def run(parsed: Parsed) -> int:
    """Print the script."""
    output.print_text(SCRIPTS[parsed.options["shell"]])
    return 0


def complete(words: list[str]) -> int:
    """Print the completions of the last word, a line each: the word, a tab, its description. Never fails."""
    *before, partial = words or [""]
    try:
        choices = _choices(before, partial)
    except Failure:
        choices = {}
    lines = [f"{word}\t{about}" for word, about in choices.items() if word.startswith(partial)]
    if lines:
        output.print_text("\n".join(lines))
    return 0


def _choices(before: list[str], partial: str) -> dict[str, str]:
    if before[:1] == ["help"]:
        before = before[1:]
    match = find(before)
    if match.kind == "root":
        return {**COMMANDS, **{name: entry.get("summary", "") for name, entry in domains().items() if "alias_of" not in entry}}
    if match.kind == "builtin":
        return _in_builtin(match, partial)
    if match.row is not None and (match.rest or partial.startswith("-") or match.kind == "command"):
        return _in_row(match.row, match.rest, partial)
    return _next_words(match)


def _next_words(match: Match) -> dict[str, str]:
    choices: dict[str, str] = {}
    at = len(match.words)
    if match.domain is None:
        return choices
    for way, row in spellings(match.domain, match.words[0]).items():
        if len(way) > at and list(way[:at]) == match.words:
            ends = len(way) == at + 1
            choices.setdefault(way[at], row["summary"] if ends else match.domain["groups"].get(" ".join(way[1 : at + 1]), ""))
    return choices


def _in_row(row: Row, rest: list[str], partial: str) -> dict[str, str]:
    table = flag_table(row)
    last = table.get(rest[-1]) if rest else None
    if last is not None and last.get("values"):
        return {str(value): "" for value in last.get("values") or []}
    if last is not None and last["type"] != "boolean":
        return _named(last, partial)
    if not partial.startswith("-"):
        positionals = [arg for arg in row["args"] if arg.get("positional") and arg.get("values")]
        if positionals:
            return {str(value): "" for value in positionals[0].get("values") or []}
        uuid = next((arg for arg in row["args"] if arg.get("positional") and arg.get("noun")), None)
        if uuid is not None and not rest:
            return _named(uuid, partial)
    return {flag: arg.get("help", "") for flag, arg in table.items() if not arg.get("hidden")}


def _named(arg: Arg, partial: str) -> dict[str, str]:
    """The things that an argument may name, by uuid and by name; of a list, what follows its last comma."""
    noun = arg.get("noun")
    if noun is None:
        return {}
    from cargo_ai.cli.arguments.known_names import known

    before, comma, _ = partial.rpartition(",") if arg["type"] == "csv" else ("", "", partial)
    choices = {before + comma + uuid: name for uuid, name in known(noun).items()}
    # Who has begun to type a name goes on with it, where it is one word for the shell.
    plain = {before + comma + name: uuid for uuid, name in choices.items() if partial and name.replace("-", "").replace("_", "").isalnum()}
    return choices | plain


def _in_server(rest: list[str]) -> dict[str, str]:
    from cargo_ai.cli.builtin import server

    if not rest:
        return dict.fromkeys(server.COMMANDS, "")
    values = server.VALUE_FLAGS.get(rest[0], ())
    return {} if rest[-1] in values else dict.fromkeys((*values, *server.SWITCHES.get(rest[0], ())), "")


def _in_builtin(match: Match, partial: str) -> dict[str, str]:
    if match.words == ["server"]:
        return _in_server(match.rest)
    module = builtin_module(match.words[0])
    return _in_row(module.ROW, match.rest, partial) if module else {}
