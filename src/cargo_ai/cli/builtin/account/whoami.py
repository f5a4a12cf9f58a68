"""`cargo-ai whoami`: show the user, the workspace and the server."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.client.api import Api
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["whoami"],
    "summary": "Show who you are, in which workspace, on which server.",
    "examples": ["cargo-ai whoami"],
    "args": [],
}
USER = "/v1/workspaceManagement/users/current"
WORKSPACE = "/v1/workspaceManagement/workspaces/current"


def run(parsed: Parsed) -> int:
    """Print `{user, workspace, baseUrl}`; Failure 4 when not signed in."""
    form = Form(parsed.options)
    settings = Settings(parsed.options, parsed.stdin)
    form.print(None, identity(Api(settings, settings.need_token())))
    return 0


def identity(api: Api) -> dict[str, Any]:
    """The owner of the token: the user without permissions, the workspace's uuid and name, the server."""
    user = output.as_object(output.dig(api.call("GET", USER).check().document(), "user"))
    workspace = output.as_object(output.dig(api.call("GET", WORKSPACE).check().document(), "workspace"))
    return {
        "user": {name: value for name, value in user.items() if name != "permissions"},
        "workspace": {"uuid": workspace.get("uuid"), "name": workspace.get("name")},
        "baseUrl": api.base_url,
    }
