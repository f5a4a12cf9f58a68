"""Permissions: what a role, user or token allows and denies."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import Nothing, Uuid, Wire

PermissionAction = Literal[
    "*",
    "ai:*",
    "ai:read",
    "ai:write",
    "ai:agent:*",
    "ai:agent:read",
    "ai:agent:write",
    "ai:mcpServer:*",
    "ai:mcpServer:read",
    "ai:mcpServer:write",
    "billing:*",
    "billing:read",
    "billing:write",
    "connection:*",
    "connection:read",
    "connection:write",
    "context:*",
    "context:read",
    "context:write",
    "domainManagement:*",
    "domainManagement:read",
    "domainManagement:write",
    "hosting:*",
    "hosting:read",
    "hosting:write",
    "hosting:app:*",
    "hosting:app:read",
    "hosting:app:write",
    "hosting:worker:*",
    "hosting:worker:read",
    "hosting:worker:write",
    "observability:*",
    "observability:read",
    "observability:write",
    "orchestration:*",
    "orchestration:read",
    "orchestration:write",
    "orchestration:workflow:*",
    "orchestration:workflow:read",
    "orchestration:workflow:write",
    "revenueOrganization:*",
    "revenueOrganization:read",
    "revenueOrganization:write",
    "segmentation:*",
    "segmentation:read",
    "segmentation:write",
    "storage:*",
    "storage:read",
    "storage:write",
    "content:*",
    "content:read",
    "content:write",
    "content:file:*",
    "content:file:read",
    "content:file:write",
    "systemOfRecordIntegration:*",
    "systemOfRecordIntegration:read",
    "systemOfRecordIntegration:write",
    "workspaceManagement:*",
    "workspaceManagement:read",
    "workspaceManagement:write",
    "workspaceManagement:folder:*",
    "workspaceManagement:folder:read",
    "workspaceManagement:folder:write",
]
"""The permissions of the contract, and `*` for all of them (the preset role `admin`)."""

MAX_RULES = 100
"""The most rules of one role or token."""
MAX_RESOURCES = 1000
"""The most things that one rule, or all rules of one user, may be about."""

ACTIONS: tuple[str, ...] = get_args(PermissionAction)
DOMAINS: tuple[str, ...] = tuple(action.removesuffix(":*") for action in ACTIONS if action.count(":") == 1 and action.endswith(":*"))
"""Every domain that has permissions of its own: `ai`, `billing`, ..."""


def _validate_action(action: object) -> object:
    if isinstance(action, str) and action not in ACTIONS:
        near = get_close_matches(action, ACTIONS, 1, 0.6)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"{action[:100]!r} is not a permission.{meant} `cargo-ai workspace permission list` shows all.")
    return action


class Permission(Wire):
    """One rule. A deny wins over any allow."""

    effect: Literal["allow", "deny"]
    resources: list[Uuid] | None = Field(
        default=None, max_length=MAX_RESOURCES, description="The uuids to which the rule applies; null: all."
    )
    actions: list[Annotated[PermissionAction, BeforeValidator(_validate_action)]] = Field(min_length=1, max_length=200)


def _validate_resources(rule: Permission) -> Permission:
    if rule.resources is not None:
        raise ValueError("this rule is about all resources: leave `resources` null")
    return rule


Rules = Annotated[list[Annotated[Permission, AfterValidator(_validate_resources)]], Field(max_length=MAX_RULES)]
"""The rules of roles and tokens, which are about no single thing."""


class ListedPermission(Wire):
    """One permission, by the name that rules use."""

    action: PermissionAction
    description: str = Field(description="What it permits.")
    roles: list[str] = Field(description="The preset roles that have it.")
    operations: list[str] = Field(description="The operations that need exactly it; `write` includes `read`, `*` both.")


class PermissionsReply(Wire):
    """Every permission that a rule can name."""

    permissions: list[ListedPermission]


get_all: Operation[Nothing, PermissionsReply, Any] = operations.add(
    Operation(
        "workspaceManagement.permission.all",
        "GET",
        "/workspaceManagement/permissions/list",
        request=Nothing,
        response=PermissionsReply,
        summary="List every permission that rules can name: what it permits, and which roles have it.",
        permission=None,
        cli=Cli(examples=("cargo-ai workspace permission list",)),
    )
)
