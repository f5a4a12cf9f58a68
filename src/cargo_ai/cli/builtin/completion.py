"""`cargo-ai completion SHELL`: a script that completes commands, flags and their values from the index."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.builtin import COMMANDS, builtin_module
from cargo_ai.cli.commands import find, rooms, spellings
from cargo_ai.cli.failure import Failure
from cargo_ai.cli.parse import flag_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.commands import Match
    from cargo_ai.cli.parse import Parsed
    from cargo_ai.cli.shapes import Row

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
  local IFS=$'\n'
  COMPREPLY=($(cargo-ai __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
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
    """Prints the script."""
    output.print_text(SCRIPTS[parsed.options["shell"]])
    return 0


def complete(words: list[str]) -> int:
    """Prints what may stand where the last of the words is, a line each: the word, a tab, what it is. Never fails."""
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
    found = find(before)
    if found.kind == "root":
        return {**COMMANDS, **{name: entry.get("summary", "") for name, entry in rooms().items() if "alias_of" not in entry}}
    if found.kind == "builtin":
        return _in_builtin(found, partial)
    if found.row is not None and (found.rest or partial.startswith("-") or found.kind == "command"):
        return _in_row(found.row, found.rest, partial)
    return _next_words(found)


def _next_words(found: Match) -> dict[str, str]:
    choices: dict[str, str] = {}
    at = len(found.words)
    if found.room is None:
        return choices
    for way, row in spellings(found.room, found.words[0]).items():
        if len(way) > at and list(way[:at]) == found.words:
            ends = len(way) == at + 1
            choices.setdefault(way[at], row["summary"] if ends else found.room["groups"].get(" ".join(way[1 : at + 1]), ""))
    return choices


def _in_row(row: Row, rest: list[str], partial: str) -> dict[str, str]:
    table = flag_table(row)
    last = table.get(rest[-1]) if rest else None
    if last is not None and last.get("values"):
        return {str(value): "" for value in last.get("values") or []}
    if last is not None and last["type"] != "boolean":
        return {}
    if not partial.startswith("-"):
        places = [arg for arg in row["args"] if arg.get("positional") and arg.get("values")]
        if places:
            return {str(value): "" for value in places[0].get("values") or []}
    return {flag: arg.get("help", "") for flag, arg in table.items() if not arg.get("hidden")}


def _in_server(rest: list[str]) -> dict[str, str]:
    from cargo_ai.cli.builtin import server

    if not rest:
        return dict.fromkeys(server.COMMANDS, "")
    taken = server.VALUE_FLAGS.get(rest[0], ())
    return {} if rest[-1] in taken else dict.fromkeys((*taken, *server.SWITCHES.get(rest[0], ())), "")


def _in_builtin(found: Match, partial: str) -> dict[str, str]:
    if found.words == ["server"]:
        return _in_server(found.rest)
    module = builtin_module(found.words[0])
    return _in_row(module.ROW, found.rest, partial) if module else {}
