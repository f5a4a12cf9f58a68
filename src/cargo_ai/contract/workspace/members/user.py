"""Users of a workspace."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.members.account import WebExtensionData
from cargo_ai.contract.workspace.members.invitation import NewInvitation
from cargo_ai.contract.workspace.members.permission import Permission, PermissionAction
from cargo_ai.contract.workspace.members.role import Role
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Removed, Timestamp, Uuid, Wire


def _lower(email: str) -> str:
    return email.lower()


Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254), AfterValidator(_lower)]
RoleName = Annotated[str, Field(min_length=1, max_length=100, description="The slug of the role, such as member, or its uuid.")]


class User(Wire):
    """A user, as a member of the workspace."""

    uuid: Uuid
    email: str
    first_name: str | None
    last_name: str | None
    picture: str | None
    last_sign_in_at: Timestamp | None = Field(description="When one of the user's tokens was last used here, to the hour.")
    created_at: Timestamp
    updated_at: Timestamp
    web_extension_data: WebExtensionData | None = Field(description="Only its owner sees it, by `userManagement.user.getCurrent`.")
    workspace_uuid: Uuid
    permissions: list[Permission]
    role: Role | None
    role_slug: str | None


class UserReply(Wire):
    """One user."""

    user: User


class CreatedUser(Wire):
    """A new user, and the invitation by which that person signs in."""

    user: User
    invitation: NewInvitation


class UsersReply(Wire):
    """The users of the workspace, in the order of their joining."""

    users: list[User]


class CreateUser(Wire):
    """A new user of the workspace."""

    user_email: Email = Field(description="The e-mail address of the user.")
    role_slug: RoleName


class UpdateUser(Wire):
    """The new role of a user."""

    user_uuid: Uuid = Field(description="The user.")
    role_slug: RoleName


class RemoveUser(Wire):
    """Which user to remove."""

    user_uuid: Uuid = Field(description="The user.")


class UpsertPermission(Wire):
    """What some users may, or may not, do with one thing."""

    action: PermissionAction = Field(description="The permission, such as orchestration:workflow:read.")
    resource_uuid: Uuid = Field(description="The thing: requests that name it by this uuid.")
    effect: Literal["allow", "deny"] = Field(description="allow or deny; a deny wins.")
    user_uuids: list[Uuid] = Field(default_factory=list, max_length=100, description="The users.")
    emails: list[Email] = Field(default_factory=list, max_length=100, description="Users by their e-mail addresses.")


class RemovePermission(Wire):
    """Which rules of a user to remove."""

    user_uuid: Uuid = Field(description="The user.")
    resource_uuid: Uuid = Field(description="The thing.")
    effect: Literal["allow", "deny"] = Field(description="allow or deny.")


class ChangedUsers(Wire):
    """How many users have a changed rule."""

    count: int


_user_not_found = refusal(404, "There is no user {user} in this workspace.")
_role_not_found = refusal(400, "role not found: this workspace has no role {role!r}.")
_last_admin = refusal(
    409,
    "This is the last admin of the workspace who has a token for everything that does not expire: another admin has to sign in first. "
    "When all tokens are lost, `cargo-ai server init --admin-token` on the server's machine creates one.",
)
_too_powerful = refusal(400, "The role {role!r} allows more than you may do yourself, so you cannot give it.")

get_all: Operation[Nothing, UsersReply, Any] = operations.add(
    Operation(
        "workspaceManagement.user.all",
        "GET",
        "/workspaceManagement/users/list",
        request=Nothing,
        response=UsersReply,
        summary="List the users of this workspace and their roles.",
        permission="workspaceManagement:read",
        cli=Cli(examples=("cargo-ai workspace user list",)),
    )
)

get_current: Operation[Nothing, UserReply, Any] = operations.add(
    Operation(
        "workspaceManagement.user.getCurrent",
        "GET",
        "/workspaceManagement/users/current",
        request=Nothing,
        response=UserReply,
        summary="Show your own user and role in this workspace.",
        permission=None,
        cli=Cli(examples=("cargo-ai workspace user get-current",)),
    )
)

CreateReason = Literal["roleNotFound", "roleTooPowerful", "alreadyMember"]

create: Operation[CreateUser, CreatedUser, CreateReason] = operations.add(
    Operation(
        "workspaceManagement.user.create",
        "POST",
        "/workspaceManagement/users",
        request=CreateUser,
        response=CreatedUser,
        summary="Invite a user to this workspace, by e-mail address and role. The reply has the link, which signs in once.",
        permission="workspaceManagement:write",
        refusals={
            "roleNotFound": _role_not_found,
            "roleTooPowerful": _too_powerful,
            "alreadyMember": refusal(409, "{email} is already in this workspace. Send a new invitation, or change the role."),
        },
        cli=Cli(examples=("cargo-ai workspace user create --user-email ann@example.com --role-slug member",)),
        agent_safe=False,
    )
)

UpdateReason = Literal["userNotFound", "roleNotFound", "roleTooPowerful", "lastAdmin"]

update: Operation[UpdateUser, UserReply, UpdateReason] = operations.add(
    Operation(
        "workspaceManagement.user.update",
        "PUT",
        "/workspaceManagement/users/{userUuid}",
        request=UpdateUser,
        response=UserReply,
        summary="Change the role of a user of this workspace.",
        permission="workspaceManagement:write",
        refusals={
            "userNotFound": _user_not_found,
            "roleNotFound": _role_not_found,
            "roleTooPowerful": _too_powerful,
            "lastAdmin": _last_admin,
        },
        cli=Cli(examples=("cargo-ai workspace user update --user-uuid 0198c5f0-0000-7000-8000-000000000001 --role-slug viewer",)),
    )
)

RemoveReason = Literal["userNotFound", "invalidUserEmail", "lastAdmin"]

remove: Operation[RemoveUser, Removed, RemoveReason] = operations.add(
    Operation(
        "workspaceManagement.user.remove",
        "DELETE",
        "/workspaceManagement/users",
        request=RemoveUser,
        response=Removed,
        summary="Remove a user from this workspace; the user's tokens for it stop working.",
        permission="workspaceManagement:write",
        refusals={
            "userNotFound": _user_not_found,
            "invalidUserEmail": refusal(400, "{email} {problem}."),
            "lastAdmin": _last_admin,
        },
        cli=Cli(examples=("cargo-ai workspace user remove --user-uuid 0198c5f0-0000-7000-8000-000000000001",)),
    )
)

UpsertPermissionReason = Literal["failedToCreateUsers", "failedToUpsertPermissions", "permissionsTooWide", "invalidUsers"]

upsert_permission: Operation[UpsertPermission, ChangedUsers, UpsertPermissionReason] = operations.add(
    Operation(
        "workspaceManagement.user.upsertPermission",
        "POST",
        "/workspaceManagement/users/permissions",
        request=UpsertPermission,
        response=ChangedUsers,
        summary="Allow or deny users an action on one thing, in addition to their roles.",
        permission="workspaceManagement:write",
        refusals={
            "failedToCreateUsers": refusal(400, "There is no user {email} in this workspace yet. Invite that user first."),
            "failedToUpsertPermissions": refusal(409, "{email} {problem}."),
            "permissionsTooWide": refusal(400, "You may not do {action} yourself, so you cannot allow it."),
            "invalidUsers": refusal(400, "Name users by `userUuids` or `emails`; there is no user {user} in this workspace."),
        },
        cli=Cli(
            examples=(
                "cargo-ai workspace user upsert-permission --action orchestration:workflow:write --effect deny "
                "--resource-uuid 0198c5f0-0000-7000-8000-000000000001 --emails ann@example.com",
            )
        ),
        agent_safe=False,
    )
)

RemovePermissionReason = Literal["userNotFound", "roleTooPowerful"]

remove_permission: Operation[RemovePermission, ChangedUsers, RemovePermissionReason] = operations.add(
    Operation(
        "workspaceManagement.user.removePermission",
        "DELETE",
        "/workspaceManagement/users/{userUuid}/permissions",
        request=RemovePermission,
        response=ChangedUsers,
        summary="Remove what was allowed or denied to a user on one thing.",
        permission="workspaceManagement:write",
        refusals={
            "userNotFound": _user_not_found,
            "roleTooPowerful": refusal(400, "Without it {user} may do {action} there, which you may not do yourself."),
        },
        cli=Cli(
            examples=(
                "cargo-ai workspace user remove-permission --user-uuid 0198c5f0-0000-7000-8000-000000000002 "
                "--resource-uuid 0198c5f0-0000-7000-8000-000000000001 --effect deny",
            )
        ),
        agent_safe=False,
    )
)
