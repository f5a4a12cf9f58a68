"""Tokens: what programs sign in with; a new one is shown once."""

from __future__ import annotations

import json

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

_READ, _WRITE = "workspaceManagement:read", "workspaceManagement:write"


async def tokens(request: PageRequest) -> Response:
    """The tokens of the workspace."""
    return await _shown(request)


async def create(request: PageRequest) -> Response:
    """A new token, with its value."""
    fields = _fields(request)
    reply = await request.call("workspaceManagement.token.create", fields)
    return await _shown(request, new=reply["token"], command=line("workspace token create", fields))


async def rotate(request: PageRequest) -> Response:
    """A new value for a token; the former one stops working."""
    uuid = request.path["uuid"]
    reply = await request.call("workspaceManagement.token.rotate", {"uuid": uuid})
    return await _shown(request, new=reply["token"], command=f"cargo-ai workspace token rotate {uuid}")


async def remove(request: PageRequest) -> Response:
    """Revoke a token."""
    await request.call("workspaceManagement.token.remove", {"uuid": request.path["uuid"]})
    return request.redirect("/console/tokens", "The token was revoked: it has stopped working.")


def _fields(request: PageRequest) -> JsonObject:
    """What the form asks for. Refusal (400) where its rules are not JSON."""
    fields: JsonObject = {"name": request.form.get("name", "").strip()}
    for name in ("description", "expiresAt"):
        if value := request.form.get(name, "").strip():
            fields[name] = value
    if chosen := [action for action in request.form.getlist("actions") if action]:
        fields["permissions"] = [{"effect": "allow", "actions": chosen}]
    if rules := request.form.get("permissions", "").strip():
        try:
            fields["permissions"] = json.loads(rules)
        except (ValueError, RecursionError):
            raise Refusal(400, "invalidInput", 'The rules are not JSON. Write: [{"effect":"allow","actions":["storage:read"]}]') from None
    return fields


async def _shown(request: PageRequest, new: JsonObject | None = None, command: str = "") -> Response:
    rows = (await request.call("workspaceManagement.token.all"))["tokens"]
    can_write = request.may(_WRITE)
    users = {user["uuid"]: user["email"] for user in (await request.call("workspaceManagement.user.all"))["users"]}
    permissions: list[JsonObject] = (await request.call("workspaceManagement.permission.all"))["permissions"] if can_write else []
    return request.render(
        "workspace/tokens.html",
        command=command or "cargo-ai workspace token list",
        tokens=rows,
        emails=users,
        new=new,
        actions=[permission["action"] for permission in permissions],
        can_write=can_write,
    )


PAGES = [
    page("/tokens", tokens, title="Tokens", section="Tokens", permission=_READ),
    action("/tokens", create, title="Tokens", section="Tokens", permission=_WRITE),
    action("/tokens/{uuid}/rotate", rotate, title="Tokens", section="Tokens", permission=_WRITE),
    action("/tokens/{uuid}/remove", remove, title="Tokens", section="Tokens", permission=_WRITE),
]
