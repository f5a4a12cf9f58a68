"""Connectors: accounts of integrations. Secrets go in and come out as `***`."""

from __future__ import annotations

from typing import Annotated, Literal, Never, TypedDict

from pydantic import Field, StringConstraints

from cargo_ai.contract import operations
from cargo_ai.contract.connection.dataset import Dataset
from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.kernel.operation import Cli, Operation, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=50),
    Field(description="Unique in the workspace, also the slug of its dataset: letters, digits, `_` and `-`, at most 50 characters."),
]
CacheTtl = Annotated[int, Field(ge=0, le=2_592_000_000)]
Secrets = Annotated[dict[Annotated[str, StringConstraints(max_length=200)], str], Field(max_length=50)]
_VERIFY = (
    "Call the service before anything is stored, and store nothing when it does not accept the account. false (--no-verify): store without "
    "a call."
)
_SECRETS = (
    "Secrets by their paths in `config`, such as auth.token. On the command line, once for each: PATH=@FILE, PATH=env:VARIABLE, PATH=- "
    "(standard input), PATH=secret://env/NAME (kept elsewhere), or PATH alone to be asked for it."
)
_CACHE = "How long replies of equal calls are reused, in milliseconds, at most 30 days; 0 or null: never."
_RATE = 'The rate limit: {"unit":"minute","max":100,"strategy":"spread"} (day, hour, minute, second; spread by default, or burst)'


ConnectorStatus = Annotated[
    Literal["active", "stopped", "disconnected"],
    Field(description="stopped: people have stopped it; disconnected: a person has to connect it (connector connect). Its runs wait."),
]


class RateLimit(Wire):
    """The most calls per unit of time. spread: evenly paced; burst: immediately, until the calls of the unit are used up."""

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
    config: JsonObject | None = Field(description="The settings; secrets are shown as `***`. null: calls are paid with credits.")
    use_credits: bool
    is_default: bool
    status: ConnectorStatus
    stopped_at: Timestamp | None = Field(description="Since when it is stopped: runs that come to it wait.")
    disconnected_at: Timestamp | None = Field(description="Since when a person has to connect it: runs that come to it wait.")
    disconnected_because: str | None
    rate_limit: RateLimit | None
    cache_ttl_milliseconds: int | None
    webhook_url: str | None = Field(default=None, description="Of the integration webhook: where other services send their events to.")
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

    name: Name = Field(description="The name, 1 to 200 characters.")
    slug: Slug
    integration_slug: Annotated[
        str, Field(max_length=100, description="The integration, as `connection integration list` shows it."), AS_THERE_IS
    ]
    config: JsonObject | None = Field(
        default=None,
        description='Settings and secrets, as in `connector.config.schema` of connection integration get: {"baseUrl":"https://api.example.com"}.',
    )
    secrets: Secrets | None = Field(default=None, description=_SECRETS)
    rate_limit: RateLimit | None = Field(default=None, description=f"{_RATE}; no limit by default.")
    cache_ttl_milliseconds: CacheTtl | None = Field(default=None, description=_CACHE)
    verify: bool = Field(default=True, description=_VERIFY)


class UpdateConnector(Wire):
    """Changes to a connector; absent fields stay as they are."""

    uuid: Uuid = Field(description="The connector.")
    name: Name | None = Field(default=None, description="The new name.")
    is_default: bool | None = Field(default=None, description="Whether nodes that name no connector of the integration use this one.")
    config: JsonObject | None = Field(
        default=None, description="Replaces all settings; a secret given as `***` keeps its value. null: no settings."
    )
    secrets: Secrets | None = Field(default=None, description=f"{_SECRETS} Without `config`, all else stays as it is.")
    rate_limit: RateLimit | None = Field(default=None, description=f"{_RATE}; null: no limit.")
    cache_ttl_milliseconds: CacheTtl | None = Field(default=None, description=_CACHE)
    verify: bool = Field(default=True, description=_VERIFY)


class GetConnector(Wire):
    """Which connector, and whether to prove it."""

    uuid: Uuid = Field(description="The connector.")
    verify: bool = Field(default=False, description="Call the service once, and refuse in its words when it does not accept the account.")


class ListConnectors(Wire):
    """Which connectors."""

    integration_slug: Annotated[str | None, AS_THERE_IS] = Field(default=None, description="Only connectors of this integration.")


class BySlug(Wire):
    """A thing named by its slug."""

    slug: Annotated[str, Field(max_length=200, description="The slug.")]


class Exists(Wire):
    """Whether there is one."""

    exists: bool


_not_found = refusal(404, "There is no connector {connector} in this workspace.")
_unproven = refusal(400, "{said} Nothing was stored; --no-verify stores without asking the service.")
_no_integration = refusal(404, "There is no integration {integration}.")


class _SecretFlag(TypedDict):
    flags: dict[str, tuple[str, ...]]
    secrets: frozenset[str]


_SECRET_FLAG: _SecretFlag = {"flags": {"secrets": ("--secret",)}, "secrets": frozenset({"secrets"})}

CreateReason = Literal["integrationNotFound", "duplicateSlug", "verificationFailed"]

