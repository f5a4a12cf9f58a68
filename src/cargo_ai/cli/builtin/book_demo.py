"""`cargo-ai book-demo`: other servers have people who show them; this one is shown by its guide."""

from __future__ import annotations

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["book-demo"],
    "summary": "Say where to begin: there is no one to book here.",
    "examples": ["cargo-ai book-demo"],
    "args": [{"wire": "no-open", "in": "cli", "type": "boolean", "flags": ["--no-open"], "hidden": True, "help": "Nothing is opened."}],
}


def run(parsed: Parsed) -> int:
    """Print a notice with the command to begin with."""
    notice = "This server is your own: there is no one to book. `cargo-ai start` signs you in and says what to do first."
    output.print_document({"url": None, "notice": notice, "fix": "cargo-ai start"})
    return 0
