"""Users: the members of the workspace, their roles, and the invitations that wait."""

from __future__ import annotations

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.kernel.wire import JsonObject

_READ, _WRITE = "workspaceManagement:read", "workspaceManagement:write"


async def users(request: PageRequest) -> Response:
    """The members and the invitations."""
    return await _shown(request)


async def invite(request: PageRequest) -> Response:
    """Invite a person; the link is shown once."""
    fields = {"userEmail": request.form.get("userEmail", "").strip(), "roleSlug": request.form.get("roleSlug", "")}
    reply = await request.call("workspaceManagement.user.create", fields)
    return await _shown(request, invitation=reply["invitation"], command=line("workspace user create", fields))


async def renew(request: PageRequest) -> Response:
    """A new link for a member who has not come yet."""
    fields = {"userUuid": request.path["uuid"]}
    reply = await request.call("workspaceManagement.invitation.create", fields)
    return await _shown(request, invitation=reply["invitation"], command=line("workspace invitation create", fields))


async def change_role(request: PageRequest) -> Response:
    """Give a member another role."""
    fields = {"userUuid": request.path["uuid"], "roleSlug": request.form.get("roleSlug", "")}
    user = (await request.call("workspaceManagement.user.update", fields))["user"]
    return request.redirect("/console/users", f"{user['email']} is now {user['roleSlug']}.")


async def remove(request: PageRequest) -> Response:
    """Remove a member."""
    await request.call("workspaceManagement.user.remove", {"userUuid": request.path["uuid"]})
    return request.redirect("/console/users", "The user was removed; the tokens of the user have stopped working.")


async def _shown(request: PageRequest, invitation: JsonObject | None = None, command: str = "") -> Response:
    members = (await request.call("workspaceManagement.user.all"))["users"]
    roles = (await request.call("workspaceManagement.role.all"))["roles"]
    waiting = (await request.call("workspaceManagement.invitation.all"))["invitations"]
    lines = ["cargo-ai workspace user list", "cargo-ai workspace role list", "cargo-ai workspace invitation list"]
    return request.render(
        "workspace/users.html",
        command=[command] if command else lines,
        users=members,
        roles=roles,
        invitations=waiting,
        invitation=invitation,
        can_write=request.may(_WRITE),
    )


PAGES = [
    page("/users", users, title="Users", section="Users", permission=_READ),
    action("/users", invite, title="Users", section="Users", permission=_WRITE),
    action("/users/{uuid}/role", change_role, title="Users", section="Users", permission=_WRITE),
    action("/users/{uuid}/invitation", renew, title="Users", section="Users", permission=_WRITE),
    action("/users/{uuid}/remove", remove, title="Users", section="Users", permission=_WRITE),
]