create: Operation[CreateConnector, CreatedConnector, CreateReason] = operations.add(
    Operation(
        "connection.connector.create",
        "POST",
        "/connection/connectors",
        request=CreateConnector,
        response=CreatedConnector,
        summary="Create a connector: an account of an integration, with its credentials.",
        permission="connection:write",
        refusals={
            "integrationNotFound": _no_integration,
            "duplicateSlug": refusal(409, "This workspace has a connector or dataset {slug} already: choose another slug."),
            "verificationFailed": _unproven,
        },
        cli=Cli(
            examples=(
                "cargo-ai connection connector create --integration-slug http --slug crm --name CRM "
                '--config \'{"baseUrl":"https://api.example.com","auth":{"kind":"bearer"}}\' --secret auth.token',
                "cargo-ai connection connector create --integration-slug http --slug billing --name Billing --config @billing.json "
                '--rate-limit \'{"unit":"minute","max":100}\'',
            ),
            **_SECRET_FLAG,
        ),
        agent_safe=False,
    )
)

NotFoundReason = Literal["connectorNotFound"]
GetReason = Literal["connectorNotFound", "verificationFailed"]

get: Operation[GetConnector, ConnectorReply, GetReason] = operations.add(
    Operation(
        "connection.connector.get",
        "GET",
        "/connection/connectors/{uuid}",
        request=GetConnector,
        response=ConnectorReply,
        summary="Show a connector, without its secrets; --verify proves that its service accepts it.",
        permission="connection:read",
        refusals={"connectorNotFound": _not_found, "verificationFailed": refusal(400, "{said}")},
        waits=Waits("connector.uuid", "connector.status", frozenset({"active"})),
        cli=Cli(
            examples=(
                f"cargo-ai connection connector get {_EXAMPLE}",
                f"cargo-ai connection connector get {_EXAMPLE} --verify",
            )
        ),
    )
)

get_all: Operation[ListConnectors, ConnectorsReply, Never] = operations.add(
    Operation(
        "connection.connector.list",
        "GET",
        "/connection/connectors/list",
        request=ListConnectors,
        response=ConnectorsReply,
        summary="List the connectors, newest first.",
        permission="connection:read",
        cli=Cli(examples=("cargo-ai connection connector list", "cargo-ai connection connector list --integration-slug http")),
    )
)

UpdateReason = Literal["connectorNotFound", "integrationNotFound", "verificationFailed"]

update: Operation[UpdateConnector, ConnectorReply, UpdateReason] = operations.add(
    Operation(
        "connection.connector.update",
        "PUT",
        "/connection/connectors/{uuid}",
        request=UpdateConnector,
        response=ConnectorReply,
        summary="Change a connector's name, settings or limits, or make it the default.",
        permission="connection:write",
        refusals={"connectorNotFound": _not_found, "integrationNotFound": _no_integration, "verificationFailed": _unproven},
        cli=Cli(
            examples=(
                f"cargo-ai connection connector update --uuid {_EXAMPLE} --name CRM",
                f'cargo-ai connection connector update --uuid {_EXAMPLE} --rate-limit \'{{"unit":"second","max":10}}\'',
                f"cargo-ai connection connector update --uuid {_EXAMPLE} --secret auth.token=secret://env/CRM_TOKEN",
            ),
            **_SECRET_FLAG,
        ),
        agent_safe=False,
    )
)

RemoveReason = Literal["connectorNotFound", "connectorIsUsedInWorkflows", "connectorIsUsedInModels"]

remove: Operation[ByUuid, RemovedToBin, RemoveReason] = operations.add(
    Operation(
        "connection.connector.remove",
        "DELETE",
        "/connection/connectors/{uuid}",
        request=ByUuid,
        response=RemovedToBin,
        summary="Remove a connector that nothing uses, with its secrets: they go to the bin.",
        permission="connection:write",
        refusals={
            "connectorNotFound": _not_found,
            "connectorIsUsedInWorkflows": refusal(409, "This connector is used by {users}: take it out there first."),
            "connectorIsUsedInModels": refusal(409, "This connector feeds {users}: remove them first."),
        },
        cli=Cli(bin_kind="connector", examples=(f"cargo-ai connection connector remove {_EXAMPLE}",)),
        agent_safe=False,
    )
)

stop: Operation[ByUuid, ConnectorReply, NotFoundReason] = operations.add(
    Operation(
        "connection.connector.stop",
        "POST",
        "/connection/connectors/{uuid}/stop",
        request=ByUuid,
        response=ConnectorReply,
        summary="Stop a connector: within two seconds no run calls its service any more. Runs that come to it wait; none fails.",
        permission="connection:write",
        refusals={"connectorNotFound": _not_found},
        cli=Cli(examples=(f"cargo-ai connection connector stop {_EXAMPLE}",)),
    )
)

start: Operation[ByUuid, ConnectorReply, NotFoundReason] = operations.add(
    Operation(
        "connection.connector.start",
        "POST",
        "/connection/connectors/{uuid}/start",
        request=ByUuid,
        response=ConnectorReply,
        summary="Start a stopped connector again: the runs that wait for it go on at once.",
        permission="connection:write",
        refusals={"connectorNotFound": _not_found},
        cli=Cli(examples=(f"cargo-ai connection connector start {_EXAMPLE}",)),
    )
)

exists_by_slug: Operation[BySlug, Exists, Never] = operations.add(
    Operation(
        "connection.connector.existsBySlug",
        "GET",
        "/connection/connectors/existsBySlug",
        request=BySlug,
        response=Exists,
        summary="Check whether the workspace has a connector with this slug.",
        permission="connection:read",
        cli=Cli(examples=("cargo-ai connection connector exists-by-slug --slug crm",)),
    )
)
