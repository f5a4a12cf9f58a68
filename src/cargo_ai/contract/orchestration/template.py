"""Templates: graphs to start from."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Listed, Number, Word
from cargo_ai.contract.orchestration.tool import ToolIcon
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


class _Template(Wire):
    """The fields of every template. `placeholders`: the texts to replace before the nodes are valid."""

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
        summary="Show a template with its nodes; replace its placeholders __REPLACE_WITH_..._UUID__ before use.",
        permission="orchestration:workflow:read",
        refusals={"templateNotFound": refusal(404, "There is no template {slug}.")},
        cli=Cli(examples=("cargo-ai orchestration template get company-enrichment",)),
    )
)
