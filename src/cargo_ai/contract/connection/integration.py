"""Integrations: the services that can be connected, with the forms of their accounts and actions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never, cast

from pydantic import BeforeValidator, Field

from cargo_ai.contract import operations
from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Wire

Category = Literal[
    "engagement", "marketing", "sales", "finance", "analytics", "freeform", "success", "support", "enrichment", "storage", "custom"
]


def comma_separated(value: Any) -> Any:
    """`a,b` and a lone `a` mean a list, as on the command line."""
    if not isinstance(value, str):
        return cast("object", value)
    return [item.strip() for item in value.split(",") if item.strip()]


class Integration(Wire):
    """An integration with a service. Forms are JSON Schemas; `writeOnly` fields of the connector's form are secrets."""

    name: str
    description: str
    slug: str
    icon: str
    color: str
    url: str
    category: Category
    sub_categories: list[str]
    connector: JsonObject = Field(description="`{config: {schema, jsonSchema, uiSchema}, rateLimit?, caching}`")
    actions: dict[str, JsonObject] = Field(
        description="By slug: `{name, description, config, output?, credits?, children?, hint, idempotency, rowBatch?, …}`. `hint`: it "
        "`reads`, `writes` or `deletes`. `idempotency`: what makes a second attempt harmless. `rowBatch`: how many runs go in one call."
    )
    extractors: dict[str, JsonObject] = Field(
        description="What fills models, by slug: `{name, description, kind, config, mode, preview, tellsRemovals, …}`. "
        "`columns`: where they are the same for every account."
    )
    dynamic_schemas: dict[str, JsonObject]
    autocompletes: list[JsonObject]
    documentation_path: str


class IntegrationReply(Wire):
    """One integration."""

    integration: Integration


class IntegrationsReply(Wire):
    """Integrations, by name."""

    integrations: list[Integration]


class ListIntegrations(Wire):
    """Which integrations to list: those that match every filter."""

    category: Category | None = Field(default=None, description="Only integrations of this category.")
    slug: Annotated[str | None, AS_THERE_IS] = Field(default=None, description="Only the integration with this slug.")
    slugs: Annotated[list[str], BeforeValidator(comma_separated)] | None = Field(
        default=None, description="Only integrations with these slugs, comma-separated."
    )
    search: str | None = Field(default=None, description="Words that must all occur in name, slug, description, category or action names.")
    has_actions: bool | None = Field(default=None, description="true: only integrations with actions; false: only those without.")
    has_extractors: bool | None = Field(default=None, description="true: only integrations that fill models; false: only others.")


class NamedIntegration(Wire):
    """An integration named by its slug."""

    slug: Annotated[str, AS_THERE_IS, Field(max_length=200, description="The slug.")]


class Documentation(Wire):
    """The documentation of an integration, as Markdown."""

    text: str


_not_found = refusal(404, "There is no integration {integration}.")

NotFoundReason = Literal["integrationNotFound"]

get: Operation[NamedIntegration, IntegrationReply, NotFoundReason] = operations.add(
    Operation(
        "connection.integration.get",
        "GET",
        "/connection/integrations/{slug}",
        request=NamedIntegration,
        response=IntegrationReply,
        summary="Show an integration: the config of its connectors, and the inputs and outputs of its actions.",
        permission="connection:read",
        refusals={"integrationNotFound": _not_found},
        cli=Cli(page="integration.documentationPath", examples=("cargo-ai connection integration get http",)),
    )
)

get_all: Operation[ListIntegrations, IntegrationsReply, Never] = operations.add(
    Operation(
        "connection.integration.list",
        "GET",
        "/connection/integrations/list",
        request=ListIntegrations,
        response=IntegrationsReply,
        summary="List the integrations that can be connected.",
        permission="connection:read",
        cli=Cli(
            csv=frozenset({"slugs"}),
            table=("integrations", ("slug", "name", "category", "description")),
            examples=(
                "cargo-ai connection integration list",
                "cargo-ai connection integration list --category enrichment --has-actions true",
            ),
        ),
    )
)

get_documentation: Operation[NamedIntegration, Documentation, NotFoundReason] = operations.add(
    Operation(
        "connection.integration.getDocumentation",
        "GET",
        "/connection/integrations/{slug}/documentation",
        request=NamedIntegration,
        response=Documentation,
        summary="Read an integration's documentation, as plain text.",
        permission="connection:read",
        refusals={"integrationNotFound": _not_found},
        output="text",
        cli=Cli(examples=("cargo-ai connection integration get-documentation http",)),
    )
)
