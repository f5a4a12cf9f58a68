"""The built-in commands: those that are written by hand instead of derived from operations."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMANDS = {
    "start": "Sign in, and hand over to a coding agent or to the first commands.",
    "server": "Start, stop and inspect a server on this machine.",
    "login": "Sign in to a server with a token.",
    "logout": "Forget the token of the current server.",
    "whoami": "Show who you are, in which workspace, on which server.",
    "doctor": "Check this installation, the server and the sign-in.",
    "open": "Open the console in the browser, at a thing or a page.",
    "ask": "Talk to an agent.",
    "api": "Send any request to the API, signed in.",
    "mcp": "Offer the platform to a program on this machine, as an MCP server.",
    "profile": "List the saved sign-ins that --profile names.",
    "alias": "Give commands that you use often a short name.",
    "skills": "Instructions for coding agents, and a hook that asks before they write.",
    "completion": "Print the completion script for a shell.",
    "version": "Print the version.",
    "help": "Show the help of a domain, a group or a command.",
}
"""Name → summary, in the order in which help shows them."""
LATER = ("logout", "profile", "alias", "completion", "version", "help")
"""Commands that the short help only names: no one starts with them."""
OTHER_NAMES = {"onboard": "start", "init": "start", "--chat": "ask", "book-demo": "book_demo"}
"""Names that help does not show → the built-in command."""
ACCOUNT = ("login", "logout", "profile", "switch", "whoami")
"""Commands whose modules are in the package `account`."""


def builtin_module(name: str) -> Any:
    """The module of a built-in command, with `ROW` and `run`; None for the two that have none."""
    if name in ("server", "help"):
        return None
    from importlib import import_module

    package = "cargo_ai.cli.builtin.account" if name in ACCOUNT else "cargo_ai.cli.builtin"
    return import_module(f"{package}.{name}")


def run_server_command(argv: list[str]) -> int:
    """Run `cargo-ai server <argv>` and return its exit code. Raises Failure, also where the server's part is not installed."""
    from cargo_ai.cli.failure import FAILED, failure

    try:
        from importlib import import_module

        return import_module("cargo_ai.cli.builtin.server").main(argv)
    except ImportError as error:
        if "--debug" in argv:
            import traceback

            traceback.print_exc()
        install = _how_to_install()
        sentence = f"The server's part is not installed ({error}). Install it with: {install}"
        raise failure(FAILED, "extraMissing", sentence, install) from None


def _how_to_install() -> str:
    """The command that installs the server's part, by what has installed this command line."""
    import sys

    if "/pipx/venvs/" in sys.prefix:
        return "pipx install --force 'cargo-ai[server]'"
    if "/uv/tools/" in sys.prefix:
        return "uv tool install --force 'cargo-ai[server]'"
    return "pip install 'cargo-ai[server]'"
