"""Releases of agents: their instructions, which language model answers, and what it may use."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import fields
from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.contract.orchestration.fields import Limit, Listed, Number, Offset, Text, Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Timestamp, Uuid, Wire

ReleaseStatus = Literal["draft", "deployed", "archived"]
Temperature = Annotated[float, Field(ge=0, le=2)]
MaxSteps = Annotated[int, Field(ge=1, le=200)]


class AgentRelease(Wire):
    """A version of an agent."""

    uuid: Uuid
    parent_uuid: Uuid | None
    workspace_uuid: Uuid
    user_uuid: Uuid
    agent_uuid: Uuid
    description: str | None
    template_slug: str | None
    version: str | None
    status: ReleaseStatus
    actions: list[fields.Action]
    resources: list[fields.Resource]
    capabilities: list[fields.Capability]
    suggested_actions: list[fields.SuggestedAction]
    system_prompt: str
    with_reasoning: bool
    temperature: Number
    max_steps: int
    integration_slug: str
    connector_uuid: Uuid | None
    language_model_slug: str
    fallback_language_models: list[fields.LanguageModelChoice] = Field(default_factory=list[fields.LanguageModelChoice])
    mcp_clients: list[fields.McpClient]
    output: fields.Output | None
    heartbeat: fields.Heartbeat | None
    evaluator: fields.Evaluator | None
    deployed_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp


class ReleaseReply(Wire):
    """One release."""

    release: AgentRelease


class ReleasesReply(Wire):
    """Releases, the newest first."""

    releases: list[AgentRelease]


class OfAgent(Wire):
    """An agent, by its uuid."""

    agent_uuid: Uuid = Field(description="The agent.")


class ListReleases(Wire):
    """Which releases to list."""

    agent_uuid: Uuid | None = Field(default=None, description="Only those of this agent.")
    user_uuid: Uuid | None = Field(default=None, description="Only those that this user has saved or deployed.")
    statuses: Annotated[list[ReleaseStatus], Listed] | None = Field(default=None, description="Only those with these statuses.")
    limit: Limit = 100
    offset: Offset = 0


class ReleaseParts(OfAgent):
    """The parts of a release that are given; absent ones are the draft's."""

    actions: fields.Actions | None = Field(
        default=None,
        description='What it may do: [{"slug":"enrich","kind":"tool","toolUuid":"...","description":"Enriches a company"}]; also kinds '
        "connector and agent.",
    )
    mcp_clients: fields.McpClients | None = Field(
        default=None, description='MCP servers that it may use: [{"kind":"custom","name":"crm","url":"https://..."}].'
    )
    resources: fields.Resources | None = Field(
        default=None, description='What it may read: [{"slug":"companies","kind":"model","modelUuid":"..."}].'
    )
    capabilities: fields.Capabilities | None = Field(default=None, description='What the platform lets it do: [{"slug":"memory"}].')
    suggested_actions: fields.SuggestedActions | None = Field(default=None, description='Texts to begin with: [{"text":"Plan my week"}].')
    system_prompt: fields.Prompt | None = Field(default=None, description="The instructions: who it is, what it does, and how.")
    with_reasoning: bool | None = Field(default=None, description="Whether the language model thinks before it answers.")
    temperature: Temperature | None = Field(default=None, description="How much answers vary, from 0 to 1 (some models: 2).")
    max_steps: MaxSteps | None = Field(default=None, description="The most requests to the language model for one message.")
    integration_slug: Annotated[Word | None, AS_THERE_IS] = Field(
        default=None, description="The integration of the language model, such as openAi."
    )
    connector_uuid: Uuid | None = Field(default=None, description="Its connector; null: the integration's default.")
    language_model_slug: Word | None = Field(
        default=None, description="The language model; `connection connector get-language-models` lists them."
    )
    fallback_language_models: fields.LanguageModelChoices | None = Field(
        default=None,
        description="Fallbacks, in this order, for when the language model is overloaded: "
        '[{"integrationSlug":"anthropic","languageModelSlug":"claude-sonnet-5"}].',
    )
    output: fields.Output | None = Field(default=None, description='The form of answers: {"type":"jsonSchema","jsonSchema":{...}}.')
    heartbeat: fields.Heartbeat | None = Field(
        default=None, description='The agent is asked again: {"intervalMinutes":60,"maxMessages":5,"prompt":"..."}.'
    )
    evaluator: fields.Evaluator | None = Field(default=None, description='Judges answers: {"rubric":"...","threshold":0.7}.')
    options: fields.ReconcileOptions | None = Field(
        default=None, description='Connectors for actions that name none: {"connectorUuidsByIntegrationSlug":{"hubspot":"..."}}.'
    )


class UpdateDraft(ReleaseParts):
    """Replaces the given parts of the draft."""

    parent_uuid: Uuid | None = Field(default=None, description="A release of this agent whose parts are copied into the draft first.")


class DeployDraft(ReleaseParts):
    """Deploys the draft with the given parts."""

    version: Word | None = Field(
        default=None, description="The version, such as 1.2.0, above the last one; the next patch version by default."
    )
    description: Text | None = Field(default=None, description="Release notes.")


