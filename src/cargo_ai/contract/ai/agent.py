"""Agents: language models with instructions, tools and data of the workspace."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Never, cast

from pydantic import BeforeValidator, Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import fields
from cargo_ai.contract.orchestration.fields import Name, Number, Text, Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Nothing, Removed, Timestamp, Uuid, Wire

MaxTokens = Annotated[int, Field(ge=1, le=10**15)]
MaxCredits = Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)]


class AgentIcon(Wire):
    """The icon: a face on a background colour."""

    color: Literal["grey", "green", "purple", "yellow", "blue", "red"] = "blue"
    face: Word = "🤖"


class ChangedIcon(Wire):
    """What changes of an icon; the rest stays."""

    color: Literal["grey", "green", "purple", "yellow", "blue", "red"] | None = None
    face: Word | None = None


class CronTrigger(Wire):
    """The agent is sent this text by the clock. The fields of a reply are accepted unchanged."""

    accepts_also: ClassVar[frozenset[str]] = frozenset({"temporalScheduleWorkflowId", "nextFireAt", "lastFireAt", "problem"})

    name: Name
    description: Text | None = None
    type: Literal["cron"] = "cron"
    cron: Word
    time_zone: Word | None = None
    text: fields.Prompt


class HookTriggerConfig(Wire):
    """types: the events that the agent is sent; all of them by default. text: what it is to do with one, which comes after it."""

    types: Annotated[list[Word], Field(max_length=100)] = Field(default_factory=list[str])
    text: fields.Prompt = "An event has come. Do what your instructions say about it."


class HookTrigger(Wire):
    """The agent is sent the events that a webhook connector takes, each in a chat of its own."""

    name: Name
    description: Text | None = None
    type: Literal["connector"]
    connector_uuid: Uuid
    integration_slug: Literal["webhook"] = "webhook"
    config: HookTriggerConfig = HookTriggerConfig()


def _triggers(value: Any) -> Any:
    """A lone trigger means a list of one; one without a type is a clock's."""
    triggers = [cast("object", value)] if isinstance(value, dict) else value
    if not isinstance(triggers, list):
        return triggers
    return [{"type": "cron", **trigger} if isinstance(trigger, dict) else trigger for trigger in cast("list[object]", triggers)]


TriggerInput = Annotated[CronTrigger | HookTrigger, Field(discriminator="type")]
Triggers = Annotated[list[TriggerInput], BeforeValidator(_triggers), Field(max_length=20)]


class AgentTriggerCron(Wire):
    """A trigger with its state: when it fires next and fired last, or the problem that prevented it."""

    name: str
    description: str | None
    type: Literal["cron"]
    cron: str
    time_zone: str | None
    text: str
    temporal_schedule_workflow_id: str
    next_fire_at: Timestamp | None = None
    last_fire_at: Timestamp | None = None
    problem: str | None = None


class AgentTemplate(Wire):
    """Whether the agent is offered as a template of its workspace."""

    slug: str
    is_available: bool
    scope: Literal["public", "private"]


class OfferAsTemplate(Wire):
    """Whether the agent is offered as a template of its workspace."""

    is_available: bool
    scope: Literal["public", "private"] = "private"


class DeployedRelease(Wire):
    """The release that answers messages."""

    uuid: Uuid
    user_uuid: Uuid
    description: str | None
    template_slug: str | None
    version: str | None
    actions: list[fields.Action]
    mcp_clients: list[fields.McpClient]
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
    output: fields.Output | None
    heartbeat: fields.Heartbeat | None
    evaluator: fields.Evaluator | None
    deployed_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp


class Agent(Wire):
    """An agent."""

    uuid: Uuid
    workspace_uuid: Uuid
    user_uuid: Uuid | None
    name: str
    icon: AgentIcon
    description: str | None
    triggers: list[Annotated[AgentTriggerCron | HookTrigger, Field(discriminator="type")]]
    deployed_release: DeployedRelease | None
    folder_uuid: Uuid | None
    template: AgentTemplate | None
    max_tokens_per_day: int | None = None
    tokens_used_today: int = 0
    max_credits_per_day: Number | None = None
    credits_used_today: Number = 0
    is_read_only: bool
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class AgentReply(Wire):
    """One agent."""

    agent: Agent


class AgentsReply(Wire):
    """The agents of the workspace, the newest first."""

    agents: list[Agent]


