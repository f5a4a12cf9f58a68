"""`cargo-ai workspace list` and `workspace switch`: the workspaces of this server that were signed in to, and the one in use."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.configuration import credentials
from cargo_ai.cli.configuration.environment import variable
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import DENIED, failure, shell_line
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["workspace", "switch"],
    "summary": "Use another workspace that you have signed in to; without a name, list them.",
    "examples": ["cargo-ai workspace list", 'cargo-ai workspace switch "Acme Europe"'],
    "args": [
        {
            "wire": "workspace",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "help": "Its name or uuid.",
        }
    ],
}


def run(parsed: Parsed) -> int:
    """Print `{workspaces: [{uuid, name, isCurrent}], baseUrl}`. Failure (4) for a workspace that was never signed in to."""
    form = Form(parsed.options)
    settings = Settings(parsed.options, parsed.stdin)
    settings.need_trusted_server()
    entry = settings.entry()
    name = parsed.options.get("workspace")
    current = str(settings.workspace_uuid or entry.get("workspaceUuid") or "")
    if name is not None:
        current = _find(settings, str(name))
        known = output.as_object(credentials.workspaces(entry)[current])
        credentials.save(settings.saved, settings.base_url, str(known["accessToken"]), current, known.get("name"))
        if variable("CARGO_API_TOKEN") and not settings.quiet:
            output.say("warning: CARGO_API_TOKEN is set and wins over the workspace that was just chosen.")
    listed = [
        {"uuid": uuid, "name": output.as_object(known).get("name"), "isCurrent": uuid == current}
        for uuid, known in credentials.workspaces(entry).items()
    ]
    form.print(None, {"workspaces": listed, "baseUrl": settings.base_url})
    return 0


def _find(settings: Settings, name: str) -> str:
    known = credentials.workspaces(settings.entry())
    matching = [uuid for uuid in known if uuid == name] or [
        uuid for uuid, entry in known.items() if output.as_object(entry).get("name") == name
    ]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise failure(DENIED, "ambiguousWorkspace", f"Several workspaces are called {name!r}: {', '.join(matching)}. Name one by uuid.")
    login = shell_line(["login", *settings.again, "--workspace-uuid", name])
    sentence = f"You have not signed in to a workspace {name!r} on {settings.base_url}. Each has a token of its own: sign in there once."
    raise failure(DENIED, "unknownWorkspace", sentence, login)
