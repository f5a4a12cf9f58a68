"""Workspaces."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Nothing, Timestamp, Uuid, Wire

LoginProvider = Literal["email", "google-oauth2", "azuread", "okta"]
SyncDomain = Literal["connection", "orchestration", "revenueOrganization", "storage", "systemOfRecordIntegration", "ai"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Metadata(Sparse):
    """What the people of a workspace said about themselves."""

    main_goal: list[str] | None = None
    sales_rep_count: str | None = None
    gtm_stack_list: list[str] | None = None
    referral_source: list[str] | None = None
    dub_click_id: str | None = None


class WorkspaceSync(Wire):
    """When the things of a domain are refreshed."""

    domain: SyncDomain
    temporal_schedule_workflow_id: str
    cron: str


class Workspace(Wire):
    """A workspace. What this platform has no use for is empty or null.

    `maxConcurrentRuns` is what the server was started with (`CARGO_AI_MAX_CONCURRENT_RUNS`); 0: any number of runs may go at once.
    """

    uuid: Uuid
    name: str
    allowed_email_domains: list[str]
    syncs: list[WorkspaceSync]
    temporal_namespace: str
    temporal_task_queue_prefix: str | None
    max_concurrent_runs: int
    open_ai_vector_store_id: str | None
    created_at: Timestamp
    updated_at: Timestamp
    logo_url: str | None
    metadata: Metadata | None
    chrome_extension_master_agent_uuid: Uuid | None
    chrome_extension_available_agent_uuids: list[Uuid] | None
    default_role_uuid: Uuid | None
    allowed_login_providers: list[LoginProvider] | None
    sso_identifier: str | None
    quota_buckets: dict[str, float]


class WorkspaceReply(Wire):
    """One workspace."""

    workspace: Workspace


class WorkspacesReply(Wire):
    """The workspaces that this token opens."""

    workspaces: list[Workspace]


class UpdateWorkspace(Wire):
    """What to change; what is absent stays."""

    name: Name | None = None
    metadata: Metadata | None = None
    default_role_uuid: Uuid | None = Field(default=None, description="The role that is proposed for new users; null: none.")
    allowed_email_domains: list[str] | None = None
    logo_base64: str | None = None
    open_ai_api_key: str | None = None
    syncs: list[JsonObject] | None = None
    chrome_extension_master_agent_uuid: Any = None
    chrome_extension_available_agent_uuids: Any = None
    allowed_login_providers: list[LoginProvider] | None = None


get_all: Operation[Nothing, WorkspacesReply, Any] = operations.add(
    Operation(
        "workspaceManagement.workspace.all",
        "GET",
        "/workspaceManagement/workspaces/list",
        request=Nothing,
        response=WorkspacesReply,
        summary="List the workspaces that your token opens.",
        permission=None,
        cli=Cli(examples=("cargo-ai workspace workspace list",)),
    )
)

get_current: Operation[Nothing, WorkspaceReply, Any] = operations.add(
    Operation(
        "workspaceManagement.workspace.getCurrent",
        "GET",
        "/workspaceManagement/workspaces/current",
        request=Nothing,
        response=WorkspaceReply,
        summary="Show the workspace you are in.",
        permission=None,
        cli=Cli(examples=("cargo-ai workspace workspace get-current",)),
    )
)

UpdateReason = Literal["workspaceNotFound", "failedToScheduleSync", "roleNotFound"]

update: Operation[UpdateWorkspace, WorkspaceReply, UpdateReason] = operations.add(
    Operation(
        "workspaceManagement.workspace.update",
        "PUT",
        "/workspaceManagement/workspaces/current",
        request=UpdateWorkspace,
        response=WorkspaceReply,
        summary="Rename the workspace you are in, or change its metadata or default role.",
        permission="workspaceManagement:write",
        refusals={
            "workspaceNotFound": refusal(404, "The workspace does not exist."),
            "failedToScheduleSync": refusal(502, "The sync could not be scheduled."),
            "roleNotFound": refusal(400, "role not found: this workspace has no role {role!r}."),
        },
        cli=Cli(examples=('cargo-ai workspace workspace update --name "Acme Sales"',)),
    )
)