class CreateAgent(Wire):
    """A new agent. Its draft release begins with the language model, temperature and template that are given."""

    name: Name = Field(description="The name of the agent.")
    icon: AgentIcon = Field(default=AgentIcon(), description="The icon: a face on a background colour.")
    description: Text | None = Field(default=None, description="What it is for.")
    triggers: Triggers | None = Field(
        default=None, description='Schedules that send it a text: [{"type":"cron","name":"Morning","cron":"0 8 * * 1-5","text":"..."}].'
    )
    folder_uuid: Uuid | None = Field(default=None, description="The folder, of kind agent.")
    language_model_slug: Word | None = Field(default=None, description="The language model of the draft, such as gpt-4.1-mini.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(default=None, description="The temperature of the draft.")
    template_slug: Word | None = Field(default=None, description="The template that the draft begins with.")


class UpdateAgent(Wire):
    """Changes to an agent; absent fields stay as they are."""

    uuid: Uuid = Field(description="The agent.")
    name: Name | None = Field(default=None, description="The new name.")
    icon: ChangedIcon | None = Field(default=None, description="The fields of the icon that change.")
    description: Text | None = Field(default=None, description="What it is for; null removes it.")
    triggers: Triggers | None = Field(default=None, description="All triggers, in place of the present ones; [] removes them.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder, of kind agent; null: none.")
    max_tokens_per_day: MaxTokens | None = Field(
        default=None, description="How many tokens it may use in a day (UTC); null: no limit. Beyond it, answers end in error."
    )
    max_credits_per_day: MaxCredits | None = Field(
        default=None, description="How many credits its tokens may cost in a day (UTC); null: no limit. Beyond it, answers end in error."
    )
    template: OfferAsTemplate | None = Field(default=None, description="Whether it is offered as a template of the workspace.")


_NOT_FOUND = refusal(404, "There is no agent {uuid} in this workspace.")
_FOLDER = refusal(404, "There is no folder {folder} for agents in this workspace.")
_ICON = {"icon.color": ("--icon-color",), "icon.face": ("--icon-face",)}

get_all: Operation[Nothing, AgentsReply, Never] = operations.add(
    Operation(
        "ai.agent.all",
        "GET",
        "/ai/agents/list",
        request=Nothing,
        response=AgentsReply,
        summary="List the agents of the workspace.",
        permission="ai:agent:read",
        cli=Cli(examples=("cargo-ai ai agent list",)),
    )
)

get: Operation[ByUuid, AgentReply, Literal["agentNotFound"]] = operations.add(
    Operation(
        "ai.agent.get",
        "GET",
        "/ai/agents/{uuid}",
        request=ByUuid,
        response=AgentReply,
        summary="Show an agent and its deployed release.",
        permission="ai:agent:read",
        refusals={"agentNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai ai agent get UUID",)),
    )
)

CreateReason = Literal["folderNotFound", "templateNotFound"]

create: Operation[CreateAgent, AgentReply, CreateReason] = operations.add(
    Operation(
        "ai.agent.create",
        "POST",
        "/ai/agents",
        request=CreateAgent,
        response=AgentReply,
        summary="Create an agent with an empty draft release.",
        permission="ai:agent:write",
        refusals={
            "folderNotFound": _FOLDER,
            "templateNotFound": refusal(404, "There is no template {slug} for agents."),
        },
        cli=Cli(
            flags=_ICON,
            examples=(
                'cargo-ai ai agent create --name "Account planner" --icon-color purple --icon-face 🧭',
                'cargo-ai ai agent create --name "Lead researcher" --template-slug lead-researcher',
            ),
        ),
    )
)

UpdateReason = Literal["agentNotFound", "folderNotFound", "agentIsReadOnly"]

update: Operation[UpdateAgent, AgentReply, UpdateReason] = operations.add(
    Operation(
        "ai.agent.update",
        "PUT",
        "/ai/agents/{uuid}",
        request=UpdateAgent,
        response=AgentReply,
        summary="Rename an agent, move it, or replace its triggers.",
        permission="ai:agent:write",
        refusals={
            "agentNotFound": _NOT_FOUND,
            "folderNotFound": _FOLDER,
            "agentIsReadOnly": refusal(403, "Agent {uuid} belongs to the platform and cannot be changed."),
        },
        cli=Cli(flags=_ICON, examples=('cargo-ai ai agent update --uuid UUID --name "Lead researcher"',)),
    )
)

RemoveReason = Literal["agentNotFound", "agentIsUsed"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "ai.agent.remove",
        "DELETE",
        "/ai/agents/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove an agent; its chats stay readable.",
        permission="ai:agent:write",
        refusals={
            "agentNotFound": _NOT_FOUND,
            "agentIsUsed": refusal(409, "The agent is used by {used}; take it out there first."),
        },
        cli=Cli(examples=("cargo-ai ai agent remove UUID",)),
    )
)
