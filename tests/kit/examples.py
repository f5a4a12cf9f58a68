"""The examples of the command index, as a shell reads them."""

from __future__ import annotations

import json
import shlex
from itertools import takewhile
from pathlib import Path

INDEX = Path(__file__).parents[2] / "src/cargo_ai/cli/index"
EXAMPLES = [
    example
    for path in sorted(INDEX.glob("[!_]*.json"))
    for command in json.loads(path.read_text("utf-8"))["commands"]
    for example in command["examples"]
]


def argv(example: str) -> list[str]:
    """The arguments of the first `cargo-ai` of an example, without what a pipe or a redirection adds."""
    lexer = shlex.shlex(example, posix=True, punctuation_chars="|<>&;")
    lexer.whitespace_split = True
    program, *words = takewhile(lambda word: not set(word) <= set("|<>&;"), lexer)
    assert program == "cargo-ai"
    return words