_AGENT = refusal(404, "There is no agent {uuid} in this workspace.")
_DRAFT = refusal(404, "Agent {uuid} has no draft release.")
_TOOLS = refusal(400, "The release cannot be saved: {cause}")
_CONNECTOR = refusal(400, "Connector {uuid} cannot be used: {cause}")

get: Operation[ByUuid, ReleaseReply, Literal["releaseNotFound"]] = operations.add(
    Operation(
        "ai.release.get",
        "GET",
        "/ai/releases/{uuid}",
        request=ByUuid,
        response=ReleaseReply,
        summary="Show a release of an agent.",
        permission="ai:agent:read",
        refusals={"releaseNotFound": refusal(404, "There is no release {uuid} of an agent in this workspace.")},
        cli=Cli(examples=("cargo-ai ai release get UUID",)),
    )
)

list_: Operation[ListReleases, ReleasesReply, Never] = operations.add(
    Operation(
        "ai.release.list",
        "GET",
        "/ai/releases/list",
        request=ListReleases,
        response=ReleasesReply,
        summary="List releases of agents, the newest first.",
        permission="ai:agent:read",
        cli=Cli(examples=("cargo-ai ai release list --agent-uuid UUID",)),
    )
)

get_draft: Operation[OfAgent, ReleaseReply, Literal["agentNotFound"]] = operations.add(
    Operation(
        "ai.release.getDraft",
        "GET",
        "/ai/releases/draft",
        request=OfAgent,
        response=ReleaseReply,
        summary="Show the draft release of an agent.",
        permission="ai:agent:read",
        refusals={"agentNotFound": _AGENT},
        cli=Cli(examples=("cargo-ai ai release get-draft --agent-uuid UUID",)),
    )
)

get_deployed: Operation[OfAgent, ReleaseReply, Literal["agentNotFound", "releaseNotFound"]] = operations.add(
    Operation(
        "ai.release.getDeployed",
        "GET",
        "/ai/releases/deployed",
        request=OfAgent,
        response=ReleaseReply,
        summary="Show the release of an agent that answers messages.",
        permission="ai:agent:read",
        refusals={"agentNotFound": _AGENT, "releaseNotFound": refusal(404, "Agent {uuid} has no deployed release.")},
        cli=Cli(examples=("cargo-ai ai release get-deployed --agent-uuid UUID",)),
    )
)

UpdateReason = Literal[
    "agentNotFound", "draftReleaseNotFound", "failedToReconciliateAgentAiTools", "invalidConnector", "invalidParent", "agentIsReadOnly"
]

update_draft: Operation[UpdateDraft, ReleaseReply, UpdateReason] = operations.add(
    Operation(
        "ai.release.updateDraft",
        "PUT",
        "/ai/releases/draft/update",
        request=UpdateDraft,
        response=ReleaseReply,
        summary="Save parts of an agent's draft release; what is not given stays.",
        permission="ai:agent:write",
        refusals={
            "agentNotFound": _AGENT,
            "draftReleaseNotFound": _DRAFT,
            "failedToReconciliateAgentAiTools": _TOOLS,
            "invalidConnector": _CONNECTOR,
            "invalidParent": refusal(400, "parentUuid {uuid} is not a deployed or archived release of this agent."),
            "agentIsReadOnly": refusal(403, "Agent {uuid} belongs to the platform and cannot be changed."),
        },
        cli=Cli(
            flags={"actions": ("--actions", "--tools")},
            examples=('cargo-ai ai release update-draft --agent-uuid UUID --system-prompt "You research companies."',),
        ),
    )
)

DeployReason = Literal[
    "agentNotFound",
    "draftReleaseNotFound",
    "failedToReconciliateAgentAiTools",
    "invalidReleaseVersion",
    "invalidConnector",
    "agentIsReadOnly",
]

deploy_draft: Operation[DeployDraft, ReleaseReply, DeployReason] = operations.add(
    Operation(
        "ai.release.deployDraft",
        "POST",
        "/ai/releases/draft/deploy",
        request=DeployDraft,
        response=ReleaseReply,
        summary="Deploy an agent's draft: it answers messages from now on.",
        permission="ai:agent:write",
        refusals={
            "agentNotFound": _AGENT,
            "draftReleaseNotFound": _DRAFT,
            "failedToReconciliateAgentAiTools": _TOOLS,
            "invalidReleaseVersion": refusal(400, 'Version "{version}" cannot be used: {cause}'),
            "invalidConnector": _CONNECTOR,
            "agentIsReadOnly": refusal(403, "Agent {uuid} belongs to the platform and cannot be changed."),
        },
        cli=Cli(
            flags={"actions": ("--actions", "--tools"), "version": ("--version",)},
            examples=(
                "cargo-ai ai release deploy-draft --agent-uuid UUID",
                "cargo-ai ai release deploy-draft --agent-uuid UUID --integration-slug openAi --language-model-slug gpt-4.1-mini",
            ),
        ),
    )
)
