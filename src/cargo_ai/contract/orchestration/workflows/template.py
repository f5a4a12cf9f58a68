"""Templates: graphs to start from."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Listed, Name, Number, Word
from cargo_ai.contract.orchestration.workflows.play import Play
from cargo_ai.contract.orchestration.workflows.tool import Tool, ToolIcon
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Timestamp, Uuid, Wire

TemplateKind = Literal["play", "tool", "workflow"]
TemplateCategory = Literal["prospecting", "ops", "enablement", "outreach", "expansion", "public", "private"]


class AuthorCompany(Wire):
    """The author's company."""

    name: str
    url: str


class TemplateAuthor(Wire):
    """The author of the template."""

    name: str
    title: str
    company: AuthorCompany


class TemplateCost(Wire):
    """The cost of a run, in credits."""

    min: Number
    max: Number


class TemplateValue(Wire):
    """A value that has to be given; `what`: in words what it is."""

    name: str
    what: str


class TemplateNeeds(Wire):
    """What a template is filled in with: connectors of these integrations, values, and for a play a model with these columns."""

    integration_slugs: list[str]
    values: list[TemplateValue]
    columns: dict[str, ColumnType]


class _Template(Wire):
    """The fields of every template. `placeholders`: the texts to replace before the nodes are valid, as `template apply` does."""

    slug: str
    workspace_uuid: Uuid | None
    scope: Literal["public", "private"]
    name: str
    description: str
    is_preset: bool
    nodes: list[JsonObject]
    categories: list[TemplateCategory]
    author: TemplateAuthor
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
    placeholders: list[str]
    needs: TemplateNeeds


class PlayTemplate(_Template):
    """A graph for a play, with the kind of model that it needs."""

    kind: Literal["play"]
    model: dict[str, Any]


class ToolTemplate(_Template):
    """A graph for a tool, with the form that asks for its input."""

    kind: Literal["tool"]
    form_fields: list[JsonObject]
    icon: ToolIcon
    credits_cost: TemplateCost


class WorkflowTemplate(_Template):
    """A graph for anything."""

    kind: Literal["workflow"]


Template = Annotated[PlayTemplate | ToolTemplate | WorkflowTemplate, Field(discriminator="kind")]


class ListTemplates(Wire):
    """Which templates to list."""

    has_documentation: bool | None = Field(default=None, description="true: only templates with documentation; false: only those without.")
    is_preset: bool | None = Field(default=None, description="true: only presets; false: only others.")
    kinds: Annotated[list[TemplateKind], Listed] | None = Field(default=None, description="Only templates of these kinds.")


class TemplatesReply(Wire):
    """Templates, by slug."""

    templates: list[Template]


class BySlug(Wire):
    """A template named by its slug."""

    slug: Word = Field(description="The slug of the template.")


class TemplateReply(Wire):
    """One template."""

    template: Template


class ApplyTemplate(Wire):
    """Which template to make a tool or play of, and what it is filled in with."""

    slug: Word = Field(description="The slug of the template.")
    name: Name | None = Field(default=None, description="The name of the new tool or play; the template's by default.")
    connectors: Annotated[list[Word], Listed, Field(max_length=50)] | None = Field(
        default=None,
        description="The connectors to use, by slug or uuid, comma-separated. Of other integrations the default one is taken.",
    )
    model: Word | None = Field(default=None, description="The model of a play, by slug or uuid. Other templates take none.")
    values: dict[str, Any] | None = Field(
        default=None, description='What else the template asks for (`needs.values` of template get): {"channel":"#sales"}.'
    )
    enable: bool = Field(default=False, description="Whether a play is enabled at once. Tools run on demand.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder to create it in.")


class AppliedTemplate(Wire):
    """The new tool or play, deployed. `next`: commands that try it and switch it on."""

    tool: Tool | None
    play: Play | None
    message: str
    next: list[str]


ApplyReason = Literal[
    "templateNotFound",
    "connectorNotFound",
    "connectorNotUsed",
    "modelNotFound",
    "modelNotCompatible",
    "invalidValues",
    "folderNotFound",
    "draftReleaseNodesAreInvalid",
]

list_: Operation[ListTemplates, TemplatesReply, Never] = operations.add(
    Operation(
        "orchestration.template.list",
        "POST",
        "/orchestration/templates/list",
        request=ListTemplates,
        response=TemplatesReply,
        summary="List the templates: graphs to start from.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration template list", "cargo-ai orchestration template list --kinds tool")),
    )
)

get: Operation[BySlug, TemplateReply, Literal["templateNotFound"]] = operations.add(
    Operation(
        "orchestration.template.get",
        "GET",
        "/orchestration/templates/{slug}",
        request=BySlug,
        response=TemplateReply,
        summary="Show a template with its nodes and what it needs; orchestration template apply makes a tool or play of it.",
        permission="orchestration:workflow:read",
        refusals={"templateNotFound": refusal(404, "There is no template {slug}.")},
        cli=Cli(examples=("cargo-ai orchestration template get company-enrichment",)),
    )
)

apply: Operation[ApplyTemplate, AppliedTemplate, ApplyReason] = operations.add(
    Operation(
        "orchestration.template.apply",
        "POST",
        "/orchestration/templates/{slug}/apply",
        request=ApplyTemplate,
        response=AppliedTemplate,
        summary="Make a tool or play of a template: filled in with connectors, a model and values, and deployed.",
        permission="orchestration:workflow:write",
        evaluates=True,
        refusals={
            "templateNotFound": refusal(404, "There is no template {slug}."),
            "connectorNotFound": refusal(404, "{cause}"),
            "connectorNotUsed": refusal(400, "The connector {connector} is one of {integration}, which the template {slug} does not use."),
            "modelNotFound": refusal(404, "{cause}"),
            "modelNotCompatible": refusal(400, "The model {model} cannot be used: {cause}"),
            "invalidValues": refusal(400, "{cause}"),
            "folderNotFound": refusal(404, "There is no folder with uuid {uuid}."),
            "draftReleaseNodesAreInvalid": refusal(400, "The graph cannot be deployed: {faults}"),
        },
        cli=Cli(
            csv=frozenset({"connectors"}),
            examples=(
                "cargo-ai orchestration template apply email-waterfall",
                """cargo-ai orchestration template apply slack-alert --model leads --values '{"channel":"#sales"}'""",
            ),
        ),
    )
)
