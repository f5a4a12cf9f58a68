"""`cargo-ai login --read-only --profile NAME`: a token that may only read, saved as a profile, for a coding agent."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.builtin.account.whoami import identity
from cargo_ai.cli.client.api import Api, new_key
from cargo_ai.cli.configuration import credentials
from cargo_ai.cli.configuration.settings import Settings, checked_token
from cargo_ai.cli.failure import FAILED, failure, usage
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed

PERMISSIONS = "/v1/workspaceManagement/permissions/list"
TOKENS = "/v1/workspaceManagement/tokens"


def sign_in(parsed: Parsed) -> int:
    """Make the token with the current sign-in, save it as the profile and print what whoami says of it. Failure when one is missing."""
    form = Form(parsed.options)
    profile = parsed.options.get("profile")
    if not profile:
        raise usage("missingFlag", "--read-only is saved beside your own sign-in: it needs --profile NAME.", "cargo-ai login --help")
    own = {name: value for name, value in parsed.options.items() if name != "profile"}
    settings = Settings(own, parsed.stdin)
    api = Api(settings, settings.need_token())
    known: list[Any] = output.as_object(api.call("GET", PERMISSIONS).check().document()).get("permissions") or []
    reads = [slug for entry in known if (slug := str(output.as_object(entry).get("action"))).endswith(":read") and slug.count(":") == 1]
    if not reads:
        raise failure(FAILED, "unexpectedAnswer", "The server names no permissions to read.")
    rules = [{"effect": "allow", "resources": None, "actions": reads}]
    asked = {"name": f"{profile} (read-only)", "permissions": rules}
    made = api.call("POST", TOKENS, document=asked, headers={"Idempotency-Key": new_key()}).check().document()
    token = checked_token(str(output.dig(made, "token.token") or ""), settings.base_url)
    saved = Settings(parsed.options, parsed.stdin).saved
    workspace = output.dig(made, "token.workspaceUuid")
    credentials.save(saved, settings.base_url, token, workspace if isinstance(workspace, str) else None)
    form.print(None, identity(Api(settings, token)))
    return 0
