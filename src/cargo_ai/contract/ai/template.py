"""Templates of agents: instructions and settings to start from."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import fields
from cargo_ai.contract.ai.agent import AgentIcon
from cargo_ai.contract.orchestration.fields import Listed, Number, Word
from cargo_ai.contract.orchestration.workflows.template import TemplateAuthor, TemplateCategory
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Timestamp, Uuid, Wire

TemplateKind = Literal["agent", "mcpServer"]


class AgentTemplate(Wire):
    """An agent to start from: a built-in one, or an agent of the workspace that is offered as one."""

    slug: str
    workspace_uuid: Uuid | None
    scope: Literal["public", "private"]
    name: str
    description: str
    is_preset: bool
    categories: list[TemplateCategory]
    author: TemplateAuthor
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
    kind: Literal["agent"]
    icon: AgentIcon
    system_prompt: str
    with_reasoning: bool
    temperature: Number
    max_steps: int
    integration_slug: str
    language_model_slug: str
    suggested_actions: list[fields.SuggestedAction]
    capabilities: list[fields.Capability]
    actions: list[JsonObject]
    resources: list[JsonObject]
    output: fields.Output | None
    heartbeat: fields.Heartbeat | None
    evaluator: fields.Evaluator | None


class ListTemplates(Wire):
    """Which templates to list."""

    has_documentation: bool | None = Field(default=None, description="true: only templates with documentation; false: only those without.")
    is_preset: bool | None = Field(default=None, description="true: only presets; false: only those of the workspace.")
    kinds: Annotated[list[TemplateKind], Listed] | None = Field(default=None, description="Only templates of these kinds.")


class TemplatesReply(Wire):
    """Templates, the presets first, by slug."""

    templates: list[AgentTemplate]


class BySlug(Wire):
    """A template named by its slug."""

    slug: Word = Field(description="The slug of the template.")


class TemplateReply(Wire):
    """One template."""

    template: AgentTemplate


list_: Operation[ListTemplates, TemplatesReply, Never] = operations.add(
    Operation(
        "ai.template.list",
        "POST",
        "/ai/templates/list",
        request=ListTemplates,
        response=TemplatesReply,
        summary="List the templates of agents.",
        permission="ai:agent:read",
        reads=True,
        cli=Cli(examples=("cargo-ai ai template list",)),
    )
)

get: Operation[BySlug, TemplateReply, Literal["templateNotFound"]] = operations.add(
    Operation(
        "ai.template.get",
        "GET",
        "/ai/templates/{slug}",
        request=BySlug,
        response=TemplateReply,
        summary="Show a template of an agent; `ai agent create --template-slug` makes an agent of it.",
        permission="ai:agent:read",
        refusals={"templateNotFound": refusal(404, "There is no template {slug} for agents.")},
        cli=Cli(examples=("cargo-ai ai template get lead-researcher",)),
    )
)
