"""Workspaces."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Nothing, Timestamp, Uuid, Wire

LoginProvider = Literal["email", "google-oauth2", "azuread", "okta"]
SyncDomain = Literal["connection", "orchestration", "revenueOrganization", "storage", "systemOfRecordIntegration", "ai"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Metadata(Sparse):
    """The answers of the workspace's users to the onboarding questions."""

    main_goal: list[str] | None = None
    sales_rep_count: str | None = None
    gtm_stack_list: list[str] | None = None
    referral_source: list[str] | None = None
    dub_click_id: str | None = None


class WorkspaceSync(Wire):
    """When a domain is synchronized."""

    domain: SyncDomain
    temporal_schedule_workflow_id: str
    cron: str


class Workspace(Wire):
    """A workspace. Fields that this platform does not use are empty or null.

    `maxConcurrentRuns` is what the server was started with (`CARGO_AI_MAX_CONCURRENT_RUNS`); 0: no limit.
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
    """The workspaces that this token can access."""

    workspaces: list[Workspace]


class CreatedWorkspace(Wire):
    """A new workspace, and the token by which its admin, the caller, signs in to it."""

    workspace: Workspace
    token: str = Field(description="Shown only now. It opens the new workspace and no other.")


_NOT_STORED = "Accepted for compatibility; it has no effect and is not stored."


class CreateWorkspace(Wire):
    """A new workspace."""

    name: Name = Field(description="The name of the workspace.")
    metadata: Metadata | None = Field(default=None, description="Answers to the onboarding questions.")
    logo_base64: str | None = Field(default=None, max_length=2_000_000, description=_NOT_STORED)


class UpdateWorkspace(Wire):
    """Changes to the workspace; absent fields stay as they are."""

    name: Name | None = Field(default=None, description="The new name.")
    metadata: Metadata | None = Field(
        default=None, description='Answers to the onboarding questions: {"mainGoal":["..."],"gtmStackList":["..."]}; null clears them.'
    )
    default_role_uuid: Uuid | None = Field(default=None, description="The uuid of the role proposed for new users; null: none.")
    allowed_email_domains: list[str] | None = Field(default=None, description=_NOT_STORED)
    logo_base64: str | None = Field(default=None, description=_NOT_STORED)
    open_ai_api_key: str | None = Field(default=None, description=_NOT_STORED)
    syncs: list[JsonObject] | None = Field(default=None, description=_NOT_STORED)
    chrome_extension_master_agent_uuid: Any = Field(default=None, description=_NOT_STORED)
    chrome_extension_available_agent_uuids: Any = Field(default=None, description=_NOT_STORED)
    allowed_login_providers: list[LoginProvider] | None = Field(default=None, description=_NOT_STORED)


QuotaKind = Literal["storedBytes", "records", "outputBytes", "runs", "uploads", "uploadBytes"]
QuotaUnit = Literal["bytes", "records", "runs", "uploads"]


class QuotaPart(Wire):
    """A part of what is used: a model with its name, or a kind of files. `fix`: the command that shows it."""

    name: str
    uuid: Uuid | None
    used: int
    fix: str | None


class Quota(Wire):
    """One quota. `limit`, `remaining`: null where nothing is limited. `used`: null where it is the limit of a single thing.

    `largest`: what takes most of it. `remedy`: what to remove. `setting`: the variable by which the operator changes it.
    """

    kind: QuotaKind
    unit: QuotaUnit
    used: int | None
    limit: int | None
    remaining: int | None
    largest: list[QuotaPart]
    remedy: str
    setting: str


class UsageReply(Wire):
    """Every quota of the workspace, with how much of it is used."""

    quotas: list[Quota]


get_all: Operation[Nothing, WorkspacesReply, Any] = operations.add(
    Operation(
        "workspaceManagement.workspace.all",
        "GET",
        "/workspaceManagement/workspaces/list",
        request=Nothing,
        response=WorkspacesReply,
        summary="List the workspaces that your token can access.",
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
        summary="Show the current workspace.",
        permission=None,
        cli=Cli(examples=("cargo-ai workspace workspace get-current",)),
    )
)

get_usage: Operation[Nothing, UsageReply, Never] = operations.add(
    Operation(
        "workspaceManagement.workspace.getUsage",
        "GET",
        "/workspaceManagement/workspaces/usage",
        request=Nothing,
        response=UsageReply,
        summary="Show each quota of the workspace: its limit, how much is used, and what to remove.",
        permission="workspaceManagement:read",
        cli=Cli(words=("workspace", "usage"), examples=("cargo-ai workspace usage",)),
    )
)

CreateReason = Literal[
    "userNotFound",
    "roleNotFound",
    "failedToScheduleSync",
    "systemOfRecordAlreadyUsedByAnotherWorkspace",
    "cannotSetupClient",
    "missingPermissions",
    "tooManyWorkspaces",
]

create: Operation[CreateWorkspace, CreatedWorkspace, CreateReason] = operations.add(
    Operation(
        "workspaceManagement.workspace.create",
        "POST",
        "/workspaceManagement/workspaces",
        request=CreateWorkspace,
        response=CreatedWorkspace,
        summary="Create another workspace on this server, with yourself as its admin. The reply has a token for it.",
        permission="workspaceManagement:write",
        refusals={
            "userNotFound": refusal(404, "Your account does not exist any more."),
            "roleNotFound": refusal(400, "The preset roles could not be made."),
            "failedToScheduleSync": refusal(502, "The sync could not be scheduled."),
            "systemOfRecordAlreadyUsedByAnotherWorkspace": refusal(409, "That system of record belongs to another workspace."),
            "cannotSetupClient": refusal(400, "The system of record could not be set up."),
            "missingPermissions": refusal(
                403, "Your token is restricted ({problem}), and the token of a new workspace would not be. Use one that is not."
            ),
            "tooManyWorkspaces": refusal(
                409, "This server has {count} workspaces, which is as many as CARGO_AI_MAX_WORKSPACES lets it have."
            ),
        },
        cli=Cli(examples=('cargo-ai workspace workspace create --name "Acme Europe"',)),
        agent_safe=False,
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
        summary="Change the name, metadata or default role of the current workspace.",
        permission="workspaceManagement:write",
        refusals={
            "workspaceNotFound": refusal(404, "The workspace does not exist."),
            "failedToScheduleSync": refusal(502, "The sync could not be scheduled."),
            "roleNotFound": refusal(400, "role not found: this workspace has no role {role!r}."),
        },
        cli=Cli(examples=('cargo-ai workspace workspace update --name "Acme Sales"',)),
    )
)
