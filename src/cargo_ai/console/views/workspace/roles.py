"""Roles: the sets of permissions that users can have; those that the workspace adds are made, changed and removed by form."""

from __future__ import annotations

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

_READ, _WRITE = "workspaceManagement:read", "workspaceManagement:write"
_EFFECTS = ("allow", "deny")
Chosen = dict[str, list[str]]
"""The permissions that a role allows and denies."""


async def roles(request: PageRequest) -> Response:
    """All roles."""
    rows = (await request.call("workspaceManagement.role.all"))["roles"]
    return request.render("workspace/roles.html", command="cargo-ai workspace role list", roles=rows, can_write=request.may(_WRITE))


async def new(request: PageRequest) -> Response:
    """An empty form."""
    return await _shown(request, None, "", {effect: [] for effect in _EFFECTS})


async def create(request: PageRequest) -> Response:
    """Make the role, or show why it cannot be made."""
    slug, chosen = _entered(request)
    try:
        await request.call("workspaceManagement.role.create", {"slug": slug, "permissions": _rules(chosen)})
    except Refusal as refusal:
        return await _refused(request, None, refusal)
    return request.redirect("/console/roles", f"Users can have the role {slug} now.")


async def edit(request: PageRequest) -> Response:
    """The form of a role as it is."""
    role = await _role(request)
    return await _shown(request, role, role["slug"], _chosen(role))


async def update(request: PageRequest) -> Response:
    """Change the role, or show why it cannot be changed."""
    role = await _role(request)
    slug, chosen = _entered(request)
    fields: JsonObject = {"role": role["uuid"], "slug": slug if slug != role["slug"] else None}
    if _as_sets(chosen) != _as_sets(_chosen(role)):
        fields["permissions"] = _rules(chosen)
    try:
        await request.call("workspaceManagement.role.update", fields)
    except Refusal as refusal:
        return await _refused(request, role, refusal)
    return request.redirect("/console/roles", "Changed: users of the role have its permissions from their next request on.")


async def remove(request: PageRequest) -> Response:
    """Remove a role that no user has."""
    await request.call("workspaceManagement.role.remove", {"role": request.path["uuid"]})
    return request.redirect("/console/roles", "The role was removed.")


async def _role(request: PageRequest) -> JsonObject:
    rows: list[JsonObject] = (await request.call("workspaceManagement.role.all"))["roles"]
    role = next((row for row in rows if row["uuid"] == request.path["uuid"]), None)
    if role is None:
        raise Refusal(404, "roleNotFound", "This workspace has no such role.")
    return role


def _entered(request: PageRequest) -> tuple[str, Chosen]:
    return request.form.get("slug", "").strip(), {effect: request.form.getlist(effect) for effect in _EFFECTS}


def _chosen(role: JsonObject) -> Chosen:
    rules: list[JsonObject] = role["permissions"]
    return {effect: [name for rule in rules if rule["effect"] == effect for name in rule["actions"]] for effect in _EFFECTS}


def _as_sets(chosen: Chosen) -> dict[str, set[str]]:
    return {effect: set(names) for effect, names in chosen.items()}


def _rules(chosen: Chosen) -> list[JsonObject]:
    """One rule for each effect: the order of rules says nothing, a deny wins over any allow."""
    return [{"effect": effect, "actions": names} for effect, names in chosen.items() if names]


async def _refused(request: PageRequest, role: JsonObject | None, refusal: Refusal) -> Response:
    if refusal.status not in (400, 409):
        raise refusal
    slug, chosen = _entered(request)
    problem = refusal.message
    if not _rules(chosen):
        problem = "Choose what the role allows: at least one permission."
    return await _shown(request, role, slug, chosen, problem, refusal.status)


async def _shown(
    request: PageRequest, role: JsonObject | None, slug: str, chosen: Chosen, problem: str = "", status: int = 200
) -> Response:
    listed: list[JsonObject] = (await request.call("workspaceManagement.permission.all"))["permissions"]
    fields: JsonObject = {
        "slug": slug or "data-editor",
        "permissions": _rules(chosen) or [{"effect": "allow", "actions": ["storage:read"]}],
    }
    command = line(f"workspace role update {role['slug']}", fields) if role else line("workspace role create", fields)
    return request.render(
        "workspace/role_form.html",
        command=command,
        title=f"Change {role['slug']}" if role else "New role",
        status=status,
        role=role,
        slug=slug,
        chosen=chosen,
        permissions=listed,
        effects=_EFFECTS,
        problem=problem,
        form_page=f"/console/roles/{role['uuid']}/edit" if role else "/console/roles/new",
    )


PAGES = [
    page("/roles", roles, title="Roles", section="Users", permission=_READ),
    page("/roles/new", new, title="New role", section="Users", permission=_WRITE),
    action("/roles/new", create, title="New role", section="Users", permission=_WRITE),
    page("/roles/{uuid}/edit", edit, title="Role", section="Users", permission=_WRITE),
    action("/roles/{uuid}/edit", update, title="Role", section="Users", permission=_WRITE),
    action("/roles/{uuid}/remove", remove, title="Role", section="Users", permission=_WRITE),
]
