"""Custom integrations: services that a workspace registers itself, by a protocol that a server speaks, or by an OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import BeforeValidator, Field, StringConstraints

from cargo_ai.contract import operations
from cargo_ai.contract.connection.integration import comma_separated
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Nothing, Removed, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"

Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][A-Za-z0-9_-]*$", max_length=50)]
OperationNames = Annotated[
    list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]],
    Field(max_length=100),
    BeforeValidator(comma_separated),
]
Secrets = Annotated[
    dict[Literal["signing"], Annotated[str, StringConstraints(min_length=16, max_length=1_000)]],
    Field(max_length=1),
]
_BASE_URL = (
    "Where the service is reached. Of a server that speaks the protocol, GET BASE-URL/manifest gives what it can do; of an OpenAPI "
    "document, the first of its `servers` by default."
)
_OPENAPI = "An OpenAPI 3.0 or 3.1 document in JSON whose operations become actions: the document itself, or its URL."
_OPERATIONS = "Which operations of the document, comma-separated, at most 100: their operationId, or METHOD /path."
_SECRETS = (
    "signing: a text of at least 16 characters that the server knows, too: every request then carries an HMAC-SHA256 of it "
    "(x-cargo-signature). On the command line: signing=@FILE, signing=env:VARIABLE, signing=-, or signing alone to be asked for it."
)


class CustomIntegration(Wire):
    """A service that the workspace has registered."""

    uuid: Uuid
    workspace_uuid: Uuid
    kind: Literal["external"]
    slug: str = Field(description="What connectors and nodes name it by.")
    base_url: str
    name: str
    source: Literal["protocol", "openapi"]
    document_url: str | None = Field(description="Where the OpenAPI document comes from; null: it was given as it is.")
    operations: list[str] | None = Field(description="Which of its operations are actions.")
    is_signed: bool = Field(description="Whether requests carry a signature.")
    fetched_at: Timestamp = Field(description="When the manifest that holds was taken over.")
    problem: str | None = Field(description="Why a later manifest was not taken over, or something else is wrong with it.")
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class CustomIntegrationReply(Wire):
    """One custom integration."""

    custom_integration: CustomIntegration


class CustomIntegrationFound(Wire):
    """One custom integration, under the contract's name for it as well."""

    connector: CustomIntegration
    custom_integration: CustomIntegration


class CustomIntegrationsReply(Wire):
    """Custom integrations, newest first."""

    custom_integrations: list[CustomIntegration]


class CreateCustomIntegration(Wire):
    """A service to register."""

    kind: Literal["external", "worker"] = Field(default="external", description="external: a service at an address.")
    base_url: Address | None = Field(default=None, description=_BASE_URL)
    worker_uuid: str | None = Field(default=None, max_length=64, description="Of a hosted worker: this server hosts none.")
    slug: Slug | None = Field(
        default=None, description="What connectors and nodes name it by; made of its name by default. That of a built-in one is refused."
    )
    openapi: Address | JsonObject | None = Field(default=None, description=_OPENAPI)
    operations: OperationNames | None = Field(default=None, description=_OPERATIONS)
    secrets: Secrets | None = Field(default=None, description=_SECRETS)


class UpdateCustomIntegration(Wire):
    """Changes; absent fields stay as they are. What the service announces is read again in any case."""

    uuid: Uuid = Field(description="The custom integration.")
    base_url: Address | None = Field(default=None, description=f"{_BASE_URL} Another host only while no connector holds secrets for it.")
    worker_uuid: str | None = Field(default=None, max_length=64, description="Of a hosted worker: this server hosts none.")
    openapi: Address | JsonObject | None = Field(
        default=None, description=f"{_OPENAPI} Without it, the document is read again from its URL."
    )
    operations: OperationNames | None = Field(default=None, description=_OPERATIONS)
    secrets: Secrets | None = Field(default=None, description=f"{_SECRETS} {{}}: requests are not signed any more.")


_not_found = refusal(404, "There is no custom integration {uuid} in this workspace.")
_no_worker = refusal(
    404, "There is no worker {worker}: this server hosts none. Run the service anywhere and register its address (--base-url)."
)
_unavailable = refusal(502, "{cause} Nothing was changed.")
_too_many = refusal(
    409, "A workspace has at most {most} custom integrations, with {size} MB of forms: remove one, or choose fewer operations."
)
_invalid = refusal(400, "{cause} Nothing was changed.")

CreateReason = Literal[
    "workerNotFound",
    "failedToGetManifest",
    "invalidManifest",
    "invalidOpenapi",
    "duplicateSlug",
    "slugIsReserved",
    "tooManyCustomIntegrations",
]

