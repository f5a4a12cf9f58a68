"""Permissions: what a role, user or token allows and denies."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from cargo_ai.kernel.wire import Wire

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

ACTIONS: tuple[str, ...] = get_args(PermissionAction)
DOMAINS: tuple[str, ...] = tuple(action.removesuffix(":*") for action in ACTIONS if action.count(":") == 1 and action.endswith(":*"))
"""Every domain that has permissions of its own: `ai`, `billing`, ..."""


class Permission(Wire):
    """One rule. A deny wins over any allow."""

    effect: Literal["allow", "deny"]
    resources: list[str] | None = Field(default=None, description="The uuids to which the rule applies; null: all.")
    actions: list[PermissionAction] = Field(min_length=1)
