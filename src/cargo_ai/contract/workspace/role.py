"""Roles: named sets of permissions."""

from __future__ import annotations

from typing import Any

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.permission import Permission
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import Nothing, Timestamp, Uuid, Wire


class Role(Wire):
    """A role of a workspace."""

    uuid: Uuid
    workspace_uuid: Uuid
    slug: str
    permissions: list[Permission]
    created_at: Timestamp


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
