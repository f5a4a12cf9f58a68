"""`cargo-ai logout`: remove the saved token of the current server."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.configuration import credentials
from cargo_ai.cli.configuration.environment import variable
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["logout"],
    "summary": "Forget the token of the current server, or of the one named by --base-url.",
    "examples": ["cargo-ai logout"],
    "args": [],
}


def run(parsed: Parsed) -> int:
    """Print `{loggedOut, baseUrl}`; `loggedOut` is false when there was no token."""
    form = Form(parsed.options)
    settings = Settings(parsed.options, parsed.stdin)
    forgotten = credentials.forget(settings.saved, settings.base_url)
    if variable("CARGO_API_TOKEN") and not settings.quiet:
        output.say("warning: CARGO_API_TOKEN is still set and still signs you in.")
    form.print(None, {"loggedOut": forgotten, "baseUrl": settings.base_url})
    return 0
