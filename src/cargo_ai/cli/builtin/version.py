"""`cargo-ai version`: print the version as JSON (`--version`: as text)."""

from __future__ import annotations

from cargo_ai import __version__
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {"words": ["version"], "summary": "Print the version.", "examples": ["cargo-ai version", "cargo-ai --version"], "args": []}


def run(parsed: Parsed) -> int:
    """Print `{version}`."""
    Form(parsed.options).print(None, {"version": __version__})
    return 0
