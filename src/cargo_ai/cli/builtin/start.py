"""`cargo-ai start`: sign in where that is needed, and hand over to a coding agent or to the first commands."""

from __future__ import annotations

import os

from cargo_ai.cli import output
from cargo_ai.cli.arguments.parse import parse
from cargo_ai.cli.builtin import skills
from cargo_ai.cli.builtin.account import login
from cargo_ai.cli.builtin.account.whoami import identity
from cargo_ai.cli.client.api import Api
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import DENIED, Failure, shell_line, usage
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

NEXT = ["cargo-ai orchestration tool list", "cargo-ai connection integration list --output table", "cargo-ai open"]
ROW: Row = {
    "words": ["start"],
    "summary": "Sign in where that is needed, and hand over to a coding agent or to the first commands.",
    "examples": [
        "cargo-ai start",
        "cargo-ai start --continue claude --directory .",
        "cargo-ai start --email ann@example.com --code 12345678",
    ],
    "args": [
        {
            "wire": "continue",
            "in": "cli",
            "type": "string",
            "flags": ["--continue"],
            "values": [*skills.TARGETS, "cli", "code", "demo"],
            "help": "How to go on: with a coding agent, which gets the skills, or on the command line.",
        },
        {"wire": "directory", "in": "cli", "type": "string", "flags": ["--directory"], "help": "The project whose agent gets the skills."},
        {"wire": "email", "in": "cli", "type": "string", "flags": ["--email"], "help": "Sign in by a code sent there."},
        {"wire": "code", "in": "cli", "type": "string", "flags": ["--code"], "help": "The code; - reads it from standard input."},
        {"wire": "oauth", "in": "cli", "type": "boolean", "flags": ["--oauth"], "help": "Sign in at the server's provider."},
        {"wire": "workspace-name", "in": "cli", "type": "string", "flags": ["--workspace-name"], "hidden": True},
        {"wire": "icp", "in": "cli", "type": "string", "flags": ["--icp"], "hidden": True},
    ],
}
LOGIN_FLAGS = ("email", "code", "oauth", "token", "token-file", "base-url", "profile", "workspace-name")


def run(parsed: Parsed) -> int:
    """Print `{user, workspace, baseUrl, installed, next}`: who is signed in, the skills that were installed, what to do now."""
    form = Form(parsed.options)
    way, directory = parsed.options.get("continue"), parsed.options.get("directory")
    if way in ("code", "demo"):
        what = "Workflows are not code here" if way == "code" else "No demo is booked here"
        raise usage("invalidValue", f"{what}: go on with --continue cli, or with a coding agent.", "cargo-ai start --continue cli")
    if directory is not None and way not in skills.TARGETS:
        raise usage("missingFlag", f"--directory needs --continue {'|'.join(skills.TARGETS)}.", "cargo-ai start --help")
    account = _account(parsed)
    if account is None:  # a code is on its way, and what to run with it was printed
        return 0
    installed: list[str] = []
    steps = NEXT
    if way in skills.TARGETS:
        folder = None if directory is None else os.path.join(os.path.expanduser(str(directory)), f".{way}", "skills")
        installed = skills.install_for(way, folder)
        steps = [way, *NEXT[:1]]
    user = {name: output.dig(account, f"user.{name}") for name in ("uuid", "email")}
    form.print(None, {**account, "user": user, "installed": installed, "next": steps})
    return 0


def _account(parsed: Parsed) -> dict[str, Any] | None:
    """Who is signed in, after signing in where no one was; None while a code is awaited."""
    asked = any(parsed.options.get(name) for name in ("email", "code", "oauth"))
    settings = Settings(parsed.options, parsed.stdin)
    if not asked and settings.token:
        try:
            return identity(Api(settings, settings.need_token()))
        except Failure as refusal:
            if refusal.code == DENIED:
                refusal.document["fix"] = shell_line(["login", *settings.again])
            raise
    words = [word for name in LOGIN_FLAGS for word in _words(name, parsed.options.get(name))]
    return login.sign_in(parse(login.ROW, ["login"], words))


def _words(name: str, value: object) -> list[str]:
    if not value:
        return []
    return [f"--{name}"] if value is True else [f"--{name}", str(value)]