create: Operation[CreateCustomIntegration, CustomIntegrationReply, CreateReason] = operations.add(
    Operation(
        "connection.customIntegration.create",
        "POST",
        "/connection/customIntegrations",
        request=CreateCustomIntegration,
        response=CustomIntegrationReply,
        summary="Register a service of your own as an integration of this workspace.",
        permission="connection:write",
        refusals={
            "workerNotFound": _no_worker,
            "failedToGetManifest": _unavailable,
            "invalidManifest": _invalid,
            "invalidOpenapi": _invalid,
            "duplicateSlug": refusal(409, "{cause} Choose another one (--slug)."),
            "slugIsReserved": refusal(409, "{slug} is the slug of an integration of this server: choose another one (--slug)."),
            "tooManyCustomIntegrations": _too_many,
        },
        cli=Cli(
            send={"kind": "external"},
            flags={"kind": (), "worker_uuid": ("--worker-uuid",), "openapi": ("--openapi-json", "--openapi"), "secrets": ("--secret",)},
            files=frozenset({"openapi"}),
            csv=frozenset({"operations"}),
            secrets=frozenset({"secrets"}),
            examples=(
                "cargo-ai connection custom-integration create --base-url https://integration.example.com --secret signing",
                "cargo-ai connection custom-integration create --openapi api.json --operations listCustomers,createCustomer",
                "cargo-ai connection custom-integration create --openapi https://api.example.com/openapi.json "
                "--operations 'GET /v1/customers,POST /v1/customers' --slug billing",
            ),
        ),
        agent_safe=False,
    )
)

get_all: Operation[Nothing, CustomIntegrationsReply, Never] = operations.add(
    Operation(
        "connection.customIntegration.list",
        "GET",
        "/connection/customIntegrations/list",
        request=Nothing,
        response=CustomIntegrationsReply,
        summary="List the custom integrations of this workspace, newest first.",
        permission="connection:read",
        cli=Cli(
            table=("customIntegrations", ("slug", "name", "source", "baseUrl", "problem")),
            examples=("cargo-ai connection custom-integration list",),
        ),
    )
)

NotFoundReason = Literal["customIntegrationNotFound"]

get: Operation[ByUuid, CustomIntegrationFound, NotFoundReason] = operations.add(
    Operation(
        "connection.customIntegration.get",
        "GET",
        "/connection/customIntegrations/{uuid}",
        request=ByUuid,
        response=CustomIntegrationFound,
        summary="Show a custom integration: where it is, and what was wrong when it was read last.",
        permission="connection:read",
        refusals={"customIntegrationNotFound": _not_found},
        cli=Cli(examples=(f"cargo-ai connection custom-integration get {_EXAMPLE}",)),
    )
)

UpdateReason = Literal[
    "customIntegrationNotFound",
    "customIntegrationNotWorker",
    "customIntegrationNotExternal",
    "workerNotFound",
    "failedToGetManifest",
    "invalidManifest",
    "invalidOpenapi",
    "connectorsHoldSecrets",
    "tooManyCustomIntegrations",
]

update: Operation[UpdateCustomIntegration, CustomIntegrationReply, UpdateReason] = operations.add(
    Operation(
        "connection.customIntegration.update",
        "PUT",
        "/connection/customIntegrations/{uuid}",
        request=UpdateCustomIntegration,
        response=CustomIntegrationReply,
        summary="Read again what a custom integration announces, and change its address, document or operations.",
        permission="connection:write",
        refusals={
            "customIntegrationNotFound": _not_found,
            "customIntegrationNotWorker": refusal(400, "{slug} is at an address: change it by --base-url, not by a worker."),
            "customIntegrationNotExternal": refusal(400, "{slug} is not a service at an address."),
            "workerNotFound": _no_worker,
            "failedToGetManifest": _unavailable,
            "invalidManifest": _invalid,
            "invalidOpenapi": _invalid,
            "tooManyCustomIntegrations": _too_many,
            "connectorsHoldSecrets": refusal(
                409,
                "{connectors} would send secrets to {address}, for which they were not entered: remove them first. Nothing was changed.",
            ),
        },
        cli=Cli(
            flags={"openapi": ("--openapi-json", "--openapi"), "secrets": ("--secret",)},
            files=frozenset({"openapi"}),
            csv=frozenset({"operations"}),
            secrets=frozenset({"secrets"}),
            examples=(
                f"cargo-ai connection custom-integration update {_EXAMPLE}",
                f"cargo-ai connection custom-integration update {_EXAMPLE} --base-url https://integration.example.com/v2",
                f"cargo-ai connection custom-integration update {_EXAMPLE} --operations listCustomers",
            ),
        ),
        agent_safe=False,
    )
)

RemoveReason = Literal["customIntegrationNotFound", "customIntegrationIsUsed"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "connection.customIntegration.remove",
        "DELETE",
        "/connection/customIntegrations/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove a custom integration that has no connectors; nodes that still name it fail with a sentence.",
        permission="connection:write",
        refusals={
            "customIntegrationNotFound": _not_found,
            "customIntegrationIsUsed": refusal(409, "It has the connectors {connectors}: remove them first."),
        },
        cli=Cli(examples=(f"cargo-ai connection custom-integration remove {_EXAMPLE}",)),
        agent_safe=False,
    )
)
