"""Connectors: accounts of integrations. Secrets go in and come out as `***`."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field, StringConstraints

from cargo_ai.contract import operations
from cargo_ai.contract.connection.dataset import Dataset
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Removed, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=50),
    Field(description="Its own name in this workspace, also that of its dataset: letters, digits, `_` and `-`."),
]
CacheTtl = Annotated[
    int,
    Field(ge=0, le=2_592_000_000, description="Milliseconds for which the same call is answered from what is stored; 0 or null: never."),
]


class RateLimit(Wire):
    """How many calls may go in a unit of time. spread: evenly paced; burst: as they come until the unit's are used up."""

    unit: Literal["day", "hour", "minute", "second"]
    max: Annotated[int, Field(ge=1, le=1_000_000)]
    strategy: Literal["spread", "burst"] = "spread"


class Connector(Wire):
    """An account of an integration."""

    uuid: Uuid
    workspace_uuid: Uuid
    user_uuid: Uuid
    name: str
    slug: str
    integration_slug: str
    config: JsonObject = Field(description="Its settings; secrets are shown as `***`.")
    use_credits: bool
    is_default: bool
    rate_limit: RateLimit | None
    cache_ttl_milliseconds: int | None
    plays_count: int
    tools_count: int
    models_count: int
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class ConnectorReply(Wire):
    """One connector."""

    connector: Connector


class CreatedConnector(Wire):
    """A new connector and the dataset that it owns."""

    connector: Connector
    dataset: Dataset


class ConnectorsReply(Wire):
    """Connectors, newest first."""

    connectors: list[Connector]


class CreateConnector(Wire):
    """A new account of an integration."""

    name: Name
    slug: Slug
    integration_slug: Annotated[str, Field(max_length=100, description="See `cargo-ai connection integration list`.")]
    config: JsonObject | None = Field(
        default=None, description="Settings and secrets, as the integration's `connector.config.schema` says."
    )
    rate_limit: RateLimit | None = None
    cache_ttl_milliseconds: CacheTtl | None = None


class UpdateConnector(Wire):
    """What to change; what is absent stays."""

    uuid: Uuid
    name: Name | None = None
    is_default: bool | None = Field(default=None, description="Whether nodes that name no connector use this one.")
    config: JsonObject | None = Field(
        default=None, description="Replaces the settings as a whole; a secret given as `***` stays as it is. null: no settings."
    )
    rate_limit: RateLimit | None = Field(default=None, description="null: no limit.")
    cache_ttl_milliseconds: CacheTtl | None = None


class ListConnectors(Wire):
    """Which connectors."""

    integration_slug: str | None = None


class BySlug(Wire):
    """A thing named by its slug."""

    slug: Annotated[str, Field(max_length=200)]


class Exists(Wire):
    """Whether there is one."""

    exists: bool


_not_found = refusal(404, "There is no connector {connector} in this workspace.")
_no_integration = refusal(404, "There is no integration {integration}.")

CreateReason = Literal["integrationNotFound", "duplicateSlug"]

create: Operation[CreateConnector, CreatedConnector, CreateReason] = operations.add(
    Operation(
        "connection.connector.create",
        "POST",
        "/connection/connectors",
        request=CreateConnector,
        response=CreatedConnector,
        summary="Connect an account of an integration.",
        permission="connection:write",
        refusals={
            "integrationNotFound": _no_integration,
            "duplicateSlug": refusal(409, "This workspace has a connector or dataset {slug} already: choose another slug."),
        },
        cli=Cli(
            examples=(
                "cargo-ai connection connector create --integration-slug http --slug crm --name CRM "
                '--config \'{"baseUrl":"https://api.example.com","auth":{"kind":"bearer","token":"..."}}\'',
                "cargo-ai connection connector create --integration-slug http --slug billing --name Billing --config @billing.json "
                '--rate-limit \'{"unit":"minute","max":100}\'',
            )
        ),
        agent_safe=False,
    )
)

NotFoundReason = Literal["connectorNotFound"]

get: Operation[ByUuid, ConnectorReply, NotFoundReason] = operations.add(
    Operation(
        "connection.connector.get",
        "GET",
        "/connection/connectors/{uuid}",
        request=ByUuid,
        response=ConnectorReply,
        summary="Show a connector, its secrets hidden.",
        permission="connection:read",
        refusals={"connectorNotFound": _not_found},
        cli=Cli(examples=(f"cargo-ai connection connector get {_EXAMPLE}",)),
    )
)

get_all: Operation[ListConnectors, ConnectorsReply, Never] = operations.add(
    Operation(
        "connection.connector.list",
        "GET",
        "/connection/connectors/list",
        request=ListConnectors,
        response=ConnectorsReply,
        summary="List the workspace's connectors, newest first.",
        permission="connection:read",
        cli=Cli(examples=("cargo-ai connection connector list", "cargo-ai connection connector list --integration-slug http")),
    )
)

UpdateReason = Literal["connectorNotFound", "integrationNotFound"]

update: Operation[UpdateConnector, ConnectorReply, UpdateReason] = operations.add(
    Operation(
        "connection.connector.update",
        "PUT",
        "/connection/connectors/{uuid}",
        request=UpdateConnector,
        response=ConnectorReply,
        summary="Change a connector's name, settings, limits, or make it the default one.",
        permission="connection:write",
        refusals={"connectorNotFound": _not_found, "integrationNotFound": _no_integration},
        cli=Cli(
            examples=(
                f"cargo-ai connection connector update --uuid {_EXAMPLE} --name CRM",
                f'cargo-ai connection connector update --uuid {_EXAMPLE} --rate-limit \'{{"unit":"second","max":10}}\'',
            )
        ),
        agent_safe=False,
    )
)

RemoveReason = Literal["connectorNotFound", "connectorIsUsedInWorkflows", "connectorIsUsedInModels"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "connection.connector.remove",
        "DELETE",
        "/connection/connectors/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove a connector that nothing uses, with its secrets.",
        permission="connection:write",
        refusals={
            "connectorNotFound": _not_found,
            "connectorIsUsedInWorkflows": refusal(409, "This connector is used by {users}: take it out there first."),
            "connectorIsUsedInModels": refusal(409, "This connector feeds {users}: remove them first."),
        },
        cli=Cli(examples=(f"cargo-ai connection connector remove {_EXAMPLE}",)),
        agent_safe=False,
    )
)

exists_by_slug: Operation[BySlug, Exists, Never] = operations.add(
    Operation(
        "connection.connector.existsBySlug",
        "GET",
        "/connection/connectors/existsBySlug",
        request=BySlug,
        response=Exists,
        summary="Whether the workspace has a connector with this slug.",
        permission="connection:read",
        cli=Cli(examples=("cargo-ai connection connector exists-by-slug --slug crm",)),
    )
)
