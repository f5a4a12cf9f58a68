"""`cargo-ai profile list`: the saved sign-ins that `--profile` names."""

from __future__ import annotations

from cargo_ai.cli.configuration import credentials
from cargo_ai.cli.formats.reply import Form
from cargo_ai.cli.output import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["profile"],
    "summary": "List the saved sign-ins that --profile names: of several servers, or several of one. `login --profile NAME` adds one.",
    "examples": ["cargo-ai profile list", "cargo-ai whoami --profile staging"],
    "rows": "profiles",
    "args": [
        {
            "wire": "verb",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "required": True,
            "values": ["list"],
            "help": "list.",
        }
    ],
}


def run(parsed: Parsed) -> int:
    """Print `{profiles}`: name, server and workspace of each. Tokens are never shown."""
    profiles = credentials.read().profiles
    rows = [
        {"name": name, "baseUrl": as_object(entry).get("baseUrl"), "workspaceUuid": as_object(entry).get("workspaceUuid")}
        for name, entry in sorted(profiles.items())
    ]
    Form(parsed.options).print(ROW, {"profiles": rows})
    return 0
