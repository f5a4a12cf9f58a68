"""Initialisation: everything that an application shows first, in one reply."""

from __future__ import annotations

from typing import Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.members.role import Role
from cargo_ai.contract.workspace.members.token import Token
from cargo_ai.contract.workspace.members.user import User
from cargo_ai.contract.workspace.workspace import Workspace
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import JsonObject, Nothing, Wire

Listed = list[JsonObject]


class Initialisation(Wire):
    """What the workspace has: each list as its own `list` command shows it.

    A list is empty where the caller may not read it, or where this platform has nothing of the kind.
    """

    mcp_servers: Listed
    agents: Listed
    members: Listed
    capacities: Listed
    territories: Listed
    user: User
    users: list[User]
    tokens: list[Token] = Field(description="Without their values.")
    roles: list[Role]
    folders: Listed
    workspace: Workspace
    datasets: Listed
    models: Listed
    relationships: Listed
    connectors: Listed
    segments: Listed
    workflows: Listed
    plays: Listed
    tools: Listed
    preset_templates: Listed
    system_of_records: Listed
    subscription: JsonObject | None = Field(description="null: you may not read billing.")
    files: Listed
    apps: Listed
    workers: Listed
    alerts: Listed


get: Operation[Nothing, Initialisation, Never] = operations.add(
    Operation(
        "getInitialisation",
        "GET",
        "/initWorkspace",
        request=Nothing,
        response=Initialisation,
        summary="Show everything of the workspace that an application needs first, in one reply.",
        permission=None,
        cli=Cli(words=("workspace", "get-initialisation"), examples=("cargo-ai workspace get-initialisation",)),
    )
)
