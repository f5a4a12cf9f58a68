"""API tokens."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.members.permission import Permission, Rules
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Removed, Timestamp, Uuid, Wire

TokenName = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=2000)]


class Token(Wire):
    """An API token."""

    uuid: Uuid
    token: str = Field(description="The value in the reply of create; later only its prefix and last four characters.")
    name: str
    description: str | None
    permissions: list[Permission] | None = Field(description="null: all permissions of its user; otherwise these rules restrict them.")
    workspace_uuid: Uuid
    user_uuid: Uuid
    created_at: Timestamp
    last_used_at: Timestamp | None = Field(description="To the hour; null: never used.")
    expires_at: Timestamp | None = Field(description="When it stops working; null: never.")
    deleted_at: Timestamp | None = Field(description="When it was removed; of the former value of a rotated token, when it will be.")


class TokenReply(Wire):
    """One token."""

    token: Token


class TokensReply(Wire):
    """The workspace's tokens, newest first."""

    tokens: list[Token]


_RULES = 'Restricts the permissions of its user: [{"effect":"allow","actions":["storage:read"]}].'


class ListTokens(Wire):
    """Which tokens to list."""

    user_uuid: Uuid | None = Field(default=None, description="Only those of this user.")


class CreateToken(Wire):
    """A new token: of the caller, or of another user who may not do more than the caller."""

    user_uuid: Uuid | None = Field(default=None, description="The user whose token it becomes. Yourself by default.")
    expires_at: Timestamp | None = Field(default=None, description="When it stops working. Never by default.")

    name: TokenName = Field(default="CLI", description="The name.")
    description: Description | None = Field(default=None, description="The description.")
    permissions: Rules | None = Field(default=None, description=f"{_RULES} All permissions of its user by default.")
    from_user: bool = Field(default=False, description="Accepted for compatibility: a token belongs to a user in any case.")


class UpdateToken(Wire):
    """Changes to a token; absent fields stay as they are."""

    uuid: Uuid = Field(description="The token.")
    name: TokenName | None = Field(default=None, description="The new name.")
    description: Description | None = Field(default=None, description="The new description; null clears it.")
    permissions: Rules | None = Field(default=None, description=f"{_RULES} null: all permissions of its user.")
    expires_at: Timestamp | None = Field(default=None, description="When it stops working; null: never.")


class RotateToken(Wire):
    """Which token gets a new value."""

    uuid: Uuid = Field(description="The token.")
    grace_seconds: int = Field(default=0, ge=0, le=7 * 24 * 3600, description="How long the former value still works; up to 7 days.")


_not_found = refusal(404, "There is no token {token} in this workspace.")
_too_wide = refusal(400, "Your own token may not do {action!r}, so it cannot give that to a token.")
_last_admin_token = refusal(
    409,
    "This is the last token by which an admin can always sign in to this workspace. First create another one of an admin, without "
    "rules and without an expiry. When all are lost, `cargo-ai server init --admin-token` on the server's machine creates one.",
)
_past = refusal(400, "expiresAt is in the past: {at}.")

CreateReason = Literal["permissionsTooWide", "expiresInThePast", "userNotFound"]

create: Operation[CreateToken, TokenReply, CreateReason] = operations.add(
    Operation(
        "workspaceManagement.token.create",
        "POST",
        "/workspaceManagement/tokens",
        request=CreateToken,
        response=TokenReply,
        summary="Create an API token; its value is shown only once.",
        permission="workspaceManagement:write",
        refusals={
            "permissionsTooWide": _too_wide,
            "expiresInThePast": _past,
            "userNotFound": refusal(404, "There is no user {user} in this workspace."),
        },
        cli=Cli(
            examples=(
                "cargo-ai workspace token create --name CI --expires-at 2030-01-31",
                "cargo-ai workspace token create --name CI --user-uuid 0198c5f0-0000-7000-8000-000000000001",
                'cargo-ai workspace token create --name reader --permissions \'[{"effect":"allow","actions":["storage:read"]}]\'',
            )
        ),
        agent_safe=False,
    )
)

get_all: Operation[ListTokens, TokensReply, Any] = operations.add(
    Operation(
        "workspaceManagement.token.all",
        "GET",
        "/workspaceManagement/tokens/list",
        request=ListTokens,
        response=TokensReply,
        summary="List the workspace's API tokens, without their values.",
        permission="workspaceManagement:read",
        cli=Cli(examples=("cargo-ai workspace token list",)),
    )
)

UpdateReason = Literal["tokenNotFound", "permissionsTooWide", "expiresInThePast", "lastAdminToken"]

update: Operation[UpdateToken, TokenReply, UpdateReason] = operations.add(
    Operation(
        "workspaceManagement.token.update",
        "PATCH",
        "/workspaceManagement/tokens/{uuid}",
        request=UpdateToken,
        response=TokenReply,
        summary="Change a token's name, description, rules or expiry.",
        permission="workspaceManagement:write",
        refusals={
            "tokenNotFound": _not_found,
            "permissionsTooWide": _too_wide,
            "expiresInThePast": _past,
            "lastAdminToken": _last_admin_token,
        },
        cli=Cli(examples=("cargo-ai workspace token update 0198c5f0-0000-7000-8000-000000000001 --name CI",)),
        agent_safe=False,
    )
)

RotateReason = Literal["tokenNotFound", "permissionsTooWide", "notYourToken"]

rotate: Operation[RotateToken, TokenReply, RotateReason] = operations.add(
    Operation(
        "workspaceManagement.token.rotate",
        "POST",
        "/workspaceManagement/tokens/{uuid}/rotate",
        request=RotateToken,
        response=TokenReply,
        summary="Give a token a new value, shown only once; the former one stops working. Anyone may rotate the token in use.",
        permission=None,
        refusals={
            "tokenNotFound": _not_found,
            "permissionsTooWide": refusal(400, "That token may do {action!r} and your own may not, so it cannot learn its value."),
            "notYourToken": refusal(403, "To rotate another token than the one in use, you need the permission workspaceManagement:write."),
        },
        cli=Cli(
            examples=(
                "cargo-ai workspace token rotate 0198c5f0-0000-7000-8000-000000000001",
                "cargo-ai workspace token rotate 0198c5f0-0000-7000-8000-000000000001 --grace-seconds 3600",
            )
        ),
        agent_safe=False,
    )
)

RemoveReason = Literal["tokenNotFound", "lastAdminToken"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "workspaceManagement.token.remove",
        "DELETE",
        "/workspaceManagement/tokens/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Revoke an API token at once.",
        permission="workspaceManagement:write",
        refusals={"tokenNotFound": _not_found, "lastAdminToken": _last_admin_token},
        cli=Cli(examples=("cargo-ai workspace token remove 0198c5f0-0000-7000-8000-000000000001",)),
        agent_safe=False,
    )
)
