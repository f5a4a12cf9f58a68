"""Roles: named sets of permissions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.members.permission import Permission, Rules
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Removed, Timestamp, Uuid, Wire


class Role(Wire):
    """A role of a workspace."""

    uuid: Uuid
    workspace_uuid: Uuid
    slug: str
    permissions: list[Permission]
    created_at: Timestamp
    is_preset: bool = Field(description="Made with the workspace: admin, member and viewer, which stay as they are.")


class RoleReply(Wire):
    """One role."""

    role: Role


class RolesReply(Wire):
    """The roles of the workspace, oldest first."""

    roles: list[Role]


get_all: Operation[Nothing, RolesReply, Any] = operations.add(
    Operation(
        "workspaceManagement.role.all",
        "GET",
        "/workspaceManagement/roles/list",
        request=Nothing,
        response=RolesReply,
        summary="List the roles that users of this workspace can have.",
        permission="workspaceManagement:read",
        cli=Cli(examples=("cargo-ai workspace role list",)),
    )
)

Slug = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="The name: lower case letters, digits and hyphens, such as data-editor."),
]
RoleName = Annotated[str, Field(min_length=1, max_length=100, description="The slug of the role, or its uuid.")]
_RULES = 'What it allows and denies: [{"effect":"allow","actions":["storage:read"]}]. A deny wins over any allow.'


class CreateRole(Wire):
    """A new role."""

    slug: Slug
    permissions: Rules = Field(min_length=1, description=_RULES)


class UpdateRole(Wire):
    """Changes to a role; absent fields stay as they are."""

    role: RoleName
    slug: Slug | None = Field(default=None, description="The new name.")
    permissions: Rules | None = Field(default=None, min_length=1, description=_RULES)


class RemoveRole(Wire):
    """Which role to remove."""

    role: RoleName


_not_found = refusal(404, "This workspace has no role {role!r}.")
_taken = refusal(409, "There is a role {slug!r} already.")
_too_wide = refusal(400, "You may not do {action} yourself, so no role of yours can allow it.")
_preset = refusal(409, "The role {role!r} was made with the workspace and stays as it is. Create one of your own instead.")
_too_powerful = refusal(409, "The role {role!r} allows more than you may do yourself, so you cannot change it.")

CreateReason = Literal["alreadyExists", "permissionsTooWide", "tooManyRoles"]

create: Operation[CreateRole, RoleReply, CreateReason] = operations.add(
    Operation(
        "workspaceManagement.role.create",
        "POST",
        "/workspaceManagement/roles",
        request=CreateRole,
        response=RoleReply,
        summary="Create a role from permissions that you have yourself.",
        permission="workspaceManagement:write",
        refusals={
            "alreadyExists": _taken,
            "permissionsTooWide": _too_wide,
            "tooManyRoles": refusal(409, "This workspace has {most} roles, which is as many as it can have. Remove one first."),
        },
        cli=Cli(
            examples=('cargo-ai workspace role create --slug data-editor --permissions \'[{"effect":"allow","actions":["storage:*"]}]\'',)
        ),
        agent_safe=False,
    )
)

UpdateReason = Literal["roleNotFound", "roleIsPreset", "roleTooPowerful", "permissionsTooWide", "alreadyExists"]

update: Operation[UpdateRole, RoleReply, UpdateReason] = operations.add(
    Operation(
        "workspaceManagement.role.update",
        "PUT",
        "/workspaceManagement/roles/{role}",
        request=UpdateRole,
        response=RoleReply,
        summary="Change a role's name or permissions; its users have them from their next request on.",
        permission="workspaceManagement:write",
        refusals={
            "roleNotFound": _not_found,
            "roleIsPreset": _preset,
            "roleTooPowerful": _too_powerful,
            "permissionsTooWide": _too_wide,
            "alreadyExists": _taken,
        },
        cli=Cli(examples=('cargo-ai workspace role update data-editor --permissions \'[{"effect":"allow","actions":["storage:read"]}]\'',)),
        agent_safe=False,
    )
)

RemoveReason = Literal["roleNotFound", "roleIsPreset", "roleTooPowerful", "roleIsUsed"]

remove: Operation[RemoveRole, Removed, RemoveReason] = operations.add(
    Operation(
        "workspaceManagement.role.remove",
        "DELETE",
        "/workspaceManagement/roles/{role}",
        request=RemoveRole,
        response=Removed,
        summary="Remove a role that no user has.",
        permission="workspaceManagement:write",
        refusals={
            "roleNotFound": _not_found,
            "roleIsPreset": _preset,
            "roleTooPowerful": _too_powerful,
            "roleIsUsed": refusal(409, "The role {role!r} is used: {users}. Give them another one first."),
        },
        cli=Cli(examples=("cargo-ai workspace role remove data-editor",)),
        agent_safe=False,
    )
)
